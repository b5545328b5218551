//! Role `rank`: an article's list is computed, stored and published, and the
//! articles whose lists it may enter or leave are notified.
//!
//! Guarantee: when input stops, every list is what brute force over the stored
//! catalogue gives (with exact search). Two workers cannot miss a pair: an article is
//! marked dirty before its search and cleared with its new list, and whoever changed
//! afterwards notifies every dirty article. A crash anywhere leaves the mark and the
//! uncommitted offset, and can only notify too often.

mod decide;
mod gather;
mod notify;
mod publish;

pub use decide::{Decision, decide};
pub(super) use notify::send_request;

use serde::{Deserialize, Serialize};

use super::dead_letter::{DeadLetters, Reason};
use super::dispatch::{Batch, DispatchSettings, dispatch, resolved};
use super::embed::observe_age;
use super::{PipelineError, Stop};
use crate::adapters::kafka::producer::Producer;
use crate::adapters::kafka::record::Record;
use crate::adapters::qdrant::Catalogue;
use crate::domain::rank_request::{RankReason, RankRequest};
use crate::error::Disposition;
use crate::metrics::metrics;
use crate::retry::Attempts;
use crate::similarity::compare::{Comparison, Field};
use crate::similarity::{Matching, Method};

/// How lists are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankingSettings {
    /// Neighbours of a list.
    pub k: usize,
    pub method: Method,
    /// Lowest cosine of a matched image pair, −1 to 1.
    pub threshold: f64,
    #[serde(default)]
    pub max_matches: Option<usize>,
    pub min_matches: usize,
    pub coverage_weight: f64,
    /// Share of text in the score, 0 to 1.
    pub text_weight: f64,
    /// Fields that neighbours must share.
    #[serde(default)]
    pub same: Vec<Field>,
    /// Fields that neighbours must not share.
    #[serde(default)]
    pub different: Vec<Field>,
    /// Most hits of one candidate search.
    pub candidate_limit: usize,
    /// Scan everything instead of walking the vector index.
    pub exact: bool,
    /// Most images of one article that are compared.
    pub max_images: usize,
}

impl RankingSettings {
    /// Cosine that an image pair must reach for its articles to be neighbours; `None`
    /// where no pair has to.
    pub fn pair_threshold(&self) -> Option<f64> {
        match self.method {
            Method::Greedy | Method::Optimal | Method::Ordered | Method::Best => Some(self.threshold),
            Method::MaxSim | Method::Pooled => None,
        }
    }

    /// The comparison these settings ask for.
    pub fn comparison(&self) -> Comparison {
        Comparison {
            matching: Matching {
                method: self.method,
                threshold: self.threshold,
                max_matches: self.max_matches,
                min_matches: self.min_matches,
                coverage_weight: self.coverage_weight,
            },
            text_weight: self.text_weight,
            same: self.same.clone(),
            different: self.different.clone(),
        }
    }
}

/// What the role works with. Cheap to clone.
#[derive(Clone)]
pub struct RankRole {
    pub catalogue: Catalogue,
    pub producer: Producer,
    pub dead_letters: DeadLetters,
    pub attempts: Attempts,
    pub rank_topic: String,
    pub similar_topic: String,
    pub settings: RankingSettings,
}

/// Runs the role until its edge is closed.
pub async fn run(
    role: RankRole,
    records: tokio::sync::mpsc::Receiver<Record>,
    settings: &DispatchSettings,
) -> Result<(), PipelineError> {
    dispatch(records, settings, |batch| {
        let role = role.clone();
        async move { role.job(batch).await.or_else(Stop::into_job_result) }
    })
    .await
}

impl RankRole {
    /// Ranks one article for all requests of the batch together.
    async fn job(&self, mut batch: Batch) -> Result<(), Stop> {
        let timer = metrics().stage.stage_duration.with_label_values(&["rank_job"]).start_timer();
        let mut requests = Vec::new();
        let mut records = Vec::new();
        for record in std::mem::take(&mut batch.records) {
            match read(&record) {
                Ok(request) => {
                    requests.push(request);
                    records.push(record);
                }
                Err(reason) => {
                    self.dead_letters.send(&record, &reason, &self.attempts, &batch).await?;
                    resolved(record, "dead_lettered");
                }
            }
        }
        if let Some(article_id) = requests.first().map(|request| request.article_id.clone()) {
            self.rank(&article_id, &requests, &batch).await?;
        }
        for (record, request) in records.into_iter().zip(requests) {
            let step = match request.reason {
                RankReason::ArticleChanged => "own_list",
                RankReason::ListAffected => "affected_list",
            };
            observe_age(step, request.occurred_at.as_deref());
            resolved(record, "applied");
        }
        timer.observe_duration();
        Ok(())
    }

    async fn rank(&self, article_id: &str, requests: &[RankRequest], batch: &Batch) -> Result<(), Stop> {
        let Some(before) = self.begin(article_id, batch).await? else {
            // A request about an article that was never stored: nothing to rank.
            return Ok(());
        };
        let candidates = self.gather(&before, batch).await?;
        let others: Vec<_> = candidates.iter().map(|view| (&view.profile, &view.rank)).collect();
        let comparison = self.settings.comparison();
        let decision = decide(&before, &others, &comparison, self.settings.k)
            .map_err(|error| Stop::Fatal(PipelineError::Stage { stage: "decide", source: error.into() }))?;
        self.publish(article_id, &decision, batch).await?;
        let changed = requests.iter().find(|request| request.reason == RankReason::ArticleChanged);
        if let Some(request) = changed {
            self.notify(article_id, &decision.affected, request.occurred_at.clone(), batch).await?;
        }
        Ok(())
    }
}

fn read(record: &Record) -> Result<RankRequest, Reason> {
    let value = record.value.as_deref().unwrap_or_default();
    let message = match serde_json::from_slice::<RankRequest>(value) {
        Ok(request) if Some(request.article_id.as_bytes()) == record.key.as_deref() => return Ok(request),
        Ok(request) => format!("the record key is not the article_id {:?}", request.article_id),
        Err(error) => format!("not a rank request: {error}"),
    };
    Err(Reason { stage: "rank", class: Disposition::DeadLetter, code: "schema", message })
}
