//! One worker: all real stages on the world's ports, in a process that can
//! be killed, paused and stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use lookalike::adapters::kafka::assignment::Limits;
use lookalike::health::Health;
use lookalike::pipeline::dead_letter::DeadLetters;
use lookalike::pipeline::dispatch::DispatchSettings;
use lookalike::pipeline::embed::{self, EmbedRole};
use lookalike::pipeline::rank::sweep::{SweepSettings, Sweeper};
use lookalike::pipeline::rank::watch::{self, WatchRole};
use lookalike::pipeline::rank::{self, Lists, RankRole, RankingSettings, Sets};
use lookalike::random::Random;
use lookalike::retry::{Attempts, BackoffSettings};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use super::consumer::Consumer;
use super::world::log::{DEAD_LETTERS, EVENTS, RANK, SIMILAR};
use super::world::{Client, Process, World, encoder, lock};

/// After this a process that is asked to stop ends without having finished.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// Largest image file, in bytes.
pub(crate) const MAX_IMAGE_BYTES: u64 = 100;

/// How the workers of a run are set up.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) ranking: RankingSettings,
    pub(crate) embed_jobs: DispatchSettings,
    pub(crate) rank_jobs: DispatchSettings,
    pub(crate) watch_jobs: DispatchSettings,
    pub(crate) sweep: SweepSettings,
    pub(crate) limits: Limits,
    /// Bytes that keep sets in memory; 0 keeps none.
    pub(crate) cache_bytes: u64,
    pub(crate) missing_retry_delays: Vec<Duration>,
}

/// A worker and, unless it is down, its process.
pub(crate) struct Worker {
    world: Arc<World>,
    settings: Arc<Settings>,
    number: usize,
    incarnation: u64,
    running: Option<Running>,
    /// Why processes ended that nobody ended.
    pub(crate) failures: Arc<Mutex<Vec<String>>>,
}

struct Running {
    process: Process,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn new(world: &Arc<World>, settings: &Arc<Settings>, number: usize) -> Self {
        let (world, settings) = (Arc::clone(world), Arc::clone(settings));
        Self { world, settings, number, incarnation: 0, running: None, failures: Arc::default() }
    }

    pub(crate) fn start(&mut self) {
        self.incarnation += 1;
        let stop = CancellationToken::new();
        let process = Process::new(format!("w{}.{}", self.number, self.incarnation));
        self.world.trace.note(|| format!("{} starts", process.name));
        let parts = Parts::new(self, &process);
        let settings = &self.settings;
        let join = |topic, limits| Consumer::join(&self.world, &process, topic, limits, stop.clone());
        let (events, event_records) = join(EVENTS, settings.limits);
        let (requests, request_records) = join(RANK, settings.limits);
        let (lists, list_records) = join(SIMILAR, settings.limits);
        let (embed_role, embed_jobs) = (parts.embed_role(settings), settings.embed_jobs.clone());
        let (rank_role, rank_jobs) = (parts.rank_role(settings), settings.rank_jobs.clone());
        let (watch_role, watch_jobs) = (WatchRole::of(&rank_role), settings.watch_jobs.clone());
        let sweeper = parts.sweeper(settings, Arc::clone(&requests.has_first));
        let embedding = async move { embed::run(embed_role, event_records, &embed_jobs).await };
        let ranking = async move { rank::run(rank_role, request_records, &rank_jobs).await };
        let watching = async move { watch::run(watch_role, list_records, &watch_jobs).await };
        let failures = || (process.clone(), Arc::clone(&self.failures));
        let tasks = vec![
            tokio::spawn(events.run()),
            tokio::spawn(requests.run()),
            tokio::spawn(lists.run()),
            tokio::spawn(noted(embedding, failures())),
            tokio::spawn(noted(ranking, failures())),
            tokio::spawn(noted(watching, failures())),
            tokio::spawn(noted(sweeper.run(stop.clone()), failures())),
        ];
        self.running = Some(Running { process, stop, tasks });
    }

    /// The process is gone from one moment to the next.
    pub(crate) fn crash(&mut self) {
        self.world.trace.note(|| format!("w{} crashes", self.number));
        let running = self.running.take();
        running.iter().flat_map(|running| &running.tasks).for_each(JoinHandle::abort);
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.world
            .trace
            .note(|| format!("w{} {}", self.number, if paused { "is paused" } else { "goes on" }));
        if let Some(running) = &self.running {
            running.process.set_paused(paused);
        }
    }

    /// Asks the process to finish; it may take its time, but not too long.
    pub(crate) fn stop(&mut self) {
        self.world.trace.note(|| format!("w{} is to stop", self.number));
        if let Some(Running { stop, tasks, .. }) = self.running.take() {
            tokio::spawn(async move {
                stop.cancel();
                let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
                let ended = timeout(STOP_DEADLINE, futures::future::join_all(tasks)).await;
                if ended.is_err() {
                    aborts.iter().for_each(tokio::task::AbortHandle::abort);
                }
            });
        }
    }

    /// A task that panicked says so only here.
    pub(crate) fn has_ended(&self) -> bool {
        self.running.iter().flat_map(|running| &running.tasks).any(JoinHandle::is_finished)
    }
}

/// A role that ends with an error ends the process, and the run.
async fn noted<E: std::fmt::Display>(
    role: impl Future<Output = Result<(), E>>,
    (process, failures): (Process, Arc<Mutex<Vec<String>>>),
) {
    if let Err(error) = role.await {
        lock(&failures).push(format!("{}: {error}", process.name));
    }
}

/// What both roles of a process share.
struct Parts {
    client: Client,
    random: Random,
    attempts: Attempts,
}

impl Parts {
    fn new(worker: &Worker, process: &Process) -> Self {
        let random = Random::seeded(worker.world.random.number());
        let backoff = BackoffSettings { first_ms: 50, max_ms: 2000 };
        let attempts = Attempts::new(backoff, Arc::new(Health::default()), random.clone());
        let client = Client { world: Arc::clone(&worker.world), process: process.clone() };
        Self { client, random, attempts }
    }

    fn embed_role(&self, settings: &Settings) -> EmbedRole {
        let port = Arc::new(self.client.clone());
        EmbedRole {
            catalogue: port.clone(),
            objects: port.clone(),
            encoder: port.clone(),
            log: port,
            dead_letters: self.dead_letters(),
            attempts: self.attempts.clone(),
            rank_topic: RANK.to_owned(),
            max_image_bytes: MAX_IMAGE_BYTES,
            missing_retry_delays: settings.missing_retry_delays.clone().into(),
            decodes: Arc::new(Semaphore::new(2)),
            failures_in_a_row: Arc::default(),
        }
    }

    fn rank_role(&self, settings: &Settings) -> RankRole {
        let port = Arc::new(self.client.clone());
        RankRole {
            catalogue: port.clone(),
            log: port,
            sets: Sets::new(encoder::DIMENSION, settings.ranking.max_images, settings.cache_bytes),
            lists: Lists::new(settings.cache_bytes),
            dead_letters: self.dead_letters(),
            attempts: self.attempts.clone(),
            random: self.random.clone(),
            rank_topic: RANK.to_owned(),
            similar_topic: SIMILAR.to_owned(),
            settings: settings.ranking.clone(),
            comparison: Arc::new(settings.ranking.comparison()),
        }
    }

    fn sweeper(&self, settings: &Settings, has_first: Arc<AtomicBool>) -> Sweeper {
        let port = Arc::new(self.client.clone());
        Sweeper {
            catalogue: port.clone(),
            log: port,
            attempts: self.attempts.clone(),
            rank_topic: RANK.to_owned(),
            settings: settings.sweep.clone(),
            has_turn: Box::new(move || has_first.load(Ordering::SeqCst)),
        }
    }

    fn dead_letters(&self) -> DeadLetters {
        let log = Arc::new(self.client.clone());
        DeadLetters { log, topic: DEAD_LETTERS.to_owned(), encoder: "simulated".to_owned() }
    }
}
