//! Runs batches on one network and answers their callers.
//!
//! Guarantees:
//!
//! - Each job is answered once, with the vector of its own input or with why there is
//!   none.
//! - A batch that fails is run again one by one, so that a bad input fails alone; a
//!   panic inside a network counts as a failure. An input is blamed only if the network
//!   then still works on an input that it worked on at load.
//! - When memory does not suffice, the batch is halved, down to single inputs; a single
//!   one is given back to be tried again later, not blamed.
//! - A device that is lost is not asked again.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::oneshot;

use super::EncoderError;
use super::batch_rules::{BatchLimit, padded};
use super::device_error::{Fault, fault};
use super::session::Network;
use crate::domain::embedding::Embedding;
use crate::metrics::metrics;

/// An input whose caller waits for its vector. A caller whose job is dropped without
/// an answer finds the reason in [`Shared::lost`].
pub(super) struct Job<I> {
    pub(super) input: I,
    pub(super) arrived: Instant,
    pub(super) reply: oneshot::Sender<Result<Embedding, EncoderError>>,
}

impl<I> Job<I> {
    fn answer(self, result: Result<Embedding, EncoderError>) {
        // The caller may have gone meanwhile.
        drop(self.reply.send(result));
    }
}

/// What the networks of one tower share.
pub(super) struct Shared<I> {
    /// An input on which they worked at load.
    pub(super) known: I,
    /// Sizes to which batches are filled up, ascending.
    pub(super) padded_sizes: Vec<usize>,
    pub(super) limit: BatchLimit,
    /// Why the device cannot be used any more.
    pub(super) lost: OnceLock<String>,
}

/// The device is lost; [`Shared::lost`] says why.
#[derive(Debug)]
pub(super) struct DeviceLost;

/// What became of a batch.
enum Outcome<I> {
    Answered,
    /// To be run in smaller batches.
    Halve(Vec<Job<I>>),
    /// To be run one by one.
    Separate(Vec<Job<I>>),
}

/// A network, run by one thread.
pub(super) struct Runner<N: Network> {
    pub(super) network: N,
    pub(super) shared: Arc<Shared<N::Input>>,
}

impl<N: Network> Runner<N> {
    /// Runs these jobs and answers them, unless the device is lost.
    pub(super) fn answer(&mut self, jobs: Vec<Job<N::Input>>) -> Result<(), DeviceLost> {
        let mut waiting: VecDeque<_> = jobs.into_iter().filter(|job| !job.reply.is_closed()).collect();
        let queue_duration = metrics().encoder.queue_duration.with_label_values(&[N::TOWER]);
        waiting.iter().for_each(|job| queue_duration.observe(job.arrived.elapsed().as_secs_f64()));
        // How many of the next ones were in a batch that failed.
        let mut separate = 0_usize;
        while !waiting.is_empty() {
            let size = if separate > 0 { 1 } else { waiting.len().min(self.shared.limit.get()) };
            let again = match self.run_batch(waiting.drain(..size).collect())? {
                Outcome::Answered => {
                    separate = separate.saturating_sub(1);
                    continue;
                }
                Outcome::Halve(jobs) => jobs,
                Outcome::Separate(jobs) => {
                    separate = jobs.len();
                    jobs
                }
            };
            again.into_iter().rev().for_each(|job| waiting.push_front(job));
        }
        Ok(())
    }

    fn run_batch(&mut self, mut batch: Vec<Job<N::Input>>) -> Result<Outcome<N::Input>, DeviceLost> {
        let rows = padded(batch.len(), &self.shared.padded_sizes, self.shared.limit.get());
        let reason = match self.run_padded(&batch, rows) {
            Ok(vectors) => {
                for (job, vector) in batch.into_iter().zip(vectors) {
                    match embedding::<N>(vector) {
                        Ok(embedding) => job.answer(Ok(embedding)),
                        Err(error) => self.blame(job, error)?,
                    }
                }
                return Ok(Outcome::Answered);
            }
            Err(reason) => reason,
        };
        match (fault(&reason), batch.len()) {
            (Fault::Sticky, _) => return Err(self.lose(reason)),
            (Fault::OutOfMemory, size) if rows > 1 => {
                let limit = self.shared.limit.halve(rows);
                let metrics = &metrics().encoder;
                metrics.out_of_memory.with_label_values(&[N::TOWER]).inc();
                metrics.batch_limit.with_label_values(&[N::TOWER]).set(limit as i64);
                tracing::warn!(tower = N::TOWER, size, rows, limit, reason, "out of memory, smaller batches");
                return Ok(Outcome::Halve(batch));
            }
            (Fault::Unknown, size) if size > 1 => {
                tracing::warn!(tower = N::TOWER, size, reason, "batch failed, its inputs run one by one");
                return Ok(Outcome::Separate(batch));
            }
            (Fault::OutOfMemory | Fault::Unknown, _) => {}
        }
        // What is left is a single input.
        if let Some(job) = batch.pop() {
            match fault(&reason) {
                Fault::OutOfMemory => self.give_back(job, reason),
                _ => self.blame(job, EncoderError::Inference { tower: N::TOWER, reason })?,
            }
        }
        Ok(Outcome::Answered)
    }

    /// Runs a batch, filled up to `rows` with its last input.
    fn run_padded(&mut self, batch: &[Job<N::Input>], rows: usize) -> Result<Vec<Vec<f32>>, String> {
        let encoder = &metrics().encoder;
        let tower = [N::TOWER];
        encoder.batch_inputs.with_label_values(&tower).observe(batch.len() as f64);
        encoder.padding_rows.with_label_values(&tower).inc_by((rows - batch.len()) as u64);
        let mut inputs: Vec<&N::Input> = batch.iter().map(|job| &job.input).collect();
        if let Some(last) = inputs.last().copied() {
            inputs.resize(rows, last);
        }
        let _timer = encoder.inference_duration.with_label_values(&tower).start_timer();
        let mut vectors = run(&mut self.network, &inputs)?;
        vectors.truncate(batch.len());
        Ok(vectors)
    }

    /// Answers an input that failed alone, if the network works at all.
    fn blame(&mut self, job: Job<N::Input>, error: EncoderError) -> Result<(), DeviceLost> {
        let known = run(&mut self.network, &[&self.shared.known]).and_then(|mut vectors| {
            embedding::<N>(vectors.swap_remove(0)).map_err(|error| error.to_string())
        });
        match known {
            Ok(_) => job.answer(Err(error)),
            Err(reason) if fault(&reason) == Fault::OutOfMemory => self.give_back(job, reason),
            Err(reason) => {
                return Err(self.lose(format!("{error}; its own test input fails, too: {reason}")));
            }
        }
        Ok(())
    }

    /// To be tried again when other batches have given their memory back.
    fn give_back(&self, job: Job<N::Input>, reason: String) {
        metrics().encoder.out_of_memory.with_label_values(&[N::TOWER]).inc();
        job.answer(Err(EncoderError::OutOfMemory { tower: N::TOWER, reason }));
    }

    fn lose(&self, reason: String) -> DeviceLost {
        tracing::error!(tower = N::TOWER, reason, "the device of a network is lost");
        // Another session may have been first; its reason is as good.
        drop(self.shared.lost.set(reason));
        DeviceLost
    }
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

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
