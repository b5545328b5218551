//! Ranking states that were read or written lately.
//!
//! Guarantee: what is answered was stored at some time, as a whole. It is the state that
//! is stored if the number of its writes and the name of its ranking are: each write
//! follows one that was read, so no two states share both.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::ports::Ranked;

/// Memory of a list, about: only for the first size of the table.
const USUAL_BYTES: u64 = 10_000;
/// Memory of an entry besides its pairs, and of a pair; about.
const ENTRY_BYTES: usize = 300;
const PAIR_BYTES: usize = 100;

#[derive(Clone)]
struct ByMemory;

impl Weighter<String, Arc<Ranked>> for ByMemory {
    fn weight(&self, article_id: &String, ranked: &Arc<Ranked>) -> u64 {
        let entries = ranked.state.list.iter().flat_map(|list| list.entries.as_slice());
        let entries = entries.map(|entry| {
            let images = entry.detail.pairs.len() + entry.detail.unmatched.own.len();
            ENTRY_BYTES + PAIR_BYTES * (images + entry.detail.unmatched.neighbour.len())
        });
        (article_id.len() + size_of::<Ranked>() + entries.sum::<usize>()) as u64
    }
}

/// The states. Clones share them.
#[derive(Clone)]
pub struct Lists(Arc<Cache<String, Arc<Ranked>, ByMemory>>);

impl Lists {
    /// Keeps states in up to `bytes` of memory.
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX).max(1);
        Self(Arc::new(Cache::with_weighter(items, bytes, ByMemory)))
    }

    /// Memory of what is kept, about.
    pub(super) fn bytes(&self) -> u64 {
        self.0.weight()
    }

    /// The state of an article as it was last read or stored here.
    pub(super) fn get(&self, article_id: &str) -> Option<Arc<Ranked>> {
        self.0.get(article_id)
    }

    /// Keeps what is stored.
    pub(super) fn keep(&self, article_id: &str, ranked: &Arc<Ranked>) {
        self.0.insert(article_id.to_owned(), Arc::clone(ranked));
    }
}
