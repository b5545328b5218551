//! Everything around the worker: Kafka in this process, Qdrant beside it or elsewhere,
//! the configuration, and the worker itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use lookalike::adapters::kafka::error::KafkaError;
use lookalike::adapters::kafka::producer::Producer;
use lookalike::adapters::kafka::tail::GroupProgress;
use lookalike::adapters::qdrant::{Catalogue, VectorShape};
use lookalike::config::{Config, Role};
use lookalike::embedded::kafka::{EmbeddedKafka, GROUP_PROPERTIES};
use lookalike::encoder::Encoder;
use qdrant_client::Qdrant;
use qdrant_client::qdrant::CollectionStatus;
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::metrics::Page;
use crate::process::{Process, START_DEADLINE, Usage, get};
use crate::shop::DIMENSION;

/// Of topics `lookalike.rank` and `lookalike.similar`, as `lookalike dev kafka` has them.
pub(crate) const PARTITIONS: i32 = 6;
/// Lists that the baseline publishes.
pub(crate) const OTHER_LISTS: &str = "bench.similar";

pub(crate) struct World {
    _kafka: EmbeddedKafka,
    qdrant: Option<Process>,
    worker: Option<(Process, SocketAddr)>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) producer: Producer,
    pub(crate) config: Config,
    client: Qdrant,
    folder: PathBuf,
}

/// What a scenario is run with.
pub(crate) struct Choice<'a> {
    pub(crate) folder: PathBuf,
    /// A Qdrant server; the embedded one without it.
    pub(crate) qdrant_url: Option<&'a str>,
    /// Begins the names of the collections.
    pub(crate) prefix: &'a str,
    /// Lowest cosine of a pair of images that counts.
    pub(crate) threshold: f64,
    /// Over the defaults of the benchmark.
    pub(crate) settings: &'a Value,
}

impl World {
    /// Starts the servers, with empty collections.
    pub(crate) async fn start(choice: Choice<'_>) -> Result<Self, Failure> {
        let folder = choice.folder;
        std::fs::create_dir_all(&folder)?;
        let topics = [
            ("catalog.events", PARTITIONS),
            ("lookalike.rank", PARTITIONS),
            ("lookalike.similar", PARTITIONS),
            ("lookalike.dead-letters", 1),
            (OTHER_LISTS, PARTITIONS),
        ];
        let kafka = EmbeddedKafka::start(&topics)?;
        let (qdrant, url) = match choice.qdrant_url {
            Some(url) => (None, url.to_owned()),
            None => {
                let data = folder.join("qdrant");
                let data = data.to_str().ok_or("the folder's name is no text")?;
                let arguments = ["dev", "qdrant", "--listen", "127.0.0.1:0", "--directory", data];
                let mut server = Process::start(&arguments, &folder.join("qdrant.log"))?;
                let url = server.first_line()?;
                (Some(server), url)
            }
        };
        write_encoder(&folder)?;
        let mut settings = json!({
            "role": "rank",
            "kafka": {
                "bootstrap_servers": kafka.bootstrap_servers(),
                "commit_interval_ms": 100,
                "properties": kafka_properties(),
            },
            "encoder": {"directory": folder.join("encoder")},
            "qdrant": {"url": url, "prefix": choice.prefix},
            "ranking": {"threshold": choice.threshold, "candidate_limit": 256},
            // Its searches are no events'.
            "sweep": {"lists": 0},
            "http": {"listen": "127.0.0.1:0"},
        });
        merge(&mut settings, choice.settings);
        let file = folder.join("worker.yaml");
        // JSON is YAML as well.
        std::fs::write(&file, settings.to_string())?;
        let config = Config::from_yaml(&settings.to_string())?;
        let (fingerprint, dimension) = Encoder::identify(&config.encoder)?;
        let catalogue = Catalogue::connect(&config.qdrant, &fingerprint, config.ranking.sizes())?;
        let dimension = dimension.ok_or("an encoder without dimension")?;
        let shape = VectorShape { dimension, variants: config.encoder.has_variants() };
        catalogue.prepare(&config.qdrant, shape).await?;
        Ok(Self {
            _kafka: kafka,
            qdrant,
            worker: None,
            producer: Producer::new(&config.kafka)?,
            catalogue: Arc::new(catalogue),
            client: Qdrant::from_url(&config.qdrant.url).skip_compatibility_check().build()?,
            config,
            folder,
        })
    }

    /// Starts the worker and waits until it owns every partition.
    pub(crate) fn start_worker(&mut self) -> Result<(), Failure> {
        let file = self.folder.join("worker.yaml");
        let arguments = ["run", "-c", file.to_str().ok_or("the folder's name is no text")?];
        let mut worker = Process::start(&arguments, &self.folder.join("worker.log"))?;
        let address = worker.http_address()?;
        worker.until("its partitions", |_| {
            let assigned = Page::read(address)?.sum("lookalike_assigned_partitions", &["lookalike.rank"]);
            let (ready, _) = get(address, "/readyz")?;
            Ok((ready == 200 && assigned >= f64::from(PARTITIONS)).then_some(()))
        })?;
        self.worker = Some((worker, address));
        Ok(())
    }

    pub(crate) fn stop_worker(&mut self) {
        self.worker = None;
    }

    /// The worker's metrics.
    pub(crate) fn page(&self) -> Result<Page, Failure> {
        let (_, address) = self.worker.as_ref().ok_or("no worker runs")?;
        Page::read(*address)
    }

    /// Memory and processor time of the worker, of the embedded Qdrant, and of this
    /// process, which has Kafka in it.
    pub(crate) fn usage(&self) -> Result<[(&'static str, Option<Usage>); 3], Failure> {
        let worker = self.worker.as_ref().map(|(worker, _)| worker.usage()).transpose()?;
        let qdrant = self.qdrant.as_ref().map(Process::usage).transpose()?;
        Ok([("worker", worker), ("qdrant", qdrant), ("bench", Some(Usage::of("self")?))])
    }

    /// Events and requests that are not resolved and committed yet. Events first: what
    /// they cause is in the other topic before they are committed.
    pub(crate) async fn open_records(&self) -> Result<u64, Failure> {
        let (kafka, role) = (self.config.kafka.clone(), self.config.role);
        let read = move || -> Result<u64, KafkaError> {
            let open = |group: &str, topic: &str| {
                let group = format!("{}.{group}", kafka.group_prefix);
                Ok::<_, KafkaError>(GroupProgress::new(&kafka, &group, topic)?.read()?.open())
            };
            let events = if role == Role::All { open("embed", &kafka.topics.events)? } else { 0 };
            Ok(events + open("rank", &kafka.topics.rank)?)
        };
        Ok(tokio::task::spawn_blocking(read).await??)
    }

    /// Waits until the server has built its indexes.
    pub(crate) async fn indexed(&self) -> Result<(), Failure> {
        for collection in self.catalogue.collections() {
            loop {
                let info = self.client.collection_info(collection).await?.result;
                let status = info.map(|info| info.status());
                match status {
                    Some(CollectionStatus::Green) => break,
                    Some(CollectionStatus::Red) | None => {
                        return Err(format!("collection {collection} is {status:?}").into());
                    }
                    // Polling; building an index of a large catalogue takes what it takes.
                    _ => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
                }
            }
        }
        Ok(())
    }

    /// The server's name and version.
    pub(crate) async fn server(&self) -> Result<String, Failure> {
        let name = self.catalogue.server().await?;
        Ok(if self.qdrant.is_some() { format!("embedded ({name})") } else { name })
    }

    /// Ends everything and removes the collections.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.worker = None;
        if self.qdrant.is_none() {
            for collection in self.catalogue.collections() {
                self.client.delete_collection(collection).await?;
            }
        }
        self.qdrant = None;
        Ok(std::fs::remove_dir_all(self.folder.join("qdrant")).or_else(|error| {
            if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
        })?)
    }
}

/// The broker in this process answers an empty fetch only after the longest wait, also
/// when a record comes meanwhile: so the wait is short.
fn kafka_properties() -> Map<String, Value> {
    let own = GROUP_PROPERTIES.into_iter().chain([("fetch.wait.max.ms", "5")]);
    own.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

/// Role `rank` reads an encoder's name and dimension only. Nothing here embeds.
fn write_encoder(folder: &std::path::Path) -> Result<(), Failure> {
    let directory = folder.join("encoder");
    std::fs::create_dir_all(&directory)?;
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo-encoder");
    for file in ["preprocessor_config.json", "vision_model.onnx"] {
        std::fs::copy(demo.join(file), directory.join(file))?;
    }
    Ok(std::fs::write(directory.join("config.json"), json!({"projection_dim": DIMENSION}).to_string())?)
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) if !from.is_null() => *into = from.clone(),
        _ => {}
    }
}

/// How long a scenario waits for what must come.
pub(crate) const PATIENCE: std::time::Duration = START_DEADLINE;
