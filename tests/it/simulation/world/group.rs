//! Consumer groups: who owns which partition, and the committed offsets.
//!
//! A partition moves only once its owner has given it up, or was not heard of for the
//! session timeout. What a former owner commits is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use lookalike::random::Random;
use tokio::time::Instant;

use super::{World, lock};

/// Whoever was not heard of for this long is taken for dead.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

/// One membership; who comes back has another one.
pub(crate) type Member = u64;

struct Partition {
    owner: Option<Member>,
    target: Option<Member>,
    committed: i64,
}

struct Group {
    seen: BTreeMap<Member, Instant>,
    partitions: Vec<Partition>,
}

/// The group of each topic.
pub(crate) struct Groups {
    groups: BTreeMap<&'static str, Group>,
    next_member: Member,
}

/// What a member is to do.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) revoke: Vec<i32>,
    /// Partitions with the offset to begin at.
    pub(crate) assign: Vec<(i32, i64)>,
}

impl Groups {
    pub(crate) fn new(topics: [(&'static str, usize); 3]) -> Self {
        let partition = |_| Partition { owner: None, target: None, committed: 0 };
        let group = |count| Group { seen: BTreeMap::new(), partitions: (0..count).map(partition).collect() };
        let groups = topics.into_iter().map(|(topic, count)| (topic, group(count))).collect();
        Self { groups, next_member: 0 }
    }

    fn group(&mut self, topic: &str, random: &Random) -> &mut Group {
        let group = self.groups.get_mut(topic).unwrap();
        let before = group.seen.len();
        group.seen.retain(|_, seen| seen.elapsed() < SESSION_TIMEOUT);
        if group.seen.len() < before {
            group.rebalance(random);
        }
        group
    }

    pub(crate) fn join(&mut self, topic: &str, random: &Random) -> Member {
        self.next_member += 1;
        let member = self.next_member;
        let group = self.group(topic, random);
        group.seen.insert(member, Instant::now());
        group.rebalance(random);
        member
    }

    pub(crate) fn leave(&mut self, topic: &str, member: Member, random: &Random) {
        let group = self.group(topic, random);
        if group.seen.remove(&member).is_some() {
            group.rebalance(random);
        }
    }

    /// Deals all partitions anew.
    pub(crate) fn rebalance(&mut self, topic: &str, random: &Random) {
        self.group(topic, random).rebalance(random);
    }

    /// A sign of life; false when it comes too late.
    pub(crate) fn beat(&mut self, topic: &str, member: Member, random: &Random) -> bool {
        let seen = self.group(topic, random).seen.get_mut(&member);
        seen.map(|seen| *seen = Instant::now()).is_some()
    }

    /// A sign of life and what to do; `None` for whoever is no member any more.
    pub(crate) fn poll(&mut self, topic: &str, member: Member, random: &Random) -> Option<Orders> {
        if !self.beat(topic, member, random) {
            return None;
        }
        let mut orders = Orders::default();
        for (number, partition) in self.group(topic, random).partitions.iter_mut().enumerate() {
            let number = i32::try_from(number).unwrap();
            if partition.owner == Some(member) && partition.target != Some(member) {
                orders.revoke.push(number);
            } else if partition.owner.is_none() && partition.target == Some(member) {
                partition.owner = Some(member);
                orders.assign.push((number, partition.committed));
            }
        }
        Some(orders)
    }

    /// The owner has given these up.
    pub(crate) fn release(&mut self, topic: &str, member: Member, partitions: &[i32]) {
        let group = self.groups.get_mut(topic).unwrap();
        for number in partitions {
            let partition = &mut group.partitions[usize::try_from(*number).unwrap()];
            if partition.owner == Some(member) {
                partition.owner = None;
            }
        }
    }

    /// The committed offset of each partition.
    pub(crate) fn committed(&self, topic: &str) -> impl Iterator<Item = i64> {
        self.groups[topic].partitions.iter().map(|partition| partition.committed)
    }
}

impl Group {
    fn rebalance(&mut self, random: &Random) {
        let members: Vec<Member> = self.seen.keys().copied().collect();
        let turn = random.at_most(7) as usize;
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            partition.owner = partition.owner.filter(|owner| members.contains(owner));
            let chosen = (number + turn).checked_rem(members.len());
            partition.target = chosen.map(|chosen| members[chosen]);
        }
    }
}

impl World {
    /// Commits offsets; false when the group refuses one of them.
    pub(crate) fn commit(&self, topic: &str, member: Member, offsets: &[(i32, i64)]) -> bool {
        let mut groups = lock(&self.groups);
        let group = groups.group(topic, &self.random);
        let mut accepted = true;
        for (number, offset) in offsets {
            let partition = &mut group.partitions[usize::try_from(*number).unwrap()];
            if partition.owner == Some(member) {
                partition.committed = *offset;
            } else {
                accepted = false;
            }
        }
        self.trace.note(|| format!("    member {member} commits {topic} {offsets:?}: {accepted}"));
        accepted
    }

    /// Deals the partitions of all groups anew.
    pub(crate) fn rebalance(&self) {
        self.trace.note(|| "rebalance".to_owned());
        let mut groups = lock(&self.groups);
        for topic in [super::log::EVENTS, super::log::RANK, super::log::SIMILAR] {
            if self.random.at_most(9) < 7 {
                groups.rebalance(topic, &self.random);
            }
        }
        self.news.notify_waiters();
    }
}
