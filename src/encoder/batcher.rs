//! Batches across articles.
//!
//! Guarantees:
//!
//! - A result goes back through the channel of the very input it belongs to.
//! - The queue is bounded; callers wait for a place in it.
//! - Inputs whose caller has gone are not computed.
//! - When the device is lost, every caller is told, now and later.
//! - Dropping the batcher ends its threads, after the batches under way; it does not
//!   wait for those of a lost device.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::EncoderError;
use super::batch_rules::{BatchLimit, BatchRules, Step};
use super::runner::{DeviceLost, Job, Runner, Shared};
use super::session::Network;
use crate::domain::embedding::Embedding;
use crate::metrics::metrics;

struct State<I> {
    /// Each with its place in the queue, given back when the job leaves it.
    waiting: VecDeque<(Job<I>, OwnedSemaphorePermit)>,
    closed: bool,
}

struct Queue<I> {
    state: Mutex<State<I>>,
    changed: Condvar,
}

impl<I> Queue<I> {
    fn lock(&self) -> MutexGuard<'_, State<I>> {
        // Its content is whole at any time, so poison means nothing here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job that comes too late is dropped, which tells its caller.
    fn push(&self, job: Job<I>, place: OwnedSemaphorePermit) {
        let mut state = self.lock();
        if !state.closed {
            state.waiting.push_back((job, place));
            self.changed.notify_one();
        }
    }

    /// Nothing more comes in; what waits is still run.
    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Nothing is run any more; what waits is dropped.
    fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        self.changed.notify_all();
    }

    /// Blocks until a batch is complete; `None` once the queue is closed.
    fn next_batch(&self, rules: BatchRules, limit: &BatchLimit) -> Option<Vec<Job<I>>> {
        let mut state = self.lock();
        loop {
            let oldest = state.waiting.front().map(|(job, _)| job.arrived.elapsed());
            let age = oldest.unwrap_or_default();
            let rules = BatchRules { max_size: rules.max_size.min(limit.get()), ..rules };
            state = match rules.decide(state.waiting.len(), age, state.closed) {
                Step::Take(count) => {
                    let batch = state.waiting.drain(..count);
                    return Some(batch.map(|(job, _)| job).collect());
                }
                Step::Stop => return None,
                Step::Wait => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Step::WaitAtMost(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// A bounded queue in front of threads that own one network each.
pub(super) struct Batcher<I> {
    queue: Arc<Queue<I>>,
    shared: Arc<Shared<I>>,
    tower: &'static str,
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

/// How a tower's batches are made.
#[derive(Debug, Clone)]
pub(super) struct Batching {
    pub(super) rules: BatchRules,
    /// Sizes to which batches are filled up, ascending, none above `rules.max_size`.
    pub(super) padded_sizes: Vec<usize>,
    /// Inputs that may wait.
    pub(super) queue_capacity: usize,
}

impl<I: Send + Sync + 'static> Batcher<I> {
    /// Starts a thread for each network. `known` is an input they work on.
    pub(super) fn start<N: Network<Input = I>>(
        networks: Vec<N>,
        known: I,
        batching: Batching,
    ) -> Result<Self, EncoderError> {
        let own_limit = networks.iter().filter_map(Network::largest_batch).min();
        let max_size = own_limit.map_or(batching.rules.max_size, |own| own.min(batching.rules.max_size));
        let rules = BatchRules { max_size, ..batching.rules };
        metrics().encoder.batch_limit.with_label_values(&[N::TOWER]).set(max_size as i64);
        let shared = Arc::new(Shared {
            known,
            padded_sizes: batching.padded_sizes,
            limit: BatchLimit::new(max_size),
            lost: OnceLock::new(),
        });
        let queue = Arc::new(Queue {
            state: Mutex::new(State { waiting: VecDeque::new(), closed: false }),
            changed: Condvar::new(),
        });
        // Built first: on an early return its drop ends the threads.
        let mut batcher = Self {
            queue,
            shared,
            tower: N::TOWER,
            places: Arc::new(Semaphore::new(batching.queue_capacity)),
            threads: Vec::with_capacity(networks.len()),
        };
        for (index, network) in networks.into_iter().enumerate() {
            let queue = Arc::clone(&batcher.queue);
            let runner = Runner { network, shared: Arc::clone(&batcher.shared) };
            let thread = thread::Builder::new()
                .name(format!("{}-{index}", N::TOWER))
                .spawn(move || work(&queue, runner, rules))
                .map_err(|error| EncoderError::Inference {
                    tower: N::TOWER,
                    reason: format!("its thread cannot be started: {error}"),
                })?;
            batcher.threads.push(thread);
        }
        Ok(batcher)
    }

    /// The vector of one input, of unit length. Waits for a place in the queue.
    pub(super) async fn embed(&self, input: I) -> Result<Embedding, EncoderError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| EncoderError::Stopped)?;
        let (reply, result) = oneshot::channel();
        self.queue.push(Job { input, arrived: Instant::now(), reply }, place);
        result.await.unwrap_or_else(|_| {
            Err(match self.shared.lost.get() {
                Some(reason) => EncoderError::DeviceLost { tower: self.tower, reason: reason.clone() },
                None => EncoderError::Stopped,
            })
        })
    }
}

/// The life of a network's thread.
fn work<N: Network>(queue: &Queue<N::Input>, mut runner: Runner<N>, rules: BatchRules) {
    while let Some(batch) = queue.next_batch(rules, &runner.shared.limit) {
        if let Err(DeviceLost) = runner.answer(batch) {
            queue.abandon();
            break;
        }
    }
    if runner.shared.lost.get().is_some() {
        // Taking a session down calls the device once more, which may hang or abort;
        // the process is about to end anyway.
        mem::forget(runner);
    }
}

impl<I> Drop for Batcher<I> {
    fn drop(&mut self) {
        self.queue.close();
        if self.shared.lost.get().is_some() {
            // One may hang in its last call.
            return;
        }
        for thread in self.threads.drain(..) {
            // Panics inside a network are caught, so there is none to hear of.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
#[path = "batcher_tests.rs"]
mod tests;
