//! Plays the part of role `embed`: a change is written to the catalogue, then announced.
//!
//! Guarantee: the same writes in the same order as `pipeline/embed`, each completed
//! before the next; what is left out is reading the state first, the picture and the
//! encoder.

use std::sync::Arc;

use jiff::Timestamp;
use lookalike::adapters::kafka::producer::Producer;
use lookalike::adapters::qdrant::Catalogue;
use lookalike::domain::rank_request::{RankReason, RankRequest};
use lookalike::ports::{Catalogue as _, FactsWrite, Outgoing, TextWrite};

use crate::Failure;
use crate::shop::{Change, id};

#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) producer: Producer,
    pub(crate) topic: String,
}

impl Writer {
    /// Writes a change; it is not announced.
    pub(crate) async fn write(&self, change: &Change) -> Result<(), Failure> {
        let article_id = id(change.article);
        self.catalogue.write_images(&article_id, &change.facts, &change.images).await?;
        if change.fields_changed {
            self.catalogue.write_filter_fields(&article_id, &change.facts).await?;
        }
        let text = match &change.text {
            TextWrite::Set(embedding) => TextWrite::Set(embedding.clone()),
            TextWrite::Keep => TextWrite::Keep,
            TextWrite::Remove => TextWrite::Remove,
        };
        let facts = FactsWrite {
            article_id: &article_id,
            facts: &change.facts,
            text,
            version: change.version,
            mark: change.mark,
        };
        Ok(self.catalogue.write_facts(facts).await?)
    }

    /// Asks for the article to be ranked, for a change that occurred at that time.
    pub(crate) async fn announce(&self, article: usize, occurred_at: Timestamp) -> Result<(), Failure> {
        let article_id = id(article);
        let request = RankRequest {
            occurred_at: Some(occurred_at.to_string()),
            ..RankRequest::plain(RankReason::ArticleChanged, &article_id, &article_id)
        };
        let value = serde_json::to_vec(&request)?;
        let key = Some(article_id.as_bytes());
        let outgoing = Outgoing { topic: &self.topic, key, value: Some(&value), headers: &[] };
        Ok(self.producer.send(&outgoing).await.map(drop)?)
    }
}
