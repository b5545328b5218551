//! Work waiting for its article, so that an article is worked on by one job at a
//! time and what came meanwhile is done together.
//!
//! Guarantee: items of a key come out in the order they went in, in batches; a key
//! that is being worked on gives out nothing; a key's items wait at most `max_age`
//! once a job is free. Plain data: time is given, not read.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// What is worked on by one job at a time: a record's key in its partition. Records
/// without a key come in every partition, each with a lease of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) partition: i32,
    pub(super) bytes: Vec<u8>,
}

/// How long items of a key are collected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coalescing {
    /// A key waits until nothing came for this long …
    pub(super) window: Duration,
    /// … but no longer than this since its first waiting item.
    pub(super) max_age: Duration,
    /// Most items of one batch.
    pub(super) max_batch: usize,
}

#[derive(Debug)]
struct Slot<T> {
    items: Vec<T>,
    first: Duration,
    ready_at: Duration,
    running: bool,
}

/// Items by key. Times are durations since any fixed moment.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    coalescing: Coalescing,
    slots: HashMap<Key, Slot<T>>,
    /// Keys with items that are not being worked on, by when they are ready.
    waiting: BTreeSet<(Duration, Key)>,
}

impl<T> Mailbox<T> {
    pub(super) fn new(coalescing: Coalescing) -> Self {
        Self { coalescing, slots: HashMap::new(), waiting: BTreeSet::new() }
    }

    pub(super) fn push(&mut self, key: Key, item: T, now: Duration) {
        let slot = self.slots.entry(key.clone()).or_insert(Slot {
            items: Vec::new(),
            first: now,
            ready_at: now,
            running: false,
        });
        if slot.items.is_empty() {
            slot.first = now;
        }
        slot.items.push(item);
        let ready_at = (now + self.coalescing.window).min(slot.first + self.coalescing.max_age);
        let earlier = std::mem::replace(&mut slot.ready_at, ready_at);
        if !slot.running {
            self.waiting.remove(&(earlier, key.clone()));
            self.waiting.insert((ready_at, key));
        }
    }

    /// The batch that has been ready longest. Its key then runs until `finished`.
    pub(super) fn take_ready(&mut self, now: Duration) -> Option<(Key, Vec<T>)> {
        let (ready_at, _) = self.waiting.first()?;
        if *ready_at > now {
            return None;
        }
        let (_, key) = self.waiting.pop_first()?;
        let slot = self.slots.get_mut(&key)?;
        slot.running = true;
        let rest = slot.items.split_off(slot.items.len().min(self.coalescing.max_batch));
        let batch = std::mem::replace(&mut slot.items, rest);
        // What is left over has waited long enough.
        slot.ready_at = now;
        slot.first = now;
        Some((key, batch))
    }

    /// The key's job has ended.
    pub(super) fn finished(&mut self, key: &Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if slot.items.is_empty() {
            self.slots.remove(key);
        } else {
            slot.running = false;
            self.waiting.insert((slot.ready_at, key.clone()));
        }
    }

    /// When the next batch will be ready, if one is waiting.
    pub(super) fn next_ready_at(&self) -> Option<Duration> {
        self.waiting.first().map(|(ready_at, _)| *ready_at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(of: u8) -> Key {
        Key { partition: i32::from(of) % 2, bytes: vec![of] }
    }

    const COALESCING: Coalescing =
        Coalescing { window: Duration::from_millis(10), max_age: Duration::from_millis(35), max_batch: 4 };

    #[derive(Debug, Clone)]
    enum Step {
        Push(u8),
        Take,
        Finish,
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let step = prop_oneof![(0u8..4).prop_map(Step::Push), Just(Step::Take), Just(Step::Finish)];
        proptest::collection::vec((0u64..15, step), 1..120)
    }

    proptest! {
        #[test]
        fn in_order_one_at_a_time_nothing_lost_nothing_late(steps in steps()) {
            let mut mailbox = Mailbox::new(COALESCING);
            let mut now = Duration::ZERO;
            let (mut pushed, mut taken) = (HashMap::<Key, Vec<usize>>::new(), HashMap::<Key, Vec<usize>>::new());
            let mut running: Vec<Key> = Vec::new();
            for (at, (pause, step)) in steps.into_iter().enumerate() {
                now += Duration::from_millis(pause);
                match step {
                    Step::Push(key) => {
                        mailbox.push(self::key(key), at, now);
                        pushed.entry(self::key(key)).or_default().push(at);
                    }
                    Step::Take => {
                        if let Some((key, batch)) = mailbox.take_ready(now) {
                            prop_assert!(!running.contains(&key), "a running key gave out work");
                            prop_assert!(!batch.is_empty() && batch.len() <= COALESCING.max_batch);
                            taken.entry(key.clone()).or_default().extend(batch);
                            running.push(key);
                        }
                    }
                    Step::Finish => {
                        if let Some(key) = running.pop() {
                            mailbox.finished(&key);
                        }
                    }
                }
            }
            // After the longest wait, everything left comes out.
            now += COALESCING.max_age;
            while let Some(key) = running.pop() {
                mailbox.finished(&key);
            }
            while let Some((key, batch)) = mailbox.take_ready(now) {
                taken.entry(key.clone()).or_default().extend(batch);
                mailbox.finished(&key);
            }
            prop_assert_eq!(mailbox.next_ready_at(), None);
            prop_assert_eq!(pushed, taken);
        }
    }

    #[test]
    fn a_busy_key_is_collected_and_not_starved() {
        let mut mailbox = Mailbox::new(Coalescing { max_batch: 100, ..COALESCING });
        for at in 0..5 {
            mailbox.push(key(1), at, Duration::from_millis(9 * at));
            if at < 4 {
                assert!(mailbox.take_ready(Duration::from_millis(9 * at)).is_none());
            }
        }
        // Something came every 9 ms, but the first has waited for 35 ms.
        let (_, batch) = mailbox.take_ready(Duration::from_millis(36)).unwrap();
        assert_eq!(batch, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn records_without_key_are_apart_by_partition() {
        let mut mailbox = Mailbox::new(Coalescing { window: Duration::ZERO, ..COALESCING });
        for partition in [0, 1] {
            mailbox.push(Key { partition, bytes: Vec::new() }, partition, Duration::ZERO);
        }
        let batches: Vec<_> = std::iter::from_fn(|| mailbox.take_ready(Duration::ZERO)).collect();
        assert_eq!(batches.iter().map(|(_, batch)| batch.clone()).collect::<Vec<_>>(), [vec![0], vec![1]]);
    }
}
