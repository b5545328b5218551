//! Settings of the Kafka clients, and the librdkafka properties they become.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

/// Where a consumer group without committed offsets begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFrom {
    Earliest,
    Latest,
}

/// Names of the four topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    pub events: String,
    pub rank: String,
    pub similar: String,
    pub dead_letters: String,
}

/// Connection, topics and bounds of the Kafka clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSettings {
    /// Comma-separated `host:port`.
    pub bootstrap_servers: String,
    pub topics: Topics,
    /// Consumer groups are `<group_prefix>.embed` and `<group_prefix>.rank`.
    pub group_prefix: String,
    pub start_from: StartFrom,
    pub commit_interval_ms: u64,
    /// Unresolved records of one partition at which it pauses.
    pub max_in_flight_records: usize,
    /// Records above the committed offset of one partition at which it pauses.
    pub max_uncommitted_records: usize,
    /// Longest wait for work under way when a partition is revoked.
    pub revoke_deadline_ms: u64,
    /// Longest time to deliver one produced record before it is tried anew.
    pub delivery_timeout_ms: u64,
    /// Further librdkafka properties, e.g. `security.protocol`, `sasl.username`.
    /// Nested tables are joined by dots.
    #[serde(default, deserialize_with = "flattened")]
    pub properties: BTreeMap<String, String>,
}

impl KafkaSettings {
    pub(super) fn revoke_deadline(&self) -> Duration {
        Duration::from_millis(self.revoke_deadline_ms)
    }

    pub(super) fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval_ms)
    }

    /// Properties of every client.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers);
        config.set("client.id", "lookalike");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        let fixed = [
            // Offsets are committed by the watermark alone.
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            // A rebalance moves only the partitions that change owner.
            ("partition.assignment.strategy", "cooperative-sticky"),
            // The consumer protocol turns a missed poll into a fatal error before
            // librdkafka 2.15 (its issue 5541); 2.12 is bundled.
            ("group.protocol", "classic"),
            ("session.timeout.ms", "45000"),
            ("heartbeat.interval.ms", "3000"),
            ("max.poll.interval.ms", "300000"),
            // A lost offset must stop the worker, not silently skip records; where a
            // new group begins is decided at assignment (`start_from`).
            ("auto.offset.reset", "error"),
            ("isolation.level", "read_committed"),
            // Defaults of 100,000 records and 64 MiB a partition are too much memory.
            ("queued.min.messages", "1000"),
            ("queued.max.messages.kbytes", "16384"),
            ("check.crcs", "true"),
            ("allow.auto.create.topics", "false"),
            // Source of the lag metric.
            ("statistics.interval.ms", "5000"),
        ];
        for (name, value) in fixed {
            config.set(name, value);
        }
        config.set("group.id", group);
        config
    }

    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        // No duplicates and no reordering from the producer's own retries.
        config.set("enable.idempotence", "true");
        config.set("acks", "all");
        config.set("message.timeout.ms", self.delivery_timeout_ms.to_string());
        config.set("compression.type", "zstd");
        // Records of concurrent articles share a request; acks are awaited anyway.
        config.set("linger.ms", "5");
        // librdkafka's own default partitioner spreads keys otherwise than Java's:
        // with this one, an article's records meet in the partition other clients use.
        config.set("partitioner", "murmur2_random");
        config
    }
}

/// A property's value, or a table of them: `sasl: {username: x}` is `sasl.username`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Property {
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Table(BTreeMap<String, Property>),
}

fn flattened<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    fn flatten(path: &str, property: Property, all: &mut BTreeMap<String, String>) {
        let text = match property {
            Property::Flag(flag) => flag.to_string(),
            Property::Integer(number) => number.to_string(),
            Property::Float(number) => number.to_string(),
            Property::Text(text) => text,
            Property::Table(table) => {
                for (key, property) in table {
                    flatten(&format!("{path}.{key}"), property, all);
                }
                return;
            }
        };
        all.insert(path.to_owned(), text);
    }
    let mut all = BTreeMap::new();
    for (key, property) in BTreeMap::<String, Property>::deserialize(deserializer)? {
        flatten(&key, property, &mut all);
    }
    Ok(all)
}
