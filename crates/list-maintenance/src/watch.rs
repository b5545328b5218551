//! Lists that arrive in the topic late.
//!
//! The store fences a paused owner; the topic cannot. What it had begun to publish may
//! land after the list of its successor, and on a compacted topic the late record is
//! the only one that survives, so consumers that drop lower sequences are not enough.
//! So the topic is read back: each record that no later one of its article is known to
//! follow is held against the store.
//!
//! Guarantee: if the last record of an article is not its newest list, then it is
//! published again, with a sequence of its own.

use crate::{Mark, Stored};

/// What a record of the published topic calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is the newest so far.
    Newest,
    /// A ranking is under way: look again later, and keep the record unresolved.
    Undecided,
    /// Send [`Request::Republish`](crate::Request::Republish) to the article's owner.
    Overtaken,
}

/// Holds the last record of an article against the store, which was read after it.
pub fn verdict<I, D>(sequence: u64, stored: &Stored<I, D>) -> Verdict {
    if sequence >= stored.sequence {
        Verdict::Newest
    } else if stored.mark != Mark::Clear {
        // The ranking that claimed may have published before this record, and will
        // then not do so again.
        Verdict::Undecided
    } else if sequence >= stored.published {
        Verdict::Newest
    } else {
        Verdict::Overtaken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_below_the_published_sequence_is_overtaken_once_the_ranking_is_over() {
        let stored =
            |sequence, published, mark| Stored::<u8, ()> { sequence, published, mark, ..Stored::default() };
        assert_eq!(verdict(8, &stored(8, 7, Mark::Editing)), Verdict::Newest);
        assert_eq!(verdict(8, &stored(9, 7, Mark::Editing)), Verdict::Undecided);
        assert_eq!(verdict(8, &stored(9, 9, Mark::Clear)), Verdict::Overtaken);
        assert_eq!(verdict(8, &stored(9, 8, Mark::Clear)), Verdict::Newest, "9 changed nothing");
    }
}
