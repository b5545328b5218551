//! Topics: partitions of records, in the order in which they arrived.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lookalike::error::Disposition;
use lookalike::ports::{Failed, Log, Outgoing, Place};

use super::network::Trouble;
use super::{Client, Draw as _, Weakness, World, lock};

pub(crate) const EVENTS: &str = "catalog.events";
pub(crate) const RANK: &str = "lookalike.rank";
pub(crate) const SIMILAR: &str = "lookalike.similar";
pub(crate) const DEAD_LETTERS: &str = "lookalike.dead-letters";

/// One record as it lies in the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Entry {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// A record to append.
#[derive(Debug, Clone, Default)]
pub(crate) struct New {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

#[derive(Default)]
struct Partition {
    records: Vec<Entry>,
    end: i64,
}

/// All topics.
pub(crate) struct Broker {
    topics: BTreeMap<&'static str, Vec<Partition>>,
    /// Largest value of a published list, in bytes.
    list_limit: usize,
}

impl Broker {
    pub(crate) fn new(partitions: [(&'static str, usize); 4], list_limit: usize) -> Self {
        let topic = |(name, count)| (name, (0..count).map(|_| Partition::default()).collect());
        Self { topics: partitions.into_iter().map(topic).collect(), list_limit }
    }

    /// The records of a partition from an offset on.
    pub(crate) fn read(&self, topic: &str, partition: usize, from: i64) -> &[Entry] {
        let records = &self.topics[topic][partition].records;
        &records[records.partition_point(|record| record.offset < from)..]
    }

    /// The records of all partitions, one after the other.
    pub(crate) fn all(&self, topic: &str) -> impl Iterator<Item = (usize, &Entry)> {
        let partitions = self.topics[topic].iter().enumerate();
        partitions.flat_map(|(number, partition)| partition.records.iter().map(move |one| (number, one)))
    }

    fn takes(&self, topic: &str, new: &New) -> bool {
        topic != SIMILAR || new.value.as_ref().is_none_or(|value| value.len() <= self.list_limit)
    }

    fn append(&mut self, topic: &str, new: &New, any: u64, gap: bool) -> Place {
        let partitions = self.topics.get_mut(topic).unwrap();
        let hash = new.key.as_deref().map_or(any, |key| {
            key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
            })
        });
        let number = (hash % partitions.len() as u64) as usize;
        let partition = &mut partitions[number];
        let offset = partition.end + i64::from(gap);
        partition.end = offset + 1;
        let New { key, value, headers } = new.clone();
        partition.records.push(Entry { offset, key, value, headers });
        Place { partition: i32::try_from(number).unwrap(), offset }
    }
}

impl World {
    /// Appends a record to the partition of its key.
    pub(crate) fn append(&self, topic: &str, new: &New) -> Place {
        if self.weakness == Weakness::RecordsLost && topic == RANK && self.random.chance(30) {
            return Place { partition: 0, offset: 0 };
        }
        let any = self.random.number();
        // Where a transaction ended or compaction removed a record, an offset is missing.
        let gap = self.random.chance(30);
        let place = lock(&self.broker).append(topic, new, any, gap);
        self.trace.note(|| {
            let key = String::from_utf8_lossy(new.key.as_deref().unwrap_or(b"-")).into_owned();
            let value = String::from_utf8_lossy(new.value.as_deref().unwrap_or(b"null")).into_owned();
            format!("    {topic}/{}@{} {key} {value}", place.partition, place.offset)
        });
        self.news.notify_waiters();
        place
    }
}

#[async_trait]
impl Log for Client {
    async fn produce(&self, outgoing: &Outgoing<'_>) -> Result<Place, Failed> {
        let topic = outgoing.topic.to_owned();
        let new = New {
            key: outgoing.key.map(<[u8]>::to_vec),
            value: outgoing.value.map(<[u8]>::to_vec),
            headers: outgoing.headers.to_vec(),
        };
        if !lock(&self.world.broker).takes(&topic, &new) {
            return Err(Trouble::failed(Disposition::DeadLetter, "too_large"));
        }
        self.call(format!("produces to {topic}"), move |world| world.append(&topic, &new)).await
    }
}
