//! The partitions this consumer owns, their leases and watermarks.
//!
//! Guarantee: what belongs to an ended lease neither moves a watermark nor is
//! committed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::record::{Lease, Resolved, TopicPartition};
use super::watermark::Watermark;

#[derive(Debug)]
struct Owned {
    lease: Arc<Lease>,
    watermark: Watermark,
}

/// Most delivered records of one partition.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Unresolved ones.
    pub in_flight: usize,
    /// Those above the first unresolved one, resolved or not.
    pub span: usize,
}

/// All partitions assigned to this consumer.
#[derive(Debug, Default)]
pub struct Assignment {
    owned: BTreeMap<TopicPartition, Owned>,
    paused: HashSet<TopicPartition>,
    next_generation: u64,
}

/// Partitions to pause and to resume now.
#[derive(Debug, Default)]
pub struct Flow {
    pub pause: Vec<TopicPartition>,
    pub resume: Vec<TopicPartition>,
}

impl Assignment {
    /// A partition is ours now, under a new lease.
    pub fn assign(&mut self, origin: TopicPartition) {
        self.next_generation += 1;
        let owned = Owned { lease: Lease::new(self.next_generation), watermark: Watermark::default() };
        self.paused.remove(&origin);
        if let Some(earlier) = self.owned.insert(origin, owned) {
            earlier.lease.lose();
        }
    }

    /// Notes a delivered record; `None` for one that is not ours or came before.
    pub fn deliver(&mut self, origin: &TopicPartition, offset: i64) -> Option<Arc<Lease>> {
        let owned = self.owned.get_mut(origin)?;
        owned.watermark.deliver(offset).then(|| Arc::clone(&owned.lease))
    }

    /// A record is done; one of an earlier lease does not count.
    pub fn resolve(&mut self, resolved: &Resolved) {
        if let Some(owned) = self.owned.get_mut(&resolved.origin)
            && owned.lease.generation == resolved.generation
        {
            owned.watermark.resolve(resolved.offset);
        }
    }

    /// Ends the leases of these partitions: nothing new starts for them.
    pub fn end_leases(&self, origins: &[TopicPartition]) {
        for owned in origins.iter().filter_map(|origin| self.owned.get(origin)) {
            owned.lease.end();
        }
    }

    /// Work under way for these partitions.
    pub fn active(&self, origins: &[TopicPartition]) -> usize {
        origins.iter().filter_map(|origin| self.owned.get(origin)).map(|owned| owned.lease.active()).sum()
    }

    /// These partitions are not ours any more.
    pub fn remove(&mut self, origins: &[TopicPartition]) {
        for origin in origins {
            self.paused.remove(origin);
            if let Some(owned) = self.owned.remove(origin) {
                owned.lease.lose();
            }
        }
    }

    /// Offsets that moved since they were last sent, marked as sent.
    pub fn take_commits(&mut self) -> Vec<(TopicPartition, i64)> {
        let mut commits = Vec::new();
        for (origin, owned) in &mut self.owned {
            if let Some(next) = owned.watermark.to_commit() {
                owned.watermark.commit_sent(next);
                commits.push((origin.clone(), next));
            }
        }
        commits
    }

    /// A commit failed: all offsets are to be sent again.
    pub fn forget_commits(&mut self) {
        for owned in self.owned.values_mut() {
            owned.watermark.commit_forgotten();
        }
    }

    /// Backpressure: a partition pauses at its limit and resumes at half of it.
    pub fn flow(&mut self, limits: Limits) -> Flow {
        let mut flow = Flow::default();
        for (origin, owned) in &self.owned {
            let (in_flight, span) = (owned.watermark.in_flight(), owned.watermark.span());
            let full = in_flight >= limits.in_flight || span >= limits.span;
            let roomy = in_flight <= limits.in_flight / 2 && span <= limits.span / 2;
            if full && !self.paused.contains(origin) {
                flow.pause.push(origin.clone());
            } else if roomy && self.paused.contains(origin) {
                flow.resume.push(origin.clone());
            }
        }
        self.paused.extend(flow.pause.iter().cloned());
        self.paused.retain(|origin| !flow.resume.contains(origin));
        flow
    }

    /// All that is ours.
    pub fn partitions(&self) -> Vec<TopicPartition> {
        self.owned.keys().cloned().collect()
    }

    /// Unresolved records of all partitions.
    pub fn in_flight(&self) -> usize {
        self.owned.values().map(|owned| owned.watermark.in_flight()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> TopicPartition {
        TopicPartition { topic: "events".into(), partition: 3 }
    }

    fn resolved(generation: u64, offset: i64) -> Resolved {
        Resolved { origin: origin(), generation, offset }
    }

    #[test]
    fn acks_of_an_earlier_assignment_do_not_count() {
        let mut assignment = Assignment::default();
        assignment.assign(origin());
        let first = assignment.deliver(&origin(), 1).unwrap();
        assignment.assign(origin());
        assert!(!first.is_live());
        assignment.deliver(&origin(), 1).unwrap();
        assignment.resolve(&resolved(first.generation, 1));
        assert_eq!(assignment.take_commits(), []);
        assignment.resolve(&resolved(first.generation + 1, 1));
        assert_eq!(assignment.take_commits(), [(origin(), 2)]);
        assert_eq!(assignment.take_commits(), [], "a commit is sent once");
    }

    #[test]
    fn a_full_partition_pauses_and_resumes_at_half() {
        let limits = Limits { in_flight: 4, span: 100 };
        let mut assignment = Assignment::default();
        assignment.assign(origin());
        let mut generation = 0;
        for offset in 0..4 {
            generation = assignment.deliver(&origin(), offset).unwrap().generation;
        }
        assert_eq!(assignment.flow(limits).pause, [origin()]);
        assert!(assignment.flow(limits).pause.is_empty());
        assignment.resolve(&resolved(generation, 3));
        assert!(assignment.flow(limits).resume.is_empty());
        assignment.resolve(&resolved(generation, 0));
        assert_eq!(assignment.flow(limits).resume, [origin()]);
    }

    #[test]
    fn work_of_an_ended_lease_does_not_begin() {
        let mut assignment = Assignment::default();
        assignment.assign(origin());
        let lease = assignment.deliver(&origin(), 0).unwrap();
        let work = lease.begin().unwrap();
        assignment.end_leases(&[origin()]);
        assert!(lease.begin().is_none());
        assert_eq!(assignment.active(&[origin()]), 1);
        drop(work);
        assert_eq!(assignment.active(&[origin()]), 0);
    }
}
