//! A worker's consumer of one topic: the steps of `adapters/kafka/consumer.rs` and
//! `context.rs` in their order, on the real assignment and watermark.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use lookalike::adapters::kafka::assignment::{Assignment, Limits};
use lookalike::adapters::kafka::record::{Ack, Record, Resolved, TopicPartition};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::world::group::Member;
use super::world::log::Entry;
use super::world::{Draw as _, Process, World, lock};

const COMMIT_EVERY: Duration = Duration::from_millis(500);
const RESEND_EVERY: Duration = Duration::from_secs(10);
/// Longest wait for work under way when a partition moves, or the consumer stops.
const REVOKE_DEADLINE: Duration = Duration::from_secs(3);
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// Records taken from the log at once.
const FETCHED: usize = 16;

pub(crate) struct Consumer {
    world: Arc<World>,
    process: Process,
    topic: &'static str,
    limits: Limits,
    assignment: Assignment,
    resolved: Receiver<Resolved>,
    resolving: Sender<Resolved>,
    /// Taken from the log while the edge was full.
    held: VecDeque<Record>,
    edge: mpsc::Sender<Record>,
    /// Where reading began, and the next offset to read, of each partition that is ours.
    positions: BTreeMap<i32, (i64, i64)>,
    paused: BTreeSet<i32>,
    member: Member,
    stop: CancellationToken,
    /// Whether the first partition is its own.
    pub(crate) has_first: Arc<AtomicBool>,
}

impl Consumer {
    /// Joins the topic's group; records come out of the other end.
    pub(crate) fn join(
        world: &Arc<World>,
        process: &Process,
        topic: &'static str,
        limits: Limits,
        stop: CancellationToken,
    ) -> (Self, mpsc::Receiver<Record>) {
        let (resolving, resolved) = channel();
        let (edge, records) = mpsc::channel(limits.in_flight.div_ceil(2));
        let consumer = Self {
            world: Arc::clone(world),
            process: process.clone(),
            topic,
            limits,
            assignment: Assignment::default(),
            resolved,
            resolving,
            held: VecDeque::new(),
            edge,
            positions: BTreeMap::new(),
            paused: BTreeSet::new(),
            member: lock(&world.groups).join(topic, &world.random),
            stop,
            has_first: Arc::default(),
        };
        (consumer, records)
    }

    /// Runs until it is stopped, or its edge is closed.
    pub(crate) async fn run(mut self) {
        let (mut committed, mut resent) = (Instant::now(), Instant::now());
        while !self.stop.is_cancelled() {
            self.process.running().await;
            self.apply_backpressure();
            self.release_held();
            if resent.elapsed() >= RESEND_EVERY {
                self.assignment.forget_commits();
                resent = Instant::now();
            }
            if committed.elapsed() >= COMMIT_EVERY {
                self.commit(false);
                committed = Instant::now();
            }
            self.obey().await;
            self.fetch();
            if self.edge.is_closed() {
                break;
            }
            let wait = Duration::from_millis(self.world.random.between(5, 250));
            // Either will do: news, or the time is up.
            timeout(wait, self.world.news.notified()).await.ok();
        }
        self.finish().await;
    }

    fn origin(&self, partition: i32) -> TopicPartition {
        TopicPartition { topic: self.topic.into(), partition }
    }

    fn drain_resolved(&mut self) {
        while let Ok(resolved) = self.resolved.try_recv() {
            self.assignment.resolve(&resolved);
        }
    }

    fn apply_backpressure(&mut self) {
        self.drain_resolved();
        // The edge, what is held and the work under way are all counted in flight.
        let most = self.positions.len() * (self.limits.in_flight + FETCHED);
        assert!(self.assignment.in_flight() <= most, "{} in flight", self.assignment.in_flight());
        let flow = self.assignment.flow(self.limits);
        self.paused.extend(flow.pause.iter().map(|origin| origin.partition));
        self.paused.retain(|partition| flow.resume.iter().all(|origin| origin.partition != *partition));
    }

    fn release_held(&mut self) {
        while let Some(record) = self.held.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(record)) = self.edge.try_send(record) {
                self.held.push_front(record);
                return;
            }
        }
    }

    /// Takes part in its group: gives up and takes over partitions.
    async fn obey(&mut self) {
        let orders = lock(&self.world.groups).poll(self.topic, self.member, &self.world.random);
        let Some(orders) = orders else {
            return self.rejoin();
        };
        if !orders.revoke.is_empty() {
            self.revoke(&orders.revoke).await;
        }
        if orders.assign.is_empty() {
            return;
        }
        self.note(&format!("is assigned {:?}", orders.assign));
        self.assignment.forget_commits();
        for (partition, from) in orders.assign {
            self.assignment.assign(self.origin(partition));
            self.has_first.fetch_or(partition == 0, Ordering::SeqCst);
            self.paused.remove(&partition);
            self.positions.insert(partition, (from, from));
        }
    }

    /// The group has moved on without it.
    fn rejoin(&mut self) {
        self.note("has lost its partitions");
        let owned = self.assignment.partitions();
        self.assignment.end_leases(&owned);
        self.assignment.remove(&owned);
        self.has_first.store(false, Ordering::SeqCst);
        self.positions.clear();
        self.member = lock(&self.world.groups).join(self.topic, &self.world.random);
    }

    async fn revoke(&mut self, partitions: &[i32]) {
        self.note(&format!("gives up {partitions:?}"));
        let origins: Vec<_> = partitions.iter().map(|partition| self.origin(*partition)).collect();
        self.assignment.end_leases(&origins);
        self.has_first.fetch_and(!partitions.contains(&0), Ordering::SeqCst);
        self.wait_for_active(&origins, REVOKE_DEADLINE).await;
        self.commit(true);
        self.assignment.remove(&origins);
        self.positions.retain(|partition, _| !partitions.contains(partition));
        lock(&self.world.groups).release(self.topic, self.member, partitions);
        self.world.news.notify_waiters();
    }

    async fn wait_for_active(&mut self, origins: &[TopicPartition], at_most: Duration) {
        let deadline = Instant::now() + at_most;
        loop {
            self.process.running().await;
            // The client's own thread goes on giving signs of life.
            lock(&self.world.groups).beat(self.topic, self.member, &self.world.random);
            self.drain_resolved();
            if self.assignment.active(origins) == 0 || Instant::now() >= deadline {
                return self.drain_resolved();
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn commit(&mut self, waits: bool) {
        let commits = self.assignment.take_commits();
        if commits.is_empty() {
            return;
        }
        let commits: Vec<_> = commits.into_iter().map(|(origin, next)| (origin.partition, next)).collect();
        let lost = self.world.random.chance(lock(&self.world.network.weather).commits);
        let accepted = !lost && self.world.commit(self.topic, self.member, &commits);
        // Of an asynchronous commit nobody is told how it ended.
        if waits && !accepted {
            self.assignment.forget_commits();
        }
    }

    fn fetch(&mut self) {
        let partitions: Vec<i32> = self.positions.keys().copied().collect();
        for partition in partitions {
            if self.paused.contains(&partition) {
                continue;
            }
            let (begun, mut from) = self.positions[&partition];
            if self.world.random.chance(20) {
                // After a pause the client may fetch again what it had.
                from = begun.max(from - 2);
            }
            let number = usize::try_from(partition).unwrap();
            let broker = lock(&self.world.broker);
            let fetched: Vec<Entry> =
                broker.read(self.topic, number, from).iter().take(FETCHED).cloned().collect();
            drop(broker);
            for entry in fetched {
                self.positions.insert(partition, (begun, entry.offset + 1));
                self.deliver(partition, entry);
            }
        }
        self.release_held();
    }

    fn deliver(&mut self, partition: i32, entry: Entry) {
        let (origin, Entry { offset, key, value, headers }) = (self.origin(partition), entry);
        let Some(lease) = self.assignment.deliver(&origin, offset) else { return };
        let ack = Ack::new(origin.clone(), offset, lease, self.resolving.clone());
        self.held.push_back(Record { origin, offset, key, value, headers, timestamp_ms: None, ack });
    }

    /// Nothing new starts; work under way may finish; then the group is left.
    async fn finish(mut self) {
        let owned = self.assignment.partitions();
        self.assignment.end_leases(&owned);
        self.held.clear();
        // A closed edge tells the pipeline that nothing more will come.
        self.edge = mpsc::channel(1).0;
        self.wait_for_active(&owned, DRAIN_DEADLINE).await;
        self.assignment.forget_commits();
        self.commit(true);
        self.assignment.remove(&owned);
        lock(&self.world.groups).leave(self.topic, self.member, &self.world.random);
        self.world.news.notify_waiters();
        self.note("has left");
    }

    fn note(&self, what: &str) {
        self.world
            .trace
            .note(|| format!("{} member {} of {} {what}", self.process.name, self.member, self.topic));
    }
}
