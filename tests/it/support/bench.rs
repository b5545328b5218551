//! The servers of one test and the workers on them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use lookalike::adapters::kafka::producer::Producer;
use lookalike::adapters::kafka::tail::{GroupProgress, Progress};
use lookalike::adapters::qdrant::Catalogue;
use lookalike::app::{AppError, Worker};
use lookalike::config::Config;
use lookalike::embedded::kafka::{EmbeddedKafka, GROUP_PROPERTIES};
use lookalike::embedded::qdrant::QdrantServer;
use lookalike::encoder::Encoder;
use lookalike::ports::Outgoing;
use lookalike::similarity::Method;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::process::Process;
use super::shop::Record;
use super::topic::{Read, read_all};
use super::{DEADLINE, blocking, pictures, until};

pub(crate) const EVENTS: &str = "events";
/// Partitions of every topic but the dead letters'.
pub(crate) const PARTITIONS: i32 = 3;
const ENCODER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo-encoder");

/// An in-process Kafka and Qdrant, a folder of pictures and a configuration.
pub(crate) struct Bench {
    kafka: EmbeddedKafka,
    qdrant: QdrantServer,
    /// What every worker on this bench is configured with.
    pub(crate) base: Value,
    producer: Producer,
    folder: TempDir,
}

impl Bench {
    /// Starts the servers. `ranking` overrides the defaults of that section.
    pub(crate) async fn start(ranking: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pictures")).unwrap();
        // For the same events under another method.
        let twice = Method::ALL
            .map(|method| [format!("rank.{}", method.as_str()), format!("similar.{}", method.as_str())]);
        let own = twice.iter().flatten().map(|topic| (topic.as_str(), PARTITIONS));
        let topics = [
            (EVENTS, PARTITIONS),
            ("rank", PARTITIONS),
            ("similar", PARTITIONS),
            ("dead", 1),
            ("rank.2", PARTITIONS),
            ("similar.2", PARTITIONS),
            ("rank.variants", PARTITIONS),
            ("similar.variants", PARTITIONS),
        ];
        let kafka = EmbeddedKafka::start(&topics.into_iter().chain(own).collect::<Vec<_>>()).unwrap();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let qdrant = QdrantServer::start(&folder.path().join("qdrant"), any_port).await.unwrap();
        let properties: Map<String, Value> =
            GROUP_PROPERTIES.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let library = std::env::var("ORT_DYLIB_PATH").ok();
        let base = json!({
            "kafka": {
                "bootstrap_servers": kafka.bootstrap_servers(),
                "topics": {"events": EVENTS, "rank": "rank", "similar": "similar", "dead_letters": "dead"},
                "commit_interval_ms": 20,
                "properties": properties,
            },
            "objects": {
                "stores": [{"uri": pictures::uri(&folder.path().join("pictures/"))}],
                "missing_retry_delays_ms": [20, 20],
            },
            "encoder": {"directory": ENCODER, "library": library},
            "qdrant": {"url": qdrant.url()},
            "ranking": {"exact": true},
            "rank_jobs": {"coalesce_window_ms": 20, "coalesce_max_age_ms": 200},
            "watch_jobs": {"coalesce_window_ms": 20, "coalesce_max_age_ms": 200},
            "sweep": {"lists": 0},
            "retry": {"first_ms": 10, "max_ms": 200},
            "http": {"listen": "127.0.0.1:0"},
            "log": {"filter": "info"},
        });
        let base = merged(&base, &json!({ "ranking": ranking }));
        let producer = Producer::new(&config_of(&base).kafka).unwrap();
        Self { kafka, qdrant, base, producer, folder }
    }

    /// The base configuration with changes.
    pub(crate) fn config(&self, changes: &Value) -> Config {
        config_of(&merged(&self.base, changes))
    }

    /// The same as a file for the command line.
    pub(crate) fn config_file(&self, name: &str, changes: &Value) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.yaml"));
        // JSON is YAML as well.
        std::fs::write(&path, merged(&self.base, changes).to_string()).unwrap();
        path
    }

    /// The folder that workers may read pictures from.
    pub(crate) fn pictures(&self) -> PathBuf {
        self.folder.path().join("pictures")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Draws a picture and answers its uri.
    pub(crate) fn draw(&self, name: &str, family: u32, side: u32) -> String {
        pictures::uri(&pictures::draw(&self.pictures(), name, family, side))
    }

    /// A worker in this process.
    pub(crate) async fn worker(&self, changes: &Value) -> Running {
        let stop = CancellationToken::new();
        let worker = Worker::bind(self.config(changes)).await.unwrap();
        let task = tokio::spawn(worker.run(stop.clone()));
        Running { stop, task }
    }

    /// A worker of its own process, answering HTTP.
    pub(crate) async fn process(&self, name: &str, changes: &Value, arguments: &[&str]) -> Process {
        let file = self.config_file(name, changes);
        let mut all = vec!["run", "-c", file.to_str().unwrap()];
        all.extend(arguments);
        Process::start_serving(&all).await
    }

    /// Produces records in this order, all acknowledged.
    pub(crate) async fn feed(&self, records: &[Record]) {
        self.produce(EVENTS, records).await;
    }

    pub(crate) async fn produce(&self, topic: &str, records: &[Record]) {
        let sending = records.iter().map(|record| {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let outgoing = Outgoing { topic, key, value, headers: &record.headers };
            async move { self.producer.send(&outgoing).await }
        });
        let sent = tokio::time::timeout(DEADLINE, try_join_all(sending)).await;
        sent.expect("records are acknowledged in time").unwrap();
    }

    /// How far both groups have come: events, then rank requests. In this order: what
    /// an event caused is in the rank topic before the event is committed.
    pub(crate) async fn progress(&self, config: &Config) -> (Progress, Progress) {
        let kafka = config.kafka.clone();
        blocking(move || {
            let group = |role: &str| format!("{}.{role}", kafka.group_prefix);
            let read = |role: &str, topic: &str| {
                GroupProgress::new(&kafka, &group(role), topic).unwrap().read().unwrap()
            };
            let events = read("embed", &kafka.topics.events);
            (events, read("rank", &kafka.topics.rank))
        })
        .await
    }

    /// Waits until everything is committed, while `workers` run.
    pub(crate) async fn quiet(&self, config: &Config, workers: &[&dyn Working]) {
        let kafka = config.kafka.clone();
        let groups = blocking(move || {
            let group = |role: &str| format!("{}.{role}", kafka.group_prefix);
            let events = GroupProgress::new(&kafka, &group("embed"), &kafka.topics.events).unwrap();
            Arc::new((events, GroupProgress::new(&kafka, &group("rank"), &kafka.topics.rank).unwrap()))
        })
        .await;
        until("all events and rank requests to be committed", || {
            let groups = Arc::clone(&groups);
            async move {
                for worker in workers {
                    assert!(!worker.has_ended(), "a worker ended: {}", worker.story());
                }
                let read = move || (groups.0.read().unwrap(), groups.1.read().unwrap());
                let (events, rank) = blocking(read).await;
                let done = events.open() == 0 && rank.open() == 0;
                let stories = || workers.iter().map(|worker| worker.story()).collect::<Vec<_>>().join("\n\n");
                if done {
                    Ok(())
                } else {
                    Err(format!("events {events:?}, rank requests {rank:?}\n{}", stories()))
                }
            }
        })
        .await;
    }

    /// Everything in a topic, each partition in log order.
    pub(crate) async fn topic(&self, topic: &str) -> Vec<Read> {
        let (servers, topic) = (self.kafka.bootstrap_servers(), topic.to_owned());
        blocking(move || read_all(&servers, &topic)).await
    }

    /// The stored catalogue of a configuration.
    pub(crate) fn catalogue(&self, config: &Config) -> Catalogue {
        let (fingerprint, _) = Encoder::identify(&config.encoder).unwrap();
        Catalogue::connect(&config.qdrant, &fingerprint, config.ranking.sizes()).unwrap()
    }

    /// The encoder, to embed by itself what the workers embedded.
    pub(crate) fn encoder(&self) -> Encoder {
        Encoder::load(&config_of(&self.base).encoder).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn close(self) {
        let stopped = tokio::time::timeout(Duration::from_secs(30), self.qdrant.shutdown()).await;
        stopped.expect("qdrant stops in time").unwrap();
    }
}

/// Whatever is expected to do the work.
pub(crate) trait Working: Sync {
    fn has_ended(&self) -> bool;
    /// What it has told about itself.
    fn story(&self) -> String;
}

/// A worker task of this process.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), AppError>>,
}

impl Working for Running {
    fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    fn story(&self) -> String {
        "a worker of this process".to_owned()
    }
}

impl Running {
    /// Stops it cleanly.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(DEADLINE, self.task).await;
        ended.expect("the worker stops in time").unwrap().unwrap_or_else(|error| panic!("{error}"));
    }
}

fn config_of(value: &Value) -> Config {
    Config::from_yaml(&value.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

/// `base` with `changes` written over it, table by table.
pub(crate) fn merged(base: &Value, changes: &Value) -> Value {
    let (Some(old), Some(new)) = (base.as_object(), changes.as_object()) else { return changes.clone() };
    let mut all = old.clone();
    for (key, change) in new {
        let value = old.get(key).map_or_else(|| change.clone(), |before| merged(before, change));
        all.insert(key.clone(), value);
    }
    Value::Object(all)
}
