//! One ranking of one article: the decisions, step by step.
//!
//! A [`Step`] says what the shell is to do and takes its answer; the answer gives the
//! next step. A shell may stop for good between any two steps, and it must not resolve
//! the requests before [`Step::Done`]. It carries out one step at a time.

mod finish;
mod notify;
mod plan;
mod search;
mod unclaimed;

pub use finish::{Confirming, Publishing, Storing};
pub use notify::{Holding, Sending};
pub use plan::{Claiming, Reading};
pub use search::{Comparing, Searching};
pub use unclaimed::Checking;

use crate::{Candidate, Claim, Explanation, List, Request, Revision, Scored, Sizes, Stored};

/// How lists are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    pub sizes: Sizes,
    /// Most further searches among articles with a low bar when a search of a changed
    /// article was truncated.
    pub max_low_searches: u32,
}

/// What the shell is to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step<I, D> {
    /// Read the article and the revisions of others.
    Read(Reading<I, D>),
    /// Read the revisions of the article and of others, and nothing else.
    Check(Checking<I, D>),
    /// Write a claim, under its condition, and wait until it is completed.
    Claim(Claiming<I, D>),
    /// Search for candidates, and compare each exactly.
    Search(Searching<I, D>),
    /// Compare with named articles as they are stored now.
    Compare(Comparing<I, D>),
    /// Publish a list or a tombstone, acknowledged.
    Publish(Publishing<I, D>),
    /// Store the ranking's result, under its condition, and wait until it is completed.
    Store(Storing<I, D>),
    /// Read whether what was stored is in force.
    Confirm(Confirming<I, D>),
    /// Find the articles that hold this one ([`Stored::holds`](crate::Stored::holds)).
    Holders(Holding<I, D>),
    /// Send requests to the owners of other articles, all acknowledged.
    Send(Sending<I, D>),
    /// Everything is durable: the requests may be resolved.
    Done(Outcome),
}

/// What a ranking did, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Candidate searches, further ones with a low bar included.
    pub searches: u32,
    /// Searches that stopped at their limit.
    pub truncated: u32,
    /// The published part of the list differs from what was stored. For a sweep:
    /// the list was wrong, or its own request was still waiting; it is repaired.
    pub changed: bool,
    /// A list or tombstone was published.
    pub published: bool,
    /// Requests sent to the owners of other articles.
    pub sent: usize,
}

/// What a ranking carries from step to step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Job<I, D> {
    article: I,
    /// Tells this ranking from any other of the same sequence.
    name: u64,
    settings: Settings,
    changed: bool,
    sweep: bool,
    republish: bool,
    scored: Vec<Scored<I, D>>,
    /// Somebody claimed and did not finish: what was published last is not known.
    cut_off: bool,
    outcome: Outcome,
}

/// A ranking whose claim is in force.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Work<I, D> {
    job: Job<I, D>,
    claim: Claim<I>,
    /// Of the article, read after the claim.
    revision: Revision,
    /// The list before this ranking, and the sequence it was published under.
    before: Option<List<I, D>>,
    published: u64,
    /// What the search found; empty without one.
    found: Vec<Candidate<I, D>>,
}

/// Begins a ranking of `article` for all requests that wait together. `name` is random:
/// no two rankings of an article may share it. `remembered` is the article's state as
/// it was read or stored at some time, and spares a read where it still is in force.
pub fn begin<I: Clone + Ord, D: Explanation>(
    article: I,
    name: u64,
    requests: &[Request<I, D>],
    settings: Settings,
    remembered: Option<&Stored<I, D>>,
) -> Step<I, D> {
    let scored = requests.iter().filter_map(|request| match request {
        Request::Scored(scored) => Some(scored.clone()),
        Request::Changed | Request::Sweep | Request::Republish => None,
    });
    let job = Job {
        article,
        name,
        settings,
        changed: requests.contains(&Request::Changed),
        sweep: requests.contains(&Request::Sweep),
        republish: requests.contains(&Request::Republish),
        scored: scored.collect(),
        cut_off: false,
        outcome: Outcome::default(),
    };
    match remembered {
        Some(stored) => job.plan_ahead(stored),
        None => job.look(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
