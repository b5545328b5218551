//! What is sent to the owner of an article, and what a search finds.

use std::sync::Arc;

use crate::{Revision, Score};

/// Why a pair scores what it scores, as published with a neighbour.
pub trait Explanation: Clone + PartialEq {
    /// The same pair seen from the other article.
    #[must_use]
    fn mirrored(&self) -> Self;
}

impl Explanation for () {
    fn mirrored(&self) {}
}

/// Shared: entries are copied at every step of a ranking.
impl<T: Explanation> Explanation for Arc<T> {
    fn mirrored(&self) -> Self {
        Self::new((**self).mirrored())
    }
}

/// A request to the owner of an article. Requests may come twice and in any order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request<I, D> {
    /// The article itself changed: its list, and all lists it may enter or leave.
    Changed,
    /// Another article changed, and this is what the pair scores now.
    Scored(Scored<I, D>),
    /// Rank again whatever is stored: the sweeper's request.
    Sweep,
    /// An older list was published after the newest: publish the newest again.
    Republish,
}

/// A pair's score, with the revisions of both sides that were compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scored<I, D> {
    /// The article that changed.
    pub other: I,
    pub other_revision: Revision,
    /// Revision of the article that gets this request.
    pub revision: Revision,
    /// Score and explanation, seen from the article that gets this request; `None`:
    /// the two are not neighbours.
    pub compared: Option<(Score, D)>,
}

/// What an article must score to be told of: read together with the article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bar {
    /// There is no list: its first search is still to come, and will see everything
    /// that is stored now.
    NoList,
    /// A search is under way or was cut off, or the list takes whatever has a score.
    Open,
    /// Score of the horizon.
    At(Score),
}

impl Bar {
    /// Whether an article with this score may belong among the entries.
    pub fn admits(self, score: Score) -> bool {
        match self {
            Self::NoList => false,
            Self::Open => true,
            Self::At(bar) => score >= bar,
        }
    }
}

/// An article that a search found, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate<I, D> {
    pub id: I,
    /// Read before what was compared.
    pub revision: Revision,
    pub score: Score,
    /// Seen from the searching article.
    pub detail: D,
    pub bar: Bar,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Found<I, D> {
    pub candidates: Vec<Candidate<I, D>>,
    /// The search stopped at its limit: what it left out scores at most this. `None`:
    /// nothing was left out.
    pub truncated: Option<Score>,
}

/// The answer to a comparison with named articles.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Compared<I, D> {
    /// Revision of the article itself, read before what was compared.
    pub revision: Revision,
    /// One for each article asked for; those that were never stored may be left out.
    pub pairs: Vec<Pair<I, D>>,
}

/// One compared pair, seen from the article that asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pair<I, D> {
    pub id: I,
    /// Revision of the other article, read before what was compared.
    pub revision: Revision,
    pub compared: Option<(Score, D)>,
}
