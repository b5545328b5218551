//! What a running consumer tells about itself, and how it is stopped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the rest of the process may know and ask of a running consumer.
#[derive(Debug)]
pub struct Control {
    started: Instant,
    last_poll_ms: AtomicU64,
    assigned: AtomicBool,
    first_partition: AtomicBool,
    stop: AtomicBool,
}

impl Control {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            last_poll_ms: AtomicU64::new(0),
            assigned: AtomicBool::new(false),
            first_partition: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The first assignment has arrived.
    pub fn is_assigned(&self) -> bool {
        self.assigned.load(Ordering::SeqCst)
    }

    /// This process owns partition 0, and so does what one process of the group does.
    pub fn owns_first_partition(&self) -> bool {
        self.first_partition.load(Ordering::SeqCst)
    }

    /// Time since the thread last polled.
    pub fn since_poll(&self) -> Duration {
        let last = Duration::from_millis(self.last_poll_ms.load(Ordering::SeqCst));
        self.started.elapsed().saturating_sub(last)
    }

    /// Asks the thread to drain and leave the group.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(super) fn assigned(&self) {
        self.assigned.store(true, Ordering::SeqCst);
    }

    pub(super) fn set_first_partition(&self, owned: bool) {
        self.first_partition.store(owned, Ordering::SeqCst);
    }

    pub(super) fn beat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_poll_ms.store(now, Ordering::SeqCst);
    }
}
