//! Stage publish: the list goes to Kafka when it changed, then to Qdrant.

use super::RankRole;
use super::decide::Decision;
use crate::adapters::kafka::error::KafkaError;
use crate::adapters::kafka::producer::Outgoing;
use crate::domain::list::NeighbourList;
use crate::error::{Classify as _, Disposition};
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;
use crate::retry::Failure;

impl RankRole {
    /// Publishes a changed list (or a tombstone) and stores the ranking state. In
    /// this order: a crash in between publishes again, and never leaves a stored list
    /// that nobody was told of.
    pub(super) async fn publish(
        &self,
        article_id: &str,
        decision: &Decision,
        batch: &Batch,
    ) -> Result<(), Stop> {
        let result = if decision.publish { "changed" } else { "unchanged" };
        metrics().list.lists_ranked.with_label_values(&[result]).inc();
        if decision.publish {
            self.send(article_id, decision.state.list.as_ref(), batch).await?;
            metrics().list.lists_published.inc();
        }
        let write = || self.catalogue.write_rank(article_id, &decision.state);
        self.attempts.run("publish", batch, write).await.map_err(Stop::of("publish"))
    }

    /// Sends a list, or a tombstone. One that is larger than the topic takes goes
    /// without its explanations: `k` bounds what is left far below any topic's limit.
    async fn send(&self, article_id: &str, list: Option<&NeighbourList>, batch: &Batch) -> Result<(), Stop> {
        let value = list.map(to_json);
        let run = || self.send_list(article_id, value.as_deref());
        match (self.attempts.run("publish", batch, run).await, list) {
            (Err(Failure::Failed(error)), Some(list)) if error.disposition() == Disposition::DeadLetter => {
                tracing::warn!(article_id, %error, "list published without explanations");
                metrics().list.lists_without_explanations.inc();
                let value = to_json(&list.without_explanations());
                let run = || self.send_list(article_id, Some(&value));
                self.attempts.run("publish", batch, run).await.map_err(Stop::of("publish"))
            }
            (sent, _) => sent.map_err(Stop::of("publish")),
        }
    }

    async fn send_list(&self, article_id: &str, value: Option<&[u8]>) -> Result<(), KafkaError> {
        let outgoing =
            Outgoing { topic: &self.similar_topic, key: Some(article_id.as_bytes()), value, headers: &[] };
        self.producer.produce(&outgoing).await
    }
}

/// A list has strings and finite numbers: it is always JSON.
fn to_json(list: &NeighbourList) -> Vec<u8> {
    serde_json::to_vec(list).unwrap_or_default()
}
