//! Published lists are read back, and one that an older list followed is published again.
//!
//! Guarantee: when input stops, the last record of an article in the topic is its newest
//! list. The store refuses an owner that was frozen and comes back; the topic cannot,
//! and on a compacted topic the late record is the only one that stays. A record counts
//! as seen once it was held against the store, or a later one of its article came.
//!
//! A false alarm costs one more record and does no harm, so every wait here has an end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use list_maintenance::watch::{Verdict, verdict};
use tokio::sync::mpsc;

use super::publish::SEQUENCE_HEADER;
use super::send_request;
use crate::adapters::kafka::record::{Lease, Record};
use crate::domain::rank_request::{RankReason, RankRequest};
use crate::metrics::metrics;
use crate::pipeline::dispatch::{Batch, DispatchSettings, dispatch, resolved};
use crate::pipeline::{PipelineError, Stop};
use crate::ports::{Catalogue, Log, TopicEnds};
use crate::retry::{Attempts, wait};

/// Records that wait between the reader and its jobs.
const EDGE_CAPACITY: usize = 64;
/// How long a ranking under way, or a reader that lags, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often they are looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What the role works with. Cheap to clone.
#[derive(Clone)]
pub struct WatchRole {
    pub catalogue: Arc<dyn Catalogue>,
    pub log: Arc<dyn Log>,
    pub ends: Arc<dyn TopicEnds>,
    pub attempts: Attempts,
    pub rank_topic: String,
    pub similar_topic: String,
}

/// Runs the role until its edge is closed.
pub async fn run(
    role: WatchRole,
    mut records: mpsc::Receiver<Record>,
    settings: &DispatchSettings,
) -> Result<(), PipelineError> {
    let seen = Seen::default();
    let (edge, noted) = mpsc::channel(EDGE_CAPACITY);
    let noting = async {
        while let Some(record) = records.recv().await {
            seen.note(&record);
            if edge.send(record).await.is_err() {
                break;
            }
        }
        drop(edge);
        Ok(())
    };
    let watching = dispatch(noted, settings, |batch| {
        let (role, seen) = (role.clone(), seen.clone());
        async move { role.job(batch, &seen).await.or_else(Stop::into_job_result) }
    });
    tokio::try_join!(noting, watching).map(|_| ())
}

/// What the reader has come by: the next offset of each partition, and the last offset of
/// each article that waits for its job.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Offsets>>);

#[derive(Default)]
struct Offsets {
    next: HashMap<i32, i64>,
    last: HashMap<Vec<u8>, (i64, Arc<Lease>)>,
}

/// Articles from which on those of partitions that went elsewhere are looked for.
const MANY: usize = 10_000;

impl Seen {
    fn offsets(&self) -> MutexGuard<'_, Offsets> {
        // Numbers only: a panic elsewhere cannot have torn them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, record: &Record) {
        let mut offsets = self.offsets();
        offsets.next.insert(record.origin.partition, record.offset + 1);
        if offsets.last.len() >= MANY {
            offsets.last.retain(|_, (_, lease)| lease.is_live());
        }
        let last = (record.offset, Arc::clone(record.ack.lease()));
        offsets.last.insert(record.key.clone().unwrap_or_default(), last);
    }

    fn has_reached(&self, partition: i32, end: i64) -> bool {
        self.offsets().next.get(&partition).is_some_and(|next| *next >= end)
    }

    fn is_last(&self, key: &[u8], offset: i64) -> bool {
        self.offsets().last.get(key).is_none_or(|(last, _)| *last <= offset)
    }

    fn forget(&self, key: &[u8], offset: i64) {
        let mut offsets = self.offsets();
        if offsets.last.get(key).is_some_and(|(last, _)| *last <= offset) {
            offsets.last.remove(key);
        }
    }
}

impl WatchRole {
    /// Looks at the last record of a batch, which is of one article.
    async fn job(&self, mut batch: Batch, seen: &Seen) -> Result<(), Stop> {
        let records = std::mem::take(&mut batch.records);
        if let Some(last) = records.last() {
            let key = last.key.clone().unwrap_or_default();
            let watched = match (std::str::from_utf8(&key), sequence(last)) {
                (Ok(article_id), Some(sequence)) => {
                    self.watch(article_id, sequence, last, seen, &batch).await
                }
                // Not of ours: there is nothing to hold against the store.
                _ => Ok(()),
            };
            seen.forget(&key, last.offset);
            watched?;
        }
        for record in records {
            resolved(record, "applied");
        }
        Ok(())
    }

    async fn watch(
        &self,
        article_id: &str,
        sequence: u64,
        record: &Record,
        seen: &Seen,
        batch: &Batch,
    ) -> Result<(), Stop> {
        let mut patience = PATIENCE;
        let mut end = None;
        while seen.is_last(article_id.as_bytes(), record.offset) {
            let read = || self.catalogue.publishing(article_id);
            let stored = self.attempts.run("watch", batch, read).await.map_err(Stop::of("watch"))?;
            let Some(stored) = stored else { return Ok(()) };
            match verdict(sequence, &stored) {
                Verdict::Newest => return Ok(()),
                Verdict::Undecided => end = None,
                Verdict::Overtaken => {
                    // Taken after the store was read: what was published before is below it.
                    let partition = record.origin.partition;
                    let end = match end {
                        Some(end) => end,
                        None => *end.insert(self.end(partition, batch).await?),
                    };
                    if seen.has_reached(partition, end) {
                        break;
                    }
                }
            }
            if patience.is_zero() {
                break;
            }
            patience = patience.saturating_sub(LOOK_EVERY);
            if !wait(batch, LOOK_EVERY).await {
                return Err(Stop::Abandoned);
            }
        }
        if seen.is_last(article_id.as_bytes(), record.offset) {
            self.publish_again(article_id, batch).await?;
        }
        Ok(())
    }

    async fn end(&self, partition: i32, batch: &Batch) -> Result<i64, Stop> {
        let read = || self.ends.end(&self.similar_topic, partition);
        self.attempts.run("watch", batch, read).await.map_err(Stop::of("watch"))
    }

    async fn publish_again(&self, article_id: &str, batch: &Batch) -> Result<(), Stop> {
        tracing::info!(article_id, "an older list was published after the newest, which is published again");
        metrics().list.lists_overtaken.inc();
        let request = RankRequest::plain(RankReason::ListRepublish, article_id, "watch");
        let run = || send_request(&*self.log, &self.rank_topic, &request);
        self.attempts.run("watch", batch, run).await.map_err(Stop::of("watch"))
    }
}

fn sequence(record: &Record) -> Option<u64> {
    record.header(SEQUENCE_HEADER)?.parse().ok()
}
