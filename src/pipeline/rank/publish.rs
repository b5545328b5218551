//! Stage publish: a changed list, or a tombstone, goes to Kafka.

use list_maintenance::Publication;

use super::perform::Ranking;
use crate::domain::event::Version;
use crate::domain::list::{NeighbourList, Why};
use crate::error::{Classify as _, Disposition};
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::ports::{Failed, Outgoing, Place, Ranked};
use crate::retry::Failure;

/// Header of every published record: tombstones have no value to tell their sequence.
pub(super) const SEQUENCE_HEADER: &str = "sequence";

/// What is kept of a list that was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Published {
    /// Of the article in it.
    pub(super) version: Version,
    pub(super) at: Option<Place>,
}

impl Published {
    pub(super) fn of(ranked: &Ranked) -> Self {
        Self { version: ranked.published_version, at: ranked.published_at }
    }
}

impl Ranking<'_> {
    /// Sends a list, or a tombstone. One that is larger than the topic takes goes
    /// without its explanations: `k` bounds what is left far below any topic's limit.
    pub(super) async fn publish(&self, publication: &Publication<String, Why>) -> Result<Published, Stop> {
        let sequence = publication.sequence;
        // Entries are all compared with one version, which may not be the newest.
        let entries = publication.list.as_deref().unwrap_or_default();
        let version = entries.first().map_or(self.version, |entry| entry.detail.own_version);
        let list = publication.list.as_ref().map(|entries| NeighbourList {
            article_id: self.article_id.to_owned(),
            sequence,
            version,
            neighbours: entries.iter().cloned().map(Into::into).collect(),
        });
        let value = list.as_ref().map(to_json);
        let attempts = &self.role.attempts;
        let run = || self.send_list(sequence, value.as_deref());
        let place = match (attempts.run("publish", self.batch, run).await, list) {
            (Err(Failure::Failed(error)), Some(list)) if error.disposition() == Disposition::DeadLetter => {
                tracing::warn!(article_id = self.article_id, %error, "list published without explanations");
                metrics().list.lists_without_explanations.inc();
                let value = to_json(&list.without_explanations());
                self.attempt("publish", || self.send_list(sequence, Some(&value))).await?
            }
            (sent, _) => sent.map_err(Stop::of("publish"))?,
        };
        metrics().list.lists_published.inc();
        Ok(Published { version, at: Some(place) })
    }

    async fn send_list(&self, sequence: u64, value: Option<&[u8]>) -> Result<Place, Failed> {
        let headers = [(SEQUENCE_HEADER.to_owned(), sequence.to_string().into_bytes())];
        let key = Some(self.article_id.as_bytes());
        let outgoing = Outgoing { topic: &self.role.similar_topic, key, value, headers: &headers };
        self.role.log.produce(&outgoing).await
    }
}

/// A list has strings and finite numbers: it is always JSON.
fn to_json(list: &NeighbourList) -> Vec<u8> {
    serde_json::to_vec(list).unwrap_or_default()
}
