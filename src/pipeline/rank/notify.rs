//! Stage notify: every article whose list the changed one may enter or leave gets a
//! request of its own, acknowledged before the change counts as done.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::RankRole;
use crate::adapters::kafka::error::KafkaError;
use crate::adapters::kafka::producer::{Outgoing, Producer};
use crate::domain::rank_request::{RankReason, RankRequest};
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;

/// Requests of one change in flight at the same time.
const REQUESTS_AT_ONCE: usize = 128;

impl RankRole {
    /// Notifies the holders of this article's old place, the candidates that it may
    /// enter, and every list being computed right now.
    pub(super) async fn notify(
        &self,
        article_id: &str,
        candidates: &[String],
        occurred_at: Option<String>,
        batch: &Batch,
    ) -> Result<(), Stop> {
        let timer = metrics().stage.stage_duration.with_label_values(&["notify"]).start_timer();
        // Dirty lists first: one that is written and cleared between the two reads is
        // then seen as a holder. The other way round it would be missed.
        let run = || self.catalogue.dirty();
        let dirty = self.attempts.run("notify", batch, run).await.map_err(Stop::of("notify"))?;
        let run = || self.catalogue.holders(article_id);
        let holders = self.attempts.run("notify", batch, run).await.map_err(Stop::of("notify"))?;
        let mut affected: BTreeSet<String> = candidates.iter().cloned().chain(holders).chain(dirty).collect();
        affected.remove(article_id);
        let requests: Vec<RankRequest> = affected
            .into_iter()
            .map(|affected| RankRequest {
                reason: RankReason::ListAffected,
                article_id: affected,
                cause: article_id.to_owned(),
                occurred_at: occurred_at.clone(),
            })
            .collect();
        let sending: Vec<_> = requests.iter().map(|request| self.request(request, batch)).collect();
        stream::iter(sending).buffer_unordered(REQUESTS_AT_ONCE).try_collect::<()>().await?;
        metrics().list.rank_requests_sent.inc_by(requests.len() as u64);
        timer.observe_duration();
        Ok(())
    }

    async fn request(&self, request: &RankRequest, batch: &Batch) -> Result<(), Stop> {
        let run = || send_request(&self.producer, &self.rank_topic, request);
        self.attempts.run("notify", batch, run).await.map_err(Stop::of("notify"))
    }
}

/// Produces one request, keyed by the article it is about.
pub(in crate::pipeline) async fn send_request(
    producer: &Producer,
    topic: &str,
    request: &RankRequest,
) -> Result<(), KafkaError> {
    // Strings only: it is always JSON.
    let value = serde_json::to_vec(request).unwrap_or_default();
    let key = Some(request.article_id.as_bytes());
    producer.produce(&Outgoing { topic, key, value: Some(&value), headers: &[] }).await
}
