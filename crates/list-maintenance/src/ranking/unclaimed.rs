//! An edit that needs no claim, because nobody is shown what it changes and it brings
//! nobody in: one write instead of two.
//!
//! A claim takes a sequence to publish under, leaves a mark while the list is not what
//! was published, and says whom the list may hold before it does. Where the published
//! entries stay as they are and every neighbour is held already, one write does, which
//! takes the next sequence itself: its condition is that the state is still the one it
//! was planned on.
//!
//! Revisions are read after that state. So a neighbour that changes after its revision
//! was read finds this list among its holders as long as nobody has written, or the
//! list without it behind the same bar; and once anybody has, the write yields.

use std::collections::BTreeMap;

use super::finish::differ;
use super::plan::Plan;
use super::{Job, Step};
use crate::{Claim, Explanation, List, Mark, Revision, Stored, View};

impl<I: Clone + Ord, D: Explanation> Job<I, D> {
    /// Whether `edited` may take the place of the stored list without a claim.
    pub(super) fn is_unclaimed(&self, stored: &Stored<I, D>, edited: &List<I, D>) -> bool {
        let is_held = |id: &I| stored.holds.binary_search(id).is_ok();
        stored.mark == Mark::Clear
            && !self.republish
            && !self.cut_off
            && edited.entries.as_slice().iter().all(|entry| is_held(&entry.id))
            && !differ(stored.list.as_ref(), Some(edited), self.settings.sizes.k)
    }

    pub(super) fn check(self, stored: Stored<I, D>) -> Step<I, D> {
        Step::Check(Checking { job: self, stored })
    }

    pub(super) fn store_unclaimed(self, view: &View<I, D>, edited: List<I, D>) -> Step<I, D> {
        let Stored { sequence, holds, .. } = &view.stored;
        let claim =
            Claim { sequence: sequence + 1, ranking: self.name, mark: Mark::Clear, holds: holds.clone() };
        self.work(claim, view).finish(Some(edited))
    }
}

/// A read of revisions for an edit of a state that was read before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checking<I, D> {
    job: Job<I, D>,
    stored: Stored<I, D>,
}

impl<I: Clone + Ord, D: Explanation> Checking<I, D> {
    /// The article whose revision is to be read.
    pub fn article(&self) -> &I {
        &self.job.article
    }

    /// The articles whose revisions are to be read too.
    pub fn others(&self) -> Vec<I> {
        self.job.others()
    }

    /// The article's revision, `None` if it was never stored, and those of the others;
    /// absent: never stored.
    pub fn answer(self, revision: Option<Revision>, others: BTreeMap<I, Revision>) -> Step<I, D> {
        let Self { job, stored } = self;
        let Some(revision) = revision else { return job.look() };
        let view = View { revision, is_empty: false, stored, others };
        match job.needs(&view) {
            Plan::EditUnclaimed(edited) => job.store_unclaimed(&view, edited),
            planned => job.plan_for(planned, &view),
        }
    }
}
