//! The worker: connects the adapters to the roles, runs them, and stops them.
//!
//! Guarantee: the first task that fails ends the worker with an error; a stop ends it
//! without one, after work under way was finished and committed, or with one at the
//! deadline. This is the only module that puts concrete adapters into roles.

mod error;
mod open;
mod probe;
mod start;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::error::{AppError, exit};
pub use self::open::OpenCatalogue;
use self::probe::WorkerProbe;
use self::start::Parts;
use crate::adapters::http::server;
use crate::adapters::kafka::consumer::{self, Consumer};
use crate::adapters::kafka::control::Control;
use crate::adapters::kafka::error::KafkaError;
use crate::config::{Config, Role};
use crate::health::Health;
use crate::metrics::metrics;
use crate::pipeline::rank::watch::{self, WatchRole};
use crate::pipeline::{embed, rank};
use crate::telemetry;

/// Records that wait between a consumer and its role.
const EDGE_CAPACITY: usize = 1024;
/// Longest wait for the producer's queue when stopping.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// A worker whose HTTP port is open.
pub struct Worker {
    config: Config,
    health: Arc<Health>,
    http: Option<server::Bound>,
}

impl Worker {
    /// Opens the HTTP port; nothing runs yet.
    pub async fn bind(config: Config) -> Result<Self, AppError> {
        let http = match config.http.listen {
            Some(listen) => Some(server::bind(listen).await?),
            None => None,
        };
        let health = Arc::new(Health::default());
        health.block("start", "the worker is starting");
        Ok(Self { config, health, http })
    }

    /// Where the HTTP interface answers.
    pub fn address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(server::Bound::address)
    }

    /// Runs until `stop`, or until something fails.
    pub async fn run(self, stop: CancellationToken) -> Result<(), AppError> {
        let Self { config, health, http } = self;
        let deadline = Duration::from_millis(config.shutdown.deadline_ms);
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(deadline).await;
        };
        tokio::select! {
            ended = run(&config, health, http, stop.clone()) => ended,
            () = overdue => Err(AppError::Deadline(deadline)),
        }
    }
}

/// Tasks of the worker; each ends when the worker stops.
type Tasks = JoinSet<Result<(), AppError>>;

async fn run(
    config: &Config,
    health: Arc<Health>,
    http: Option<server::Bound>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    describe(config);
    let probe = Arc::new(WorkerProbe::new(Arc::clone(&health)));
    // Health is answered while the worker starts and while it drains.
    let serving = http.map(|bound| Serving::start(bound, Arc::clone(&probe)));
    let ended = work(config, &health, &probe, stop).await;
    if let Some(serving) = serving {
        serving.stop().await?;
    }
    telemetry::stop().await;
    ended
}

/// Says in the metrics what this process is.
fn describe(config: &Config) {
    metrics().begin(config);
    let labels = [env!("CARGO_PKG_VERSION"), config.role.as_str()];
    metrics().process.build_info.with_label_values(&labels).set(1);
    metrics().process.gpus_visible.set(gpus_visible(Path::new("/dev")));
}

/// NVIDIA's device files, `nvidia0` and so on, in a folder; 0 where there is none.
fn gpus_visible(devices: &Path) -> i64 {
    let names = std::fs::read_dir(devices).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_gpu = |name: &OsString| {
        let number = name.to_str().and_then(|name| name.strip_prefix("nvidia"));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    names.filter(is_gpu).count() as i64
}

async fn work(
    config: &Config,
    health: &Arc<Health>,
    probe: &WorkerProbe,
    stop: CancellationToken,
) -> Result<(), AppError> {
    let Some(parts) = Parts::start(config, health, &stop).await? else {
        return Ok(());
    };
    probe.set_catalogue(parts.catalogue.clone(), config.ranking.k);
    let mut tasks = Tasks::new();
    let controls = start_roles(config, &parts, &mut tasks, &stop)?;
    probe.set_consumers(controls.clone());
    health.unblock("start");
    tracing::info!(role = ?config.role, "worker started");
    let ended = supervise(&mut tasks, &controls, &stop).await;
    let flushed = parts.producer.flush(FLUSH_DEADLINE).await;
    parts.stop().await?;
    ended.and(flushed.map_err(AppError::from))
}

/// Starts the consumers and pipelines of the configured role.
fn start_roles(
    config: &Config,
    parts: &Parts,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> Result<Vec<Arc<Control>>, AppError> {
    let mut controls = Vec::new();
    let prefix = &config.kafka.group_prefix;
    if matches!(config.role, Role::All | Role::Embed) {
        let consumer = consume(config, &config.kafka.topics.events, &format!("{prefix}.embed"))?;
        let (role, settings) = (parts.embed_role(config)?, config.embed_jobs.clone());
        controls.push(Arc::clone(&consumer.control));
        tasks.spawn(finished(consumer.finished));
        tasks.spawn(async move { Ok(embed::run(role, consumer.records, &settings).await?) });
    }
    if matches!(config.role, Role::All | Role::Rank) {
        let consumer = consume(config, &config.kafka.topics.rank, &format!("{prefix}.rank"))?;
        let (role, settings) = (parts.rank_role(config), config.rank_jobs.clone());
        let watching = WatchRole::of(&role);
        let sweeper = parts.sweeper(config, Arc::clone(&consumer.control));
        let sweeping = sweeper.run(stop.clone());
        controls.push(Arc::clone(&consumer.control));
        tasks.spawn(finished(consumer.finished));
        tasks.spawn(async move { Ok(rank::run(role, consumer.records, &settings).await?) });
        tasks.spawn(async move { Ok(sweeping.await?) });
        let consumer = consume(config, &config.kafka.topics.similar, &format!("{prefix}.watch"))?;
        let settings = config.watch_jobs.clone();
        controls.push(Arc::clone(&consumer.control));
        tasks.spawn(finished(consumer.finished));
        tasks.spawn(async move { Ok(watch::run(watching, consumer.records, &settings).await?) });
    }
    Ok(controls)
}

fn consume(config: &Config, topic: &str, group: &str) -> Result<Consumer, KafkaError> {
    let drain = Duration::from_millis(config.shutdown.drain_ms);
    consumer::start(&config.kafka, topic, group, EDGE_CAPACITY, drain)
}

async fn finished(thread: oneshot::Receiver<Result<(), KafkaError>>) -> Result<(), AppError> {
    Ok(thread.await.unwrap_or(Err(KafkaError::ThreadEnded))?)
}

/// Waits for a stop or the first end of a task, then for all tasks.
async fn supervise(
    tasks: &mut Tasks,
    controls: &[Arc<Control>],
    stop: &CancellationToken,
) -> Result<(), AppError> {
    let first = tokio::select! {
        // First: what ends because of the stop has not failed.
        biased;
        () = stop.cancelled() => Ok(()),
        Some(ended) = tasks.join_next() => match ended {
            // Nothing ends by itself while the worker runs.
            Ok(Ok(())) => Err(AppError::TaskEnded),
            Ok(Err(error)) => Err(error),
            Err(panicked) => Err(AppError::Task(panicked)),
        },
    };
    if let Err(error) = &first {
        tracing::error!(%error, "a task failed, the worker stops");
        // The deadline counts from here as well.
        stop.cancel();
    }
    controls.iter().for_each(|control| control.stop());
    let mut result = first;
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.map_err(AppError::Task).and_then(|ended| ended);
        result = match (result, ended) {
            // A failed consumer closes its role's edge before it says why it failed.
            (Err(AppError::TaskEnded), Err(cause)) => Err(cause),
            (result, ended) => result.and(ended),
        };
    }
    result
}

/// The HTTP server, answering until it is stopped.
struct Serving {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), server::HttpError>>,
}

impl Serving {
    fn start(bound: server::Bound, probe: Arc<WorkerProbe>) -> Self {
        tracing::info!(address = %bound.address(), "http interface listens");
        let stop = CancellationToken::new();
        let interface = server::Interface { lookup: probe::lookup(Arc::clone(&probe)), probe };
        let task = tokio::spawn(server::serve(bound, interface, stop.clone().cancelled_owned()));
        Self { stop, task }
    }

    async fn stop(self) -> Result<(), AppError> {
        self.stop.cancel();
        self.task.await.map_err(AppError::Task)??;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_the_numbered_device_files() {
        let devices = tempfile::tempdir().unwrap();
        for name in ["nvidia0", "nvidia11", "nvidiactl", "nvidia-uvm", "null"] {
            std::fs::write(devices.path().join(name), "").unwrap();
        }
        assert_eq!(gpus_visible(devices.path()), 2);
        assert_eq!(gpus_visible(&devices.path().join("none")), 0);
    }
}
