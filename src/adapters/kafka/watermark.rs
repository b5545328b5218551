//! Which offset of one partition may be committed.
//!
//! Guarantee: the committable offset never passes a delivered record that is not
//! resolved. Offsets may have gaps (compaction, transaction markers): only delivered
//! offsets count. Plain data, no IO.

use std::collections::{BTreeSet, VecDeque};

/// Delivered and resolved offsets of one partition, for one assignment.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    /// Delivered and not yet passed by the watermark, growing.
    delivered: VecDeque<i64>,
    /// Resolved out of order, above the first unresolved one.
    resolved: BTreeSet<i64>,
    /// Next offset to read if all below it is resolved.
    committable: Option<i64>,
    committed: Option<i64>,
}

impl Watermark {
    /// A record was handed out. Offsets of one assignment grow; a repeated or older
    /// one (after a pause, librdkafka may fetch again) answers false.
    pub(super) fn deliver(&mut self, offset: i64) -> bool {
        let newest = self.delivered.back().copied().or(self.committable.map(|next| next - 1));
        if newest.is_some_and(|newest| offset <= newest) {
            return false;
        }
        self.delivered.push_back(offset);
        true
    }

    /// A record was resolved.
    pub(super) fn resolve(&mut self, offset: i64) {
        if self.delivered.binary_search(&offset).is_err() {
            return;
        }
        self.resolved.insert(offset);
        while let Some(first) = self.delivered.front().copied() {
            if !self.resolved.remove(&first) {
                break;
            }
            self.delivered.pop_front();
            self.committable = Some(first + 1);
        }
    }

    /// The next offset to read, when it moved since the last commit.
    pub(super) fn to_commit(&self) -> Option<i64> {
        self.committable.filter(|next| self.committed != Some(*next))
    }

    /// A commit of this offset was sent.
    pub(super) fn commit_sent(&mut self, next: i64) {
        self.committed = Some(next);
    }

    /// The last commit may not have arrived.
    pub(super) fn commit_forgotten(&mut self) {
        self.committed = None;
    }

    /// Delivered and unresolved records.
    pub(super) fn in_flight(&self) -> usize {
        self.delivered.len() - self.resolved.len()
    }

    /// Delivered records above the watermark, resolved or not.
    pub(super) fn span(&self) -> usize {
        self.delivered.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against the naive model: the first delivered offset that is unresolved,
        /// or one past the last delivered.
        #[test]
        fn equals_the_naive_model(
            gaps in proptest::collection::vec(1i64..5, 1..40),
            order in proptest::collection::vec(any::<proptest::sample::Index>(), 0..80),
        ) {
            let mut watermark = Watermark::default();
            let offsets: Vec<i64> = gaps.iter().scan(10, |at, gap| { *at += gap; Some(*at) }).collect();
            for offset in &offsets {
                prop_assert!(watermark.deliver(*offset));
            }
            let mut resolved = BTreeSet::new();
            for index in order {
                let offset = offsets[index.index(offsets.len())];
                watermark.resolve(offset);
                resolved.insert(offset);
                let unresolved = offsets.iter().find(|offset| !resolved.contains(offset)).copied();
                let expected = match unresolved {
                    // The last resolved one below the first unresolved.
                    Some(first) => offsets.iter().rfind(|offset| **offset < first).map(|offset| offset + 1),
                    None => offsets.last().map(|last| last + 1),
                };
                prop_assert_eq!(watermark.to_commit(), expected);
                prop_assert_eq!(watermark.in_flight(), offsets.len() - resolved.len());
            }
        }
    }

    #[test]
    fn a_failed_record_in_the_middle_holds_the_offset() {
        let mut watermark = Watermark::default();
        for offset in [4, 5, 9] {
            assert!(watermark.deliver(offset));
        }
        watermark.resolve(4);
        watermark.resolve(9);
        assert_eq!((watermark.to_commit(), watermark.in_flight(), watermark.span()), (Some(5), 1, 2));
        watermark.commit_sent(5);
        assert_eq!(watermark.to_commit(), None);
        watermark.resolve(5);
        assert_eq!(watermark.to_commit(), Some(10));
        assert!(!watermark.deliver(9), "an offset is not delivered twice");
    }
}
