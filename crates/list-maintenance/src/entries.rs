//! The stored entries of one list, changed one at a time.
//!
//! Guarantee: as long as every change of a pair is given to [`Entries::set`], the
//! entries are exactly the articles that rank at or above the **horizon**, whatever
//! was inserted, moved or removed in between. So the best k of them are the best k of
//! all articles while at least k are left; only below that a search is needed.
//!
//! The horizon is the last place that a search is known to have covered. Removals
//! leave it where it is: of what lies below it nothing is known, so an article
//! that moves below it leaves the entries, and one that enters there is not taken.
//! Overflow raises it. Only a search can lower it.

use crate::{Place, Score};

/// Sizes of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// Neighbours published: the best `k`. At least 1.
    pub k: usize,
    /// Entries stored, at least `k`. What exceeds `k` are the removals that a list can
    /// take without a search.
    pub kept: usize,
}

/// What identifies an article's comparable content: two reads with the same revision
/// score the same against anything. No order is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// One stored neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry<I, D> {
    pub id: I,
    pub score: Score,
    /// Revision of the neighbour that was compared.
    pub revision: Revision,
    /// What is published besides the score: the explanation.
    pub detail: D,
}

impl<I: Clone, D> Entry<I, D> {
    fn place(&self) -> Place<I> {
        Place { score: self.score, id: self.id.clone() }
    }
}

/// The best entries of one article, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entries<I, D> {
    sorted: Vec<Entry<I, D>>,
    horizon: Option<Place<I>>,
    kept: usize,
}

impl<I: Clone + Ord, D: PartialEq> Entries<I, D> {
    /// The entries after a search. `all` holds whatever the search found, in any order
    /// and each article once; `complete` says that nothing else exists.
    pub fn ranked(mut all: Vec<Entry<I, D>>, complete: bool, sizes: Sizes) -> Self {
        all.sort_by_cached_key(Entry::place);
        let everything = complete && all.len() <= sizes.kept;
        all.truncate(sizes.kept);
        let horizon = if everything { None } else { all.last().map(Entry::place) };
        Self { sorted: all, horizon, kept: sizes.kept }
    }

    /// Entries as they were stored: `sorted` and `horizon` of an earlier value.
    pub fn restored(sorted: Vec<Entry<I, D>>, horizon: Option<Place<I>>, sizes: Sizes) -> Self {
        Self { sorted, horizon, kept: sizes.kept }
    }

    /// All entries, best first.
    pub fn as_slice(&self) -> &[Entry<I, D>] {
        &self.sorted
    }

    /// Every article that ranks here or better is among the entries; `None`: every
    /// article that has a score is.
    pub fn horizon(&self) -> Option<&Place<I>> {
        self.horizon.as_ref()
    }

    /// What is published.
    pub fn best(&self, k: usize) -> &[Entry<I, D>] {
        &self.sorted[..k.min(self.sorted.len())]
    }

    /// Fewer than `k` are left, and more may exist.
    pub fn is_short(&self, k: usize) -> bool {
        self.sorted.len() < k && self.horizon.is_some()
    }

    /// Inserts or moves an article; an entry below the horizon leaves. Answers whether
    /// anything changed.
    pub fn set(&mut self, entry: Entry<I, D>) -> bool {
        if self.sorted.contains(&entry) {
            return false;
        }
        let removed = self.remove(&entry.id);
        let place = entry.place();
        if self.horizon.as_ref().is_some_and(|horizon| place > *horizon) {
            return removed;
        }
        let at = self.sorted.partition_point(|other| other.place() < place);
        self.sorted.insert(at, entry);
        if self.sorted.len() > self.kept {
            self.sorted.truncate(self.kept);
            self.horizon = self.sorted.last().map(Entry::place);
        }
        true
    }

    /// Removes an article. Answers whether it was there.
    pub fn remove(&mut self, id: &I) -> bool {
        let before = self.sorted.len();
        self.sorted.retain(|entry| entry.id != *id);
        self.sorted.len() < before
    }
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
