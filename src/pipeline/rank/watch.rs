//! Published lists are read back, and one that an older list followed is published again.
//!
//! Guarantee: when input stops, the last record of an article in the topic is its newest
//! list. The store refuses an owner that was frozen and comes back; the topic cannot,
//! and on a compacted topic the late record is the only one that stays.
//!
//! A record is late if its sequence is below the last published one, and it lies behind
//! that one's place in the topic, which the store knows. So a reader that lags raises no
//! alarm, and need not wait for the topic's end.
//!
//! Most records were published by this very process a moment ago, and stored after that:
//! whatever is newer was claimed, and so published, later still. They need no look at the
//! store.

use std::sync::Arc;
use std::time::Duration;

use list_maintenance::watch::{Verdict, verdict};
use tokio::sync::mpsc;

use super::publish::SEQUENCE_HEADER;
use super::{Lists, RankRole, send_request};
use crate::adapters::kafka::record::Record;
use crate::domain::rank_request::{RankReason, RankRequest};
use crate::metrics::metrics;
use crate::pipeline::dispatch::{Batch, DispatchSettings, dispatch, resolved};
use crate::pipeline::{PipelineError, Stop};
use crate::ports::{Catalogue, Log, Place, Ranked};
use crate::retry::{Attempts, wait};

/// How long a ranking under way is waited for. After that a list is published again that
/// may be the newest: one more record, which does no harm.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What the role works with. Cheap to clone.
#[derive(Clone)]
pub struct WatchRole {
    catalogue: Arc<dyn Catalogue>,
    log: Arc<dyn Log>,
    lists: Lists,
    attempts: Attempts,
    rank_topic: String,
}

/// Runs the role until its edge is closed.
pub async fn run(
    role: WatchRole,
    records: mpsc::Receiver<Record>,
    settings: &DispatchSettings,
) -> Result<(), PipelineError> {
    dispatch("watch_job", records, settings, |batch| {
        let role = role.clone();
        async move { role.job(batch).await.or_else(Stop::into_job_result) }
    })
    .await
}

impl WatchRole {
    /// What reads back the lists of this role.
    pub fn of(rank: &RankRole) -> Self {
        Self {
            catalogue: Arc::clone(&rank.catalogue),
            log: Arc::clone(&rank.log),
            lists: rank.lists.clone(),
            attempts: rank.attempts.clone(),
            rank_topic: rank.rank_topic.clone(),
        }
    }

    /// Looks at the last record of a batch, which is of one article.
    async fn job(&self, mut batch: Batch) -> Result<(), Stop> {
        let records = std::mem::take(&mut batch.records);
        if let Some(last) = records.last()
            && let Some((article_id, sequence)) = published(last)
            && self.is_late(&article_id, sequence, last, &batch).await?
        {
            self.publish_again(&article_id, &batch).await?;
        }
        for record in records {
            resolved(record, "applied");
        }
        Ok(())
    }

    async fn is_late(
        &self,
        article_id: &str,
        sequence: u64,
        record: &Record,
        batch: &Batch,
    ) -> Result<bool, Stop> {
        if self.lists.get(article_id).is_some_and(|known| is_of(record, sequence, &known)) {
            return Ok(false);
        }
        let mut patience = PATIENCE;
        loop {
            let read = || self.catalogue.publishing(article_id);
            let stored = self.attempts.run("watch", batch, read).await.map_err(Stop::of("watch"))?;
            if is_followed(record, sequence, &stored) {
                return Ok(false);
            }
            match verdict(sequence, &stored.state) {
                Verdict::Newest => return Ok(false),
                Verdict::Overtaken => return Ok(true),
                Verdict::Undecided if patience.is_zero() => return Ok(true),
                Verdict::Undecided => {}
            }
            patience = patience.saturating_sub(LOOK_EVERY);
            if !wait(batch, LOOK_EVERY).await {
                return Err(Stop::Abandoned);
            }
        }
    }

    async fn publish_again(&self, article_id: &str, batch: &Batch) -> Result<(), Stop> {
        tracing::info!(article_id, "an older list was published after the newest, which is published again");
        metrics().list.lists_overtaken.inc();
        let request = RankRequest::plain(RankReason::ListRepublish, article_id, "watch");
        let run = || send_request(&*self.log, &self.rank_topic, &request);
        self.attempts.run("watch", batch, run).await.map_err(Stop::of("watch"))
    }
}

/// Article and sequence; `None` for a record that is not of ours.
fn published(record: &Record) -> Option<(String, u64)> {
    let article_id = String::from_utf8(record.key.clone()?).ok()?;
    Some((article_id, record.header(SEQUENCE_HEADER)?.parse().ok()?))
}

/// This record is the list that was stored.
fn is_of(record: &Record, sequence: u64, stored: &Ranked) -> bool {
    let place = Place { partition: record.origin.partition, offset: record.offset };
    (sequence, Some(place)) == (stored.state.published, stored.published_at)
}

/// A newer list lies behind this record, or in a partition that cannot be compared.
fn is_followed(record: &Record, sequence: u64, stored: &Ranked) -> bool {
    sequence < stored.state.published
        && stored.published_at.is_none_or(|Place { partition, offset }| {
            partition != record.origin.partition || offset > record.offset
        })
}
