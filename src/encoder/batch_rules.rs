//! When a batch is complete, to what size it is filled up, and how large it may be
//! after the memory has not sufficed. Plain values, no clock.
//!
//! Guarantees:
//!
//! - Greedy: no input waits longer than the delay while a network is free.
//! - A batch is never larger than the limit; the limit is at least 1 and never rises.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// When a batch is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchRules {
    /// Most inputs in a batch, at least 1.
    pub(super) max_size: usize,
    /// How long the oldest input waits for others.
    pub(super) max_delay: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Run this many now, the oldest first.
    Take(usize),
    /// Wait for an input.
    Wait,
    /// Wait for another input, at most this long.
    WaitAtMost(Duration),
    /// Nothing will come any more.
    Stop,
}

impl BatchRules {
    /// `waiting` inputs are queued, the oldest for `age`.
    pub(super) fn decide(self, waiting: usize, age: Duration, closed: bool) -> Step {
        match (waiting, self.max_delay.checked_sub(age)) {
            (0, _) if closed => Step::Stop,
            (0, _) => Step::Wait,
            (_, Some(left)) if waiting < self.max_size && !left.is_zero() && !closed => {
                Step::WaitAtMost(left)
            }
            _ => Step::Take(waiting.min(self.max_size)),
        }
    }
}

/// The size to which a batch of `count` inputs is filled up: the least of `sizes`
/// (ascending) that holds it and is within `limit`; without such a one, `count`.
pub(super) fn padded(count: usize, sizes: &[usize], limit: usize) -> usize {
    let fits = sizes.iter().copied().find(|size| *size >= count);
    fits.filter(|size| *size <= limit).unwrap_or(count)
}

/// Most inputs that the sessions of one tower run at once.
///
/// It starts unlimited and is halved when memory does not suffice. It does not rise
/// again before a restart: memory that was short once is short again under the same
/// load, and each further try would cost a failed batch.
#[derive(Debug)]
pub(super) struct BatchLimit(AtomicUsize);

impl BatchLimit {
    pub(super) fn new(most: usize) -> Self {
        Self(AtomicUsize::new(most.max(1)))
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A batch of `failed` inputs found no memory. Answers the new limit.
    pub(super) fn halve(&self, failed: usize) -> usize {
        // From the failed size, not from the limit: sessions that fail together halve once.
        let half = (failed / 2).max(1);
        self.0.fetch_min(half, Ordering::Relaxed).min(half)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_decision_never_takes_too_many_nor_waits_too_long(
            waiting in 0usize..100, max_size in 1usize..40,
            age in 0u64..50, delay in 0u64..50, closed: bool,
        ) {
            let rules = BatchRules { max_size, max_delay: Duration::from_millis(delay) };
            match rules.decide(waiting, Duration::from_millis(age), closed) {
                Step::Take(count) => {
                    prop_assert!(count >= 1 && count <= max_size && count <= waiting);
                    prop_assert!(count == max_size || age >= delay || closed);
                }
                Step::WaitAtMost(left) => {
                    prop_assert!(waiting > 0 && waiting < max_size && !closed);
                    prop_assert_eq!(left, Duration::from_millis(delay - age));
                }
                Step::Wait => prop_assert!(waiting == 0 && !closed),
                Step::Stop => prop_assert!(waiting == 0 && closed),
            }
        }

        #[test]
        fn filling_up_leaves_nothing_out_and_keeps_to_the_limit(
            sizes in prop::collection::btree_set(1usize..40, 0..6), limit in 1usize..40, count in 1usize..40,
        ) {
            prop_assume!(count <= limit);
            let sizes: Vec<usize> = sizes.into_iter().collect();
            let size = padded(count, &sizes, limit);
            prop_assert!(size >= count && size <= limit);
            prop_assert!(size == count || sizes.contains(&size));
            // No smaller one of the sizes would have done.
            prop_assert!(!sizes.iter().any(|smaller| *smaller >= count && *smaller < size));
        }

        #[test]
        fn the_limit_only_falls_and_stays_above_zero(failures in prop::collection::vec(1usize..64, 0..20)) {
            let limit = BatchLimit::new(64);
            for failed in failures {
                let before = limit.get();
                let after = limit.halve(failed.min(before));
                prop_assert_eq!(after, limit.get());
                prop_assert!(after >= 1 && after <= before);
            }
        }
    }

    #[test]
    fn sessions_that_fail_together_halve_once() {
        let limit = BatchLimit::new(64);
        assert_eq!([limit.halve(32), limit.halve(32), limit.halve(16), limit.halve(1)], [16, 16, 8, 1]);
    }
}
