//! Stage publish: the list goes to Kafka when it changed, then to Qdrant.

use super::RankRole;
use super::decide::Decision;
use crate::adapters::kafka::error::KafkaError;
use crate::adapters::kafka::producer::Outgoing;
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;

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
            // A list has strings and finite numbers: it is always JSON.
            let value = decision.state.list.as_ref().map(|list| serde_json::to_vec(list).unwrap_or_default());
            let send = || self.send_list(article_id, value.as_deref());
            self.attempts.run("publish", batch, send).await.map_err(Stop::of("publish"))?;
            metrics().list.lists_published.inc();
        }
        let write = || self.catalogue.write_rank(article_id, &decision.state);
        self.attempts.run("publish", batch, write).await.map_err(Stop::of("publish"))
    }

    async fn send_list(&self, article_id: &str, value: Option<&[u8]>) -> Result<(), KafkaError> {
        let outgoing =
            Outgoing { topic: &self.similar_topic, key: Some(article_id.as_bytes()), value, headers: &[] };
        self.producer.produce(&outgoing).await
    }
}
