//! Settings of the Kafka clients, and the librdkafka properties they become.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::KafkaError;

/// Where a consumer group without committed offsets begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartFrom {
    Earliest,
    Latest,
}

/// Names of the four topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    pub events: String,
    pub rank: String,
    pub similar: String,
    pub dead_letters: String,
}

/// Connection, topics and bounds of the Kafka clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Further librdkafka properties, e.g. `security.protocol`, `sasl.username`; nested
    /// tables are joined by dots. Those that the guarantees rest on are refused.
    #[serde(default, deserialize_with = "flattened")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub properties: BTreeMap<String, String>,
}

impl KafkaSettings {
    pub(super) fn revoke_deadline(&self) -> Duration {
        Duration::from_millis(self.revoke_deadline_ms)
    }

    pub(super) fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval_ms)
    }

    /// Properties of every client: our defaults, which `properties` may change.
    fn client(&self, defaults: &[(&str, &str)]) -> Result<ClientConfig, KafkaError> {
        let reserved = |name: &&String| RESERVED.contains(&name.as_str());
        if let Some(name) = self.properties.keys().find(reserved) {
            return Err(KafkaError::ReservedProperty { name: name.clone() });
        }
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers);
        config.set("client.id", "lookalike");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        Ok(config)
    }

    /// Properties of a client that asks about topics and creates them.
    pub(super) fn admin(&self) -> Result<ClientConfig, KafkaError> {
        self.client(&[])
    }

    pub(super) fn consumer(&self, group: &str) -> Result<ClientConfig, KafkaError> {
        let mut config = self.client(&CONSUMER_DEFAULTS)?;
        for (name, value) in CONSUMER_FIXED {
            config.set(name, value);
        }
        config.set("group.id", group);
        Ok(config)
    }

    pub(super) fn producer(&self) -> Result<ClientConfig, KafkaError> {
        let mut config = self.client(&PRODUCER_DEFAULTS)?;
        for (name, value) in PRODUCER_FIXED {
            config.set(name, value);
        }
        config.set("message.timeout.ms", self.delivery_timeout_ms.to_string());
        Ok(config)
    }
}

const CONSUMER_DEFAULTS: [(&str, &str); 7] = [
    ("session.timeout.ms", "45000"),
    ("heartbeat.interval.ms", "3000"),
    ("max.poll.interval.ms", "300000"),
    // Defaults of 100,000 records and 64 MiB a partition are too much memory.
    ("queued.min.messages", "1000"),
    ("queued.max.messages.kbytes", "16384"),
    ("check.crcs", "true"),
    // Source of the lag metric.
    ("statistics.interval.ms", "5000"),
];

/// What the guarantees rest on.
const CONSUMER_FIXED: [(&str, &str); 7] = [
    // Offsets are committed by the watermark alone.
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // A rebalance moves only the partitions that change owner.
    ("partition.assignment.strategy", "cooperative-sticky"),
    // The consumer protocol turns a missed poll into a fatal error before
    // librdkafka 2.15 (its issue 5541); 2.12 is bundled.
    ("group.protocol", "classic"),
    // A lost offset must stop the worker, not silently skip records; where a
    // new group begins is decided at assignment (`start_from`).
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("allow.auto.create.topics", "false"),
];

const PRODUCER_DEFAULTS: [(&str, &str); 3] = [
    // Checked before compression; what counts is the topic's own limit, after it.
    ("message.max.bytes", "10485760"),
    ("compression.type", "zstd"),
    // Records of concurrent articles share a request; acks are awaited anyway.
    ("linger.ms", "5"),
];

/// What the guarantees rest on.
const PRODUCER_FIXED: [(&str, &str); 3] = [
    // No duplicates and no reordering from the producer's own retries.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // librdkafka's own default partitioner spreads keys otherwise than Java's:
    // with this one, an article's records meet in the partition other clients use.
    ("partitioner", "murmur2_random"),
];

/// Not to be set through `properties`: fixed above, or a setting of its own, under
/// every name librdkafka knows for it.
const RESERVED: [&str; 20] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "partition.assignment.strategy",
    "group.protocol",
    "auto.offset.reset",
    "isolation.level",
    "allow.auto.create.topics",
    "enable.idempotence",
    "acks",
    "request.required.acks",
    "partitioner",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "transactional.id",
    "enable.partition.eof",
    "test.mock.num.brokers",
];

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

fn flattened<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
        let name = |name: &str| name.to_owned();
        KafkaSettings {
            bootstrap_servers: name("localhost:9092"),
            topics: Topics {
                events: name("events"),
                rank: name("rank"),
                similar: name("similar"),
                dead_letters: name("dead"),
            },
            group_prefix: name("lookalike"),
            start_from: StartFrom::Earliest,
            commit_interval_ms: 1000,
            max_in_flight_records: 10,
            max_uncommitted_records: 20,
            revoke_deadline_ms: 1000,
            delivery_timeout_ms: 5000,
            properties: properties.iter().map(|(n, value)| (name(n), name(value))).collect(),
        }
    }

    #[test]
    fn properties_change_the_defaults() {
        let settings = settings(&[("session.timeout.ms", "6000"), ("linger.ms", "0")]);
        assert_eq!(settings.consumer("group").unwrap().get("session.timeout.ms"), Some("6000"));
        assert_eq!(settings.producer().unwrap().get("linger.ms"), Some("0"));
    }

    #[test]
    fn properties_cannot_change_what_the_guarantees_rest_on() {
        let fixed = CONSUMER_FIXED.iter().chain(&PRODUCER_FIXED).map(|(name, _)| *name);
        for name in fixed.chain(RESERVED) {
            let settings = settings(&[(name, "x")]);
            for client in [settings.admin(), settings.consumer("group"), settings.producer()] {
                let refused = matches!(&client, Err(KafkaError::ReservedProperty { name: n }) if n == name);
                assert!(refused, "{name}");
            }
        }
    }

    #[test]
    fn librdkafka_knows_every_property() {
        let settings = settings(&[]);
        for client in [settings.admin(), settings.consumer("group"), settings.producer()] {
            client.unwrap().create_native_config().unwrap();
        }
    }

    #[test]
    fn tls_and_sasl_are_compiled_in() {
        for (protocol, mechanism) in [
            ("SSL", "PLAIN"),
            ("SASL_SSL", "PLAIN"),
            ("SASL_SSL", "SCRAM-SHA-512"),
            ("SASL_SSL", "OAUTHBEARER"),
        ] {
            let properties = [
                ("security.protocol", protocol),
                ("sasl.mechanism", mechanism),
                ("sasl.username", "worker"),
                ("sasl.password", "secret"),
            ];
            let config = settings(&properties).consumer("group").unwrap();
            let client = config.create::<rdkafka::consumer::BaseConsumer>();
            assert!(client.is_ok(), "{protocol} {mechanism}: {:?}", client.err());
        }
    }
}
