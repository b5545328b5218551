//! A consumed record and its fate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

/// A topic's partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

/// One record as consumed, bytes untouched.
#[derive(Debug)]
pub struct Record {
    pub origin: TopicPartition,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    /// Broker or producer time in milliseconds since 1970; metrics only.
    pub timestamp_ms: Option<i64>,
    pub ack: Ack,
}

impl Record {
    /// The value of a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// One assignment of a partition to this consumer (its generation).
#[derive(Debug)]
pub struct Lease {
    pub(super) generation: u64,
    live: AtomicBool,
    gone: AtomicBool,
    active: AtomicUsize,
}

impl Lease {
    pub(super) fn new(generation: u64) -> Arc<Self> {
        Arc::new(Self {
            generation,
            live: AtomicBool::new(true),
            gone: AtomicBool::new(false),
            active: AtomicUsize::new(0),
        })
    }

    /// New work may start. Once this is false, work under way is to finish.
    pub fn is_live(&self) -> bool {
        self.live.load(Ordering::SeqCst)
    }

    /// Another consumer may own the partition: nothing may be written for it.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    pub(super) fn end(&self) {
        self.live.store(false, Ordering::SeqCst);
    }

    pub(super) fn lose(&self) {
        self.end();
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Work under way for this lease; a revoke waits for it.
    pub(super) fn active(&self) -> usize {
        self.active.load(Ordering::SeqCst)
    }

    /// Marks work as begun, unless the lease has ended. The guard marks its end.
    pub fn begin(self: &Arc<Self>) -> Option<ActiveWork> {
        // Count first: a revoke that ends the lease in between sees the count.
        self.active.fetch_add(1, Ordering::SeqCst);
        let work = ActiveWork(Arc::clone(self));
        self.is_live().then_some(work)
    }
}

/// Drop guard of [`Lease::begin`].
#[derive(Debug)]
pub struct ActiveWork(Arc<Lease>);

impl Drop for ActiveWork {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A resolved record, on its way to the consumer thread.
#[derive(Debug)]
pub struct Resolved {
    pub(super) origin: TopicPartition,
    pub(super) generation: u64,
    pub(super) offset: i64,
}

/// The fate of one record. Dropping it unresolved is never a success: the offset
/// stays uncommitted and the record comes again.
#[derive(Debug)]
pub struct Ack {
    origin: TopicPartition,
    offset: i64,
    lease: Arc<Lease>,
    resolved: Sender<Resolved>,
}

impl Ack {
    /// The fate of a record that was delivered under `lease`, told through `resolved`.
    pub fn new(origin: TopicPartition, offset: i64, lease: Arc<Lease>, resolved: Sender<Resolved>) -> Self {
        Self { origin, offset, lease, resolved }
    }

    /// The assignment this record came with.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// The record is applied, superseded or dead-lettered, and all of that is durable.
    pub fn resolve(self) {
        let resolved =
            Resolved { origin: self.origin, generation: self.lease.generation, offset: self.offset };
        // The consumer thread is gone after a shutdown deadline: the record comes again.
        self.resolved.send(resolved).ok();
    }
}
