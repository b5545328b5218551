//! Role `rank`: an article's list is kept right, stored and published, and the owners
//! of the lists it may enter or leave are sent what the two score.
//!
//! Guarantee: when input stops, every list is what brute force over the stored
//! catalogue gives (with exact search), whatever was killed, paused, repeated or
//! reordered meanwhile. [`list_maintenance`] decides; the files here carry out its
//! steps, one kind a file, and resolve the requests once it is done.

mod gather;
mod lists;
mod notify;
mod perform;
mod publish;
mod sets;
mod settings;
pub mod sweep;
pub mod watch;

use std::sync::Arc;

use list_maintenance::Request;
use list_maintenance::ranking::Outcome;

pub use self::lists::Lists;
pub(super) use self::notify::send_request;
pub use self::sets::Sets;
pub use self::settings::RankingSettings;
use super::dead_letter::{DeadLetters, Reason};
use super::dispatch::{Batch, DispatchSettings, dispatch, resolved};
use super::embed::observe_age;
use super::{PipelineError, Stop};
use crate::adapters::kafka::record::Record;
use crate::domain::list::Why;
use crate::domain::rank_request::{RankReason, RankRequest};
use crate::error::Disposition;
use crate::metrics::metrics;
use crate::ports::{Catalogue, Log};
use crate::random::Random;
use crate::retry::Attempts;
use crate::similarity::compare::Comparison;

/// What the role works with. Cheap to clone.
#[derive(Clone)]
pub struct RankRole {
    pub catalogue: Arc<dyn Catalogue>,
    pub log: Arc<dyn Log>,
    pub sets: Sets,
    pub lists: Lists,
    pub dead_letters: DeadLetters,
    pub attempts: Attempts,
    /// Names rankings.
    pub random: Random,
    pub rank_topic: String,
    pub similar_topic: String,
    pub settings: RankingSettings,
    /// Of the settings.
    pub comparison: Arc<Comparison>,
}

/// Runs the role until its edge is closed.
pub async fn run(
    role: RankRole,
    records: tokio::sync::mpsc::Receiver<Record>,
    settings: &DispatchSettings,
) -> Result<(), PipelineError> {
    dispatch("rank_job", records, settings, |batch| {
        let role = role.clone();
        async move { role.job(batch).await.or_else(Stop::into_job_result) }
    })
    .await
}

/// A request as it came.
struct Received {
    record: Record,
    reason: RankReason,
    occurred_at: Option<String>,
}

impl RankRole {
    /// Ranks one article for all requests of the batch together.
    async fn job(&self, mut batch: Batch) -> Result<(), Stop> {
        let (mut received, mut requests) = (Vec::new(), Vec::new());
        let mut article_id = None;
        for record in std::mem::take(&mut batch.records) {
            match read(&record) {
                Ok(Read { request, reason, article_id: id, occurred_at }) => {
                    requests.push(request);
                    received.push(Received { record, reason, occurred_at });
                    article_id = Some(id);
                }
                Err(reason) => {
                    self.dead_letters.send(&record, &reason, &self.attempts, &batch).await?;
                    resolved(record, "dead_lettered");
                }
            }
        }
        if let Some(article_id) = article_id {
            let changed = received.iter().find(|one| one.reason == RankReason::ArticleChanged);
            let occurred_at = changed.and_then(|one| one.occurred_at.as_deref());
            let outcome = self.rank(&article_id, &requests, occurred_at, &batch).await?;
            count(&outcome, &received);
        }
        for Received { record, reason, occurred_at } in received {
            if let Some(step) = freshness_step(reason) {
                observe_age(step, occurred_at.as_deref());
            }
            resolved(record, "applied");
        }
        let kept = self.sets.bytes() + self.lists.bytes();
        metrics().list.set_cache_bytes.set(i64::try_from(kept).unwrap_or(i64::MAX));
        Ok(())
    }
}

fn freshness_step(reason: RankReason) -> Option<&'static str> {
    match reason {
        RankReason::ArticleChanged => Some("own_list"),
        RankReason::PairScored => Some("affected_list"),
        RankReason::ListSweep | RankReason::ListRepublish => None,
    }
}

fn count(outcome: &Outcome, received: &[Received]) {
    let lists = &metrics().list;
    lists.lists_ranked.with_label_values(&[if outcome.changed { "changed" } else { "unchanged" }]).inc();
    lists.searches.inc_by(u64::from(outcome.searches));
    lists.rank_requests_sent.inc_by(outcome.sent as u64);
    // A list that its own change or a scored pair has changed was not wrong.
    if received.iter().all(|one| one.reason == RankReason::ListSweep) {
        lists.lists_swept.with_label_values(&[if outcome.changed { "repaired" } else { "right" }]).inc();
    }
}

/// A record's request.
struct Read {
    request: Request<String, Why>,
    reason: RankReason,
    article_id: String,
    occurred_at: Option<String>,
}

fn read(record: &Record) -> Result<Read, Reason> {
    let reason = |message| Reason { stage: "rank", class: Disposition::DeadLetter, code: "schema", message };
    let value = record.value.as_deref().unwrap_or_default();
    let read: RankRequest =
        serde_json::from_slice(value).map_err(|error| reason(format!("not a rank request: {error}")))?;
    if Some(read.article_id.as_bytes()) != record.key.as_deref() {
        return Err(reason(format!("the record key is not the article_id {:?}", read.article_id)));
    }
    let (kind, article_id, occurred_at) = (read.reason, read.article_id.clone(), read.occurred_at.clone());
    let request = read.into_request().map_err(reason)?;
    Ok(Read { request, reason: kind, article_id, occurred_at })
}
