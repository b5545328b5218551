//! Reading a whole topic without a group, and how far a group has come.
//!
//! Guarantee: nothing here commits or changes anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::admin::ANSWER_TIMEOUT;
use super::error::KafkaError;
use super::settings::KafkaSettings;

/// How far a consumer group has come on one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records below the committed offsets.
    pub committed: u64,
    /// Records of the topic.
    pub end: u64,
}

impl Progress {
    /// Records that are not committed yet.
    pub fn open(self) -> u64 {
        self.end.saturating_sub(self.committed)
    }
}

/// Asks how far a group has come. Ends are read after commits, so nothing
/// open means that nothing was left at the moment between. Blocking.
pub struct GroupProgress {
    consumer: BaseConsumer,
    topic: String,
    partitions: Vec<i32>,
}

impl GroupProgress {
    pub fn new(settings: &KafkaSettings, group: &str, topic: &str) -> Result<Self, KafkaError> {
        let mut config = settings.admin()?;
        config.set("group.id", group);
        let consumer: BaseConsumer = config.create().map_err(KafkaError::Settings)?;
        let partitions = partitions(&consumer, settings, topic)?;
        Ok(Self { consumer, topic: topic.to_owned(), partitions })
    }

    pub fn read(&self) -> Result<Progress, KafkaError> {
        let mut list = TopicPartitionList::new();
        for partition in &self.partitions {
            list.add_partition(&self.topic, *partition);
        }
        let committed = self.consumer.committed_offsets(list, ANSWER_TIMEOUT).map_err(KafkaError::Consume)?;
        let mut progress = Progress::default();
        for element in committed.elements() {
            let (low, high) = self
                .consumer
                .fetch_watermarks(&self.topic, element.partition(), ANSWER_TIMEOUT)
                .map_err(KafkaError::Consume)?;
            let next = match element.offset() {
                Offset::Offset(next) => next,
                _ => low,
            };
            progress.committed += next.unsigned_abs();
            progress.end += high.unsigned_abs();
        }
        Ok(progress)
    }
}

/// The last value of each key; a tombstone removes the key.
type LastValues = BTreeMap<Vec<u8>, Vec<u8>>;

/// The last value of each key of a topic, kept up to date by a thread of its own.
pub struct Tail {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<LastValues, KafkaError>>,
}

impl Tail {
    /// Starts reading `topic` from its beginning; `seen` is called for every record.
    pub fn start(
        settings: &KafkaSettings,
        topic: &str,
        seen: impl Fn() + Send + 'static,
    ) -> Result<Self, KafkaError> {
        let mut config = settings.admin()?;
        // librdkafka wants a group name even where none is joined.
        config.set("group.id", "lookalike.tail").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().map_err(KafkaError::Settings)?;
        let mut list = TopicPartitionList::new();
        for partition in partitions(&consumer, settings, topic)? {
            list.add_partition_offset(topic, partition, Offset::Beginning).map_err(KafkaError::Consume)?;
        }
        consumer.assign(&list).map_err(KafkaError::Consume)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let name = topic.to_owned();
        let thread = std::thread::Builder::new()
            .name(format!("tail {topic}"))
            .spawn(move || read(&consumer, &name, &stopped, &seen))
            .map_err(|_| KafkaError::ThreadEnded)?;
        Ok(Self { stop, thread })
    }

    /// Reads to the present end, and answers the last value of each key. Blocking.
    pub fn finish(self) -> Result<LastValues, KafkaError> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| KafkaError::ThreadEnded)?
    }
}

fn read(
    consumer: &BaseConsumer,
    topic: &str,
    stop: &AtomicBool,
    seen: &dyn Fn(),
) -> Result<LastValues, KafkaError> {
    let mut values = LastValues::new();
    let mut next: BTreeMap<i32, i64> = BTreeMap::new();
    loop {
        if let Some(message) = consumer.poll(Duration::from_millis(50)) {
            let message = message.map_err(KafkaError::Consume)?;
            next.insert(message.partition(), message.offset() + 1);
            let key = message.key().unwrap_or_default().to_vec();
            match message.payload() {
                Some(value) => values.insert(key, value.to_vec()),
                None => values.remove(&key),
            };
            seen();
        } else if stop.load(Ordering::SeqCst) && is_at_end(consumer, topic, &next)? {
            return Ok(values);
        }
    }
}

fn is_at_end(consumer: &BaseConsumer, topic: &str, next: &BTreeMap<i32, i64>) -> Result<bool, KafkaError> {
    for element in consumer.assignment().map_err(KafkaError::Consume)?.elements() {
        let (low, high) = consumer
            .fetch_watermarks(topic, element.partition(), ANSWER_TIMEOUT)
            .map_err(KafkaError::Consume)?;
        if next.get(&element.partition()).copied().unwrap_or(low) < high {
            return Ok(false);
        }
    }
    Ok(true)
}

fn partitions(
    consumer: &BaseConsumer,
    settings: &KafkaSettings,
    topic: &str,
) -> Result<Vec<i32>, KafkaError> {
    let metadata = consumer
        .fetch_metadata(Some(topic), ANSWER_TIMEOUT)
        .map_err(|source| KafkaError::Unreachable { servers: settings.bootstrap_servers.clone(), source })?;
    let topics = metadata.topics().iter().filter(|found| found.name() == topic);
    Ok(topics.flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect())
}
