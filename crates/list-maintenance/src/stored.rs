//! What the store keeps of a ranking, and the conditions of its writes.
//!
//! Guarantee: of all writers that ever claim a sequence, or store under it without a claim,
//! one gets it, and only that one can store under it; nothing can be stored once a
//! higher sequence is taken, however late the write arrives and however often.

use std::collections::BTreeMap;

use crate::{Bar, Entries, Entry, Revision};

/// Whether a ranking is under way, or was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mark {
    #[default]
    Clear,
    /// Entries are being changed: the stored ones and their horizon still hold.
    Editing,
    /// A search is under way: it may have missed what changed since it began.
    Searching,
}

/// An article's list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct List<I, D> {
    /// Revision of the article that was compared.
    pub revision: Revision,
    pub entries: Entries<I, D>,
}

/// The ranking state of one article in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stored<I, D> {
    /// Last sequence claimed; 0: never ranked.
    pub sequence: u64,
    /// Name of the ranking that claimed it.
    pub ranking: u64,
    pub mark: Mark,
    /// `None`: never ranked, or nothing to compare.
    pub list: Option<List<I, D>>,
    /// Every article the list holds, or may hold when the ranking under way stores
    /// it. In order, each once.
    pub holds: Vec<I>,
    /// Sequence of the list (or tombstone) last published.
    pub published: u64,
}

impl<I, D> Default for Stored<I, D> {
    fn default() -> Self {
        Self { sequence: 0, ranking: 0, mark: Mark::Clear, list: None, holds: Vec::new(), published: 0 }
    }
}

impl<I: Clone + Ord, D: PartialEq> Stored<I, D> {
    /// What another article must score to be told to this one's owner.
    pub fn bar(&self) -> Bar {
        match (self.mark, &self.list) {
            (Mark::Searching, _) => Bar::Open,
            (_, None) => Bar::NoList,
            (_, Some(list)) => match list.entries.horizon() {
                None => Bar::Open,
                Some(horizon) => Bar::At(horizon.score),
            },
        }
    }

    /// This state is what `claim` left, and nobody has claimed since.
    pub fn is_of(&self, claim: &Claim<I>) -> bool {
        self.sequence == claim.sequence && self.ranking == claim.ranking
    }

    /// Carries out a claim if its condition holds: a higher sequence than any before.
    pub fn claim(&mut self, claim: &Claim<I>) -> bool {
        let holds = claim.sequence > self.sequence;
        if holds {
            self.sequence = claim.sequence;
            self.ranking = claim.ranking;
            self.mark = claim.mark;
            self.holds.clone_from(&claim.holds);
        }
        holds
    }

    /// Carries out a store if its condition holds: the sequence is its own by a claim, or
    /// nobody's yet.
    pub fn store(&mut self, state: &Self) -> bool
    where
        D: Clone,
    {
        let is_own = self.sequence == state.sequence && self.ranking == state.ranking;
        let holds = is_own || self.sequence < state.sequence;
        if holds {
            self.clone_from(state);
        }
        holds
    }
}

/// A write that takes the next sequence and marks the list, before anything is read
/// that the list will rest on. Condition: the stored sequence is lower.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim<I> {
    pub sequence: u64,
    pub ranking: u64,
    pub mark: Mark,
    /// Replaces [`Stored::holds`].
    pub holds: Vec<I>,
}

/// An article as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View<I, D> {
    /// Read before the content that later searches and comparisons use.
    pub revision: Revision,
    /// Nothing to compare: deleted, or never had an image or text.
    pub is_empty: bool,
    pub stored: Stored<I, D>,
    /// Revisions of the other articles asked for; absent: never stored.
    pub others: BTreeMap<I, Revision>,
}

/// A list to publish.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Publication<I, D> {
    pub sequence: u64,
    /// The best k; `None`: a tombstone.
    pub list: Option<Vec<Entry<I, D>>>,
}
