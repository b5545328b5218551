//! Batches across articles.
//!
//! Guarantees:
//!
//! - A result goes back through the channel of the very input it belongs to.
//! - The queue is bounded; callers wait for a place in it.
//! - A batch that fails is run again one by one, so that a bad input fails
//!   alone. A panic inside a network counts as a failure.
//! - Inputs whose caller has gone are not computed.
//! - Dropping the batcher ends its threads, after the batches under way.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::EncoderError;
use super::session::Network;
use crate::domain::embedding::Embedding;
use crate::metrics::metrics;

/// When a batch is complete. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchRules {
    /// Most inputs in a batch, at least 1.
    pub(super) max_size: usize,
    /// How long the oldest input waits for others.
    pub(super) max_delay: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Run this many now, the oldest first.
    Take(usize),
    /// Wait for an input.
    Wait,
    /// Wait for another input, at most this long.
    WaitAtMost(Duration),
    /// Nothing will come any more.
    Stop,
}

impl BatchRules {
    /// `waiting` inputs are queued, the oldest for `age`.
    fn decide(self, waiting: usize, age: Duration, closed: bool) -> Step {
        match (waiting, self.max_delay.checked_sub(age)) {
            (0, _) if closed => Step::Stop,
            (0, _) => Step::Wait,
            (_, Some(left)) if waiting < self.max_size && !left.is_zero() && !closed => {
                Step::WaitAtMost(left)
            }
            _ => Step::Take(waiting.min(self.max_size)),
        }
    }
}

struct Job<I> {
    input: I,
    arrived: Instant,
    reply: oneshot::Sender<Result<Embedding, EncoderError>>,
}

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

    fn push(&self, job: Job<I>, place: OwnedSemaphorePermit) {
        self.lock().waiting.push_back((job, place));
        self.changed.notify_one();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Blocks until a batch is complete; `None` once the queue is closed.
    fn next_batch(&self, rules: BatchRules) -> Option<Vec<Job<I>>> {
        let mut state = self.lock();
        loop {
            let oldest = state.waiting.front().map(|(job, _)| job.arrived.elapsed());
            let age = oldest.unwrap_or_default();
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
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl<I: Send + 'static> Batcher<I> {
    /// Starts a thread for each network.
    pub(super) fn start<N: Network<Input = I>>(
        networks: Vec<N>,
        rules: BatchRules,
        queue_capacity: usize,
    ) -> Result<Self, EncoderError> {
        let queue = Arc::new(Queue {
            state: Mutex::new(State { waiting: VecDeque::new(), closed: false }),
            changed: Condvar::new(),
        });
        // Built first: on an early return its drop ends the threads.
        let mut batcher = Self {
            queue,
            places: Arc::new(Semaphore::new(queue_capacity)),
            threads: Vec::with_capacity(networks.len()),
        };
        for (index, mut network) in networks.into_iter().enumerate() {
            let queue = Arc::clone(&batcher.queue);
            let max_size = network.largest_batch().unwrap_or(usize::MAX);
            let rules = BatchRules { max_size: rules.max_size.min(max_size), ..rules };
            let thread = thread::Builder::new()
                .name(format!("{}-{index}", N::TOWER))
                .spawn(move || {
                    while let Some(batch) = queue.next_batch(rules) {
                        answer(&mut network, batch);
                    }
                })
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
        let job = Job { input, arrived: Instant::now(), reply };
        self.queue.push(job, place);
        result.await.unwrap_or(Err(EncoderError::Stopped))
    }
}

impl<I> Drop for Batcher<I> {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // Panics inside a network are caught, so there is none to hear of.
            drop(thread.join());
        }
    }
}

/// Runs a batch and answers each of its callers.
fn answer<N: Network>(network: &mut N, batch: Vec<Job<N::Input>>) {
    let mut jobs = batch;
    jobs.retain(|job| !job.reply.is_closed());
    if jobs.is_empty() {
        return;
    }
    let inputs: Vec<&N::Input> = jobs.iter().map(|job| &job.input).collect();
    let encoder = &metrics().encoder;
    encoder.batch_inputs.observe(jobs.len() as f64);
    for job in &jobs {
        encoder.queue_duration.observe(job.arrived.elapsed().as_secs_f64());
    }
    let timer = encoder.inference_duration.with_label_values(&[N::TOWER]).start_timer();
    let ran = run(network, &inputs);
    timer.observe_duration();
    match ran {
        Ok(vectors) => {
            for (job, vector) in jobs.into_iter().zip(vectors) {
                reply(job, embedding::<N>(vector));
            }
        }
        Err(reason) => {
            let size = jobs.len();
            tracing::warn!(tower = N::TOWER, size, reason, "batch failed");
            for job in jobs {
                let result =
                    if size == 1 { Err(failed::<N>(reason.clone())) } else { alone(network, &job.input) };
                reply(job, result);
            }
        }
    }
}

/// Runs one input of a batch that failed.
fn alone<N: Network>(network: &mut N, input: &N::Input) -> Result<Embedding, EncoderError> {
    let mut vectors = run(network, &[input]).map_err(failed::<N>)?;
    embedding::<N>(vectors.swap_remove(0))
}

/// One vector for each input, or why not.
pub(super) fn run<N: Network>(network: &mut N, inputs: &[&N::Input]) -> Result<Vec<Vec<f32>>, String> {
    // A network keeps nothing from one run to the next, so it can be used again.
    let vectors = catch_unwind(AssertUnwindSafe(|| network.run(inputs)))
        .unwrap_or_else(|_| Err("it panicked".to_owned()))?;
    if vectors.len() == inputs.len() {
        Ok(vectors)
    } else {
        let (given, wanted) = (vectors.len(), inputs.len());
        Err(format!("{given} vectors for {wanted} inputs"))
    }
}

/// Scales a vector to unit length.
pub(super) fn embedding<N: Network>(vector: Vec<f32>) -> Result<Embedding, EncoderError> {
    Embedding::normalised(vector).map_err(|source| EncoderError::Embedding { tower: N::TOWER, source })
}

fn failed<N: Network>(reason: String) -> EncoderError {
    EncoderError::Inference { tower: N::TOWER, reason }
}

fn reply<I>(job: Job<I>, result: Result<Embedding, EncoderError>) {
    // The caller may have gone meanwhile.
    drop(job.reply.send(result));
}

#[cfg(test)]
#[path = "batcher_tests.rs"]
mod tests;
