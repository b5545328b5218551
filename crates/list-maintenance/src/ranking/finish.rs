//! The end of a ranking at its own list: published if it changed, then stored as clean.

use super::{Step, Work};
use crate::{Claim, Entry, Explanation, List, Mark, Publication, Stored};

impl<I: Clone + Ord, D: Explanation> Work<I, D> {
    /// Publishes before the list is stored as clean: a crash in between leaves the mark,
    /// and whoever finds it publishes again.
    pub(super) fn finish(mut self, list: Option<List<I, D>>) -> Step<I, D> {
        let k = self.job.settings.sizes.k;
        let outcome = &mut self.job.outcome;
        outcome.changed = differ(self.before.as_ref(), list.as_ref(), k);
        let publish = outcome.changed || self.job.republish || self.job.cut_off;
        outcome.published |= publish;
        let mut holds: Vec<I> = Vec::new();
        if let Some(list) = &list {
            holds.extend(list.entries.as_slice().iter().map(|entry| entry.id.clone()));
            holds.sort();
        }
        let best = list.as_ref().map(|list| list.entries.best(k).to_vec());
        let sequence = self.claim.sequence;
        let published = if publish { sequence } else { self.published };
        let state =
            Stored { sequence, ranking: self.claim.ranking, mark: Mark::Clear, list, holds, published };
        let storing = Storing { work: self, state };
        if publish {
            let publication = Publication { sequence, list: best };
            Step::Publish(Publishing { publication, then: storing })
        } else {
            Step::Store(storing)
        }
    }

    /// Only what was stored under its claim may be resolved: another owner who claimed
    /// in between may never finish.
    fn confirmed(self, in_force: bool) -> Step<I, D> {
        match (in_force, self.job.changed) {
            (false, _) => self.job.look(),
            (true, false) => Step::Done(self.job.outcome),
            (true, true) => self.holders(),
        }
    }
}

/// Whether the published parts differ. Revisions are not published.
pub(super) fn differ<I: PartialEq + Clone + Ord, D: PartialEq>(
    before: Option<&List<I, D>>,
    after: Option<&List<I, D>>,
    k: usize,
) -> bool {
    let same = |a: &Entry<I, D>, b: &Entry<I, D>| a.id == b.id && a.score == b.score && a.detail == b.detail;
    match (before, after) {
        (None, None) => false,
        (Some(before), Some(after)) => {
            let (before, after) = (before.entries.best(k), after.entries.best(k));
            before.len() != after.len() || !before.iter().zip(after).all(|(a, b)| same(a, b))
        }
        (Some(_), None) | (None, Some(_)) => true,
    }
}

/// A list to publish.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Publishing<I, D> {
    publication: Publication<I, D>,
    then: Storing<I, D>,
}

impl<I, D> Publishing<I, D> {
    /// The article whose list it is.
    pub fn article(&self) -> &I {
        &self.then.work.job.article
    }

    /// What to publish.
    pub fn publication(&self) -> &Publication<I, D> {
        &self.publication
    }

    /// The list was acknowledged.
    pub fn answer(self) -> Step<I, D> {
        Step::Store(self.then)
    }
}

/// A result to store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Storing<I, D> {
    work: Work<I, D>,
    state: Stored<I, D>,
}

impl<I, D> Storing<I, D> {
    /// The article whose state it is.
    pub fn article(&self) -> &I {
        &self.work.job.article
    }

    /// What to store.
    pub fn state(&self) -> &Stored<I, D> {
        &self.state
    }

    /// The write was completed, in force or not.
    pub fn answer(self) -> Step<I, D> {
        Step::Confirm(Confirming { work: self.work })
    }
}

/// A result that was stored, if its condition held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Confirming<I, D> {
    work: Work<I, D>,
}

impl<I: Clone + Ord, D: Explanation> Confirming<I, D> {
    /// The article whose state it is.
    pub fn article(&self) -> &I {
        &self.work.job.article
    }

    /// The claim under which it was stored.
    pub fn claim(&self) -> &Claim<I> {
        &self.work.claim
    }

    /// Whether the state, read after the write, still is of that claim.
    pub fn answer(self, in_force: bool) -> Step<I, D> {
        self.work.confirmed(in_force)
    }
}
