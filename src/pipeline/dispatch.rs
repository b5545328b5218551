//! From the consumer's edge to jobs: one job an article, many articles at a time.
//!
//! Guarantee: records of one key are worked on in log order, never by two jobs at
//! once. A job that fails ends the dispatcher; a record whose lease has ended is
//! dropped unresolved. The dispatcher ends when its edge is closed and its jobs have
//! ended.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use prometheus::HistogramTimer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use super::PipelineError;
use super::mailbox::{Coalescing, Key, Mailbox};
use crate::adapters::kafka::record::{ActiveWork, Lease, Record};
use crate::metrics::{Counted, metrics};
use crate::retry::Tenure;
use crate::telemetry::spans;

/// Bounds of one role's jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchSettings {
    /// Articles worked on at the same time.
    pub max_concurrent_articles: usize,
    /// An article waits until no record came for it for this long …
    pub coalesce_window_ms: u64,
    /// … but no longer than this.
    pub coalesce_max_age_ms: u64,
    /// Most records of one article done together.
    pub max_batch_records: usize,
}

/// Records of one article, to be done together by one job.
pub struct Batch {
    pub records: Vec<Record>,
    lease: Arc<Lease>,
    _work: ActiveWork,
}

impl Tenure for Batch {
    fn is_ours(&self) -> bool {
        !self.lease.is_gone()
    }

    fn may_wait(&self) -> bool {
        self.lease.is_live()
    }
}

impl Batch {
    /// Records whose lease is live; `None` if there are none. Live records of one
    /// mailbox key are of one partition and so of one lease.
    fn of(records: Vec<Record>) -> Option<Self> {
        let records: Vec<Record> =
            records.into_iter().filter(|record| record.ack.lease().is_live()).collect();
        let lease = Arc::clone(records.first()?.ack.lease());
        let work = lease.begin()?;
        Some(Self { records, lease, _work: work })
    }
}

/// The record is done for good: applied, superseded or dead-lettered.
pub(super) fn resolved(record: Record, outcome: &str) {
    metrics().kafka.records_resolved.with_label_values(&[&record.origin.topic, outcome]).inc();
    record.ack.resolve();
}

/// Runs `job`, which is called `name`, for every batch until `records` is closed.
pub(super) async fn dispatch<J, F>(
    name: &'static str,
    mut records: mpsc::Receiver<Record>,
    settings: &DispatchSettings,
    job: J,
) -> Result<(), PipelineError>
where
    J: Fn(Batch) -> F,
    F: Future<Output = Result<(), PipelineError>> + Send + 'static,
{
    let coalescing = Coalescing {
        window: Duration::from_millis(settings.coalesce_window_ms),
        max_age: Duration::from_millis(settings.coalesce_max_age_ms),
        max_batch: settings.max_batch_records,
    };
    let start = Instant::now();
    let mut mailbox = Mailbox::new(coalescing);
    let mut jobs: JoinSet<(Key, Result<(), PipelineError>)> = JoinSet::new();
    loop {
        while jobs.len() < settings.max_concurrent_articles
            && let Some((key, batch)) = mailbox.take_ready(start.elapsed())
        {
            match Batch::of(batch) {
                Some(batch) => {
                    let span = span_of(name, &batch);
                    let running = Running::begin(name, batch.records.len());
                    let work = job(batch);
                    let work = async move {
                        let _running = running;
                        (key, work.await)
                    };
                    jobs.spawn(work.instrument(span));
                }
                None => mailbox.finished(&key),
            }
        }
        let has_room = jobs.len() < settings.max_concurrent_articles;
        let next = mailbox.next_ready_at().filter(|_| has_room);
        tokio::select! {
            // In this order every time, so that a run can be repeated. What has ended
            // makes room first; its number is bounded, so records have their turn.
            biased;
            Some(ended) = jobs.join_next() => mailbox.finished(&outcome(ended)?),
            record = records.recv() => match record {
                Some(record) => {
                    let key = Key {
                        partition: record.origin.partition,
                        bytes: record.key.clone().unwrap_or_default(),
                    };
                    mailbox.push(key, record, start.elapsed());
                }
                // The leases have ended: what waits is not ours to begin.
                None => break,
            },
            () = until(start, next), if next.is_some() => {}
        }
    }
    while let Some(ended) = jobs.join_next().await {
        outcome(ended)?;
    }
    Ok(())
}

/// A job under way, as the metrics count it until it is dropped.
struct Running {
    _jobs: Counted,
    _timer: HistogramTimer,
}

impl Running {
    fn begin(name: &str, records: usize) -> Self {
        let stage = &metrics().stage;
        stage.job_records.with_label_values(&[name]).observe(records as f64);
        Self {
            _jobs: Counted::begin(stage.jobs_running.with_label_values(&[name]), 1),
            _timer: stage.stage_duration.with_label_values(&[name]).start_timer(),
        }
    }
}

/// A span in the trace that the records came in.
fn span_of(name: &'static str, batch: &Batch) -> Span {
    let span = spans::job(name, batch.records.iter().map(|record| record.headers.as_slice()));
    if let Some(first) = batch.records.first() {
        span.record("messaging.destination.name", &*first.origin.topic);
        span.record(
            "messaging.kafka.message.key",
            &*String::from_utf8_lossy(first.key.as_deref().unwrap_or_default()),
        );
        span.record("messaging.batch.message_count", batch.records.len());
    }
    span
}

async fn until(start: Instant, moment: Option<Duration>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(start + moment).await;
    }
}

fn outcome(ended: Result<(Key, Result<(), PipelineError>), JoinError>) -> Result<Key, PipelineError> {
    let (key, result) = ended.map_err(PipelineError::Job)?;
    result.map(|()| key)
}
