//! Reading a topic from its beginning to its end, with everything a record has.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::DEADLINE;

/// One record as it lies in the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Read {
    pub(crate) fn key_text(&self) -> String {
        String::from_utf8(self.key.clone().unwrap()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// All records of a topic, each partition in log order. Blocking.
pub(crate) fn read_all(servers: &str, topic: &str) -> Vec<Read> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("group.id", "test.reader")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), DEADLINE).unwrap();
    let mut left: BTreeMap<i32, i64> = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), DEADLINE).unwrap();
        if low < high {
            left.insert(partition.id(), high);
            list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
        }
    }
    consumer.assign(&list).unwrap();
    let end = Instant::now() + DEADLINE;
    let mut records = Vec::new();
    while !left.is_empty() {
        assert!(Instant::now() < end, "{topic} was not read to its end in time: {left:?}");
        let Some(message) = consumer.poll(Duration::from_millis(50)) else { continue };
        let message = message.unwrap();
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let headers = headers.map(|header| {
            (header.key.to_owned(), String::from_utf8(header.value.unwrap_or_default().to_vec()).unwrap())
        });
        records.push(Read {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.collect(),
        });
        if left.get(&message.partition()).is_some_and(|high| message.offset() + 1 >= *high) {
            left.remove(&message.partition());
        }
    }
    records
}
