//! A search, and the second look at what it found.
//!
//! A list must not rest on a neighbour's revision before the store says that the list
//! may hold that neighbour: its owner would not know whom to tell of the next change.
//! What a search brings is not known before it ends, so what is new in it is claimed
//! afterwards, and read once more; what changed in between is compared again.

use std::collections::BTreeSet;

use super::plan::{Then, outdated};
use super::{Claiming, Reading, Step, Work};
use crate::{Candidate, Claim, Compared, Entries, Entry, Explanation, Found, List, Score, View};

impl<I: Clone + Ord, D: Explanation> Work<I, D> {
    pub(super) fn search(mut self) -> Step<I, D> {
        self.found.clear();
        Step::Search(Searching { work: self, ceiling: None, low_searches: 0, complete: true })
    }

    fn ranked(mut self, complete: bool) -> Step<I, D> {
        self.found.sort_by(|a, b| a.id.cmp(&b.id));
        let entry = |found: &Candidate<I, D>| Entry {
            id: found.id.clone(),
            score: found.score,
            revision: found.revision,
            detail: found.detail.clone(),
        };
        let all = self.found.iter().map(entry).collect();
        let entries = Entries::ranked(all, complete, self.job.settings.sizes);
        let list = List { revision: self.revision, entries };
        let new: Vec<I> = list
            .entries
            .as_slice()
            .iter()
            .filter(|entry| self.claim.holds.binary_search(&entry.id).is_err())
            .map(|entry| entry.id.clone())
            .collect();
        if new.is_empty() { self.finish(Some(list)) } else { self.widen(list, new) }
    }

    /// Claims what is new, with the next sequence: a repeated write of the first claim
    /// must not narrow it.
    fn widen(mut self, list: List<I, D>, new: Vec<I>) -> Step<I, D> {
        let holds: BTreeSet<&I> = self.claim.holds.iter().chain(&new).collect();
        let holds = holds.into_iter().cloned().collect();
        self.claim = Claim { sequence: self.claim.sequence + 1, holds, ..self.claim };
        let claim = self.claim.clone();
        Step::Claim(Claiming {
            claim,
            then: Reading { others: new, then: Then::Verify { work: self, list } },
        })
    }

    pub(super) fn verify(self, list: List<I, D>, new: &[I], view: Option<View<I, D>>) -> Step<I, D> {
        let Some(view) = view.filter(|view| view.stored.is_of(&self.claim)) else { return self.job.look() };
        let others = outdated(&list, &view.others, new);
        if others.is_empty() {
            return self.finish(Some(list));
        }
        Step::Compare(Comparing { others, then: ThenCompared::Entries { work: self, list } })
    }

    fn compared_again(self, mut list: List<I, D>, compared: Compared<I, D>, asked: &[I]) -> Step<I, D> {
        for id in asked {
            let pair = compared.pairs.iter().find(|pair| pair.id == *id);
            match pair {
                Some(pair) => list.apply(id.clone(), pair.revision, pair.compared.clone()),
                None => list.entries.remove(id),
            };
        }
        if list.entries.is_short(self.job.settings.sizes.k) {
            return self.search();
        }
        self.finish(Some(list))
    }
}

/// A search to carry out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Searching<I, D> {
    work: Work<I, D>,
    ceiling: Option<Score>,
    low_searches: u32,
    complete: bool,
}

impl<I: Clone + Ord, D: Explanation> Searching<I, D> {
    /// The article to search for, as it was last read.
    pub fn article(&self) -> &I {
        &self.work.job.article
    }

    /// `Some`: search only among articles whose bar is at most this, that have no full
    /// list, or that are marked as searching.
    pub fn bars_up_to(&self) -> Option<Score> {
        self.ceiling
    }

    /// Found by an earlier search of this ranking, in order of id; not to be found again.
    pub fn found_before(&self) -> impl Iterator<Item = &I> {
        self.work.found.iter().map(|candidate| &candidate.id)
    }

    /// What was found, compared exactly; the article itself is not among it.
    pub fn answer(mut self, found: Found<I, D>) -> Step<I, D> {
        let outcome = &mut self.work.job.outcome;
        outcome.searches += 1;
        outcome.truncated += u32::from(found.truncated.is_some());
        self.complete &= found.truncated.is_none() || self.low_searches > 0;
        self.work.found.extend(found.candidates);
        let more = self.work.job.changed && self.low_searches < self.work.job.settings.max_low_searches;
        match found.truncated {
            Some(ceiling) if more => {
                self.work.found.sort_by(|a, b| a.id.cmp(&b.id));
                self.ceiling = Some(ceiling);
                self.low_searches += 1;
                Step::Search(self)
            }
            _ => self.work.ranked(self.complete),
        }
    }
}

/// A comparison with named articles.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Comparing<I, D> {
    pub(super) others: Vec<I>,
    pub(super) then: ThenCompared<I, D>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ThenCompared<I, D> {
    Entries { work: Work<I, D>, list: List<I, D> },
    Holders { work: Work<I, D>, holders: Vec<I> },
}

impl<I: Clone + Ord, D: Explanation> Comparing<I, D> {
    /// The article to compare.
    pub fn article(&self) -> &I {
        match &self.then {
            ThenCompared::Entries { work, .. } | ThenCompared::Holders { work, .. } => &work.job.article,
        }
    }

    /// What to compare it with.
    pub fn others(&self) -> &[I] {
        &self.others
    }

    /// The pairs.
    pub fn answer(self, compared: Compared<I, D>) -> Step<I, D> {
        match self.then {
            ThenCompared::Entries { work, list } => work.compared_again(list, compared, &self.others),
            ThenCompared::Holders { work, holders } => work.tell(&holders, Some(compared)),
        }
    }
}
