//! Reads and writes of ranking state, by article id, many at a time.
//!
//! Guarantee: a read sees every write that was completed before it was asked for, also
//! one that went in another batch; a write's condition holds for itself alone.

use std::collections::{BTreeSet, HashMap};

use list_maintenance::{Claim, Revision, Sizes};
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, SetPayload};
use qdrant_client::qdrant::{
    Filter, GetPointsBuilder, PointsSelector, PointsUpdateOperation, RetrievedPoint,
    UpdateBatchPointsBuilder, UpdateStatus, Value,
};
use qdrant_client::{Payload, Qdrant};

use super::batch::Batcher;
use super::filters::unless_newer;
use super::payload::{self, key};
use super::rank_payload::{self, PUBLISHING_KEYS, STANDING_KEYS, VIEW_KEYS};
use super::read::include;
use super::write::strong;
use super::{Catalogue, StoreError};
use crate::domain::list::RankState;
use crate::ports::{FactsMark, RankView, Ranked, Standing};

/// Most items of one call.
const READS_AT_ONCE: usize = 64;
const WRITES_AT_ONCE: usize = 64;
/// Articles asked for at once.
const ARTICLES_AT_ONCE: usize = 500;

/// A payload for the point that the condition lets through.
type Write = (Payload, Filter);

/// The calls that jobs share.
#[derive(Clone)]
pub(super) struct Batched {
    views: Batcher<String, Option<RankView>>,
    publishing: Batcher<String, Option<RankView>>,
    revisions: Batcher<Vec<String>, HashMap<String, Revision>>,
    writes: Batcher<Write, ()>,
}

impl Batched {
    pub(super) fn start(client: &Qdrant, articles: &str, sizes: Sizes) -> Self {
        let points = Points { client: client.clone(), articles: articles.to_owned() };
        let (views, publishing, revisions, writes) = (points.clone(), points.clone(), points.clone(), points);
        Self {
            views: Batcher::start(READS_AT_ONCE, move |ids| {
                let points = views.clone();
                async move { points.views(&ids, &VIEW_KEYS, sizes).await }
            }),
            publishing: Batcher::start(READS_AT_ONCE, move |ids| {
                let points = publishing.clone();
                async move { points.views(&ids, &PUBLISHING_KEYS, sizes).await }
            }),
            revisions: Batcher::start(READS_AT_ONCE, move |wanted| {
                let points = revisions.clone();
                async move { points.revisions(&wanted).await }
            }),
            writes: Batcher::start(WRITES_AT_ONCE, move |batch| {
                let points = writes.clone();
                async move { points.write(batch).await }
            }),
        }
    }
}

/// The article collection.
#[derive(Clone)]
struct Points {
    client: Qdrant,
    articles: String,
}

impl Points {
    /// The payloads of these articles with these keys; absent ones are left out.
    async fn get<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a String>,
        keys: &[&str],
    ) -> Result<HashMap<String, HashMap<String, Value>>, StoreError> {
        let ids: Vec<_> = ids.into_iter().map(|id| payload::article_point(id)).collect();
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(ARTICLES_AT_ONCE) {
            let get = GetPointsBuilder::new(&self.articles, ids.to_vec()).with_payload(include(keys));
            for RetrievedPoint { payload, .. } in self.client.get_points(get).await?.result {
                let article_id = payload::article_id(&self.articles, &payload)?;
                found.insert(article_id, payload);
            }
        }
        Ok(found)
    }

    async fn views(
        &self,
        ids: &[String],
        keys: &[&str],
        sizes: Sizes,
    ) -> Result<Vec<Option<RankView>>, StoreError> {
        let unique: BTreeSet<&String> = ids.iter().collect();
        let mut views = HashMap::new();
        for (article_id, payload) in self.get(unique, keys).await? {
            views.insert(article_id, rank_payload::view(&self.articles, payload, sizes)?);
        }
        Ok(ids.iter().map(|id| views.get(id).cloned()).collect())
    }

    async fn revisions(&self, wanted: &[Vec<String>]) -> Result<Vec<HashMap<String, Revision>>, StoreError> {
        let unique: BTreeSet<&String> = wanted.iter().flatten().collect();
        let mut revisions = HashMap::new();
        for (article_id, payload) in self.get(unique, &[key::ARTICLE_ID, key::CONTENT]).await? {
            revisions.insert(article_id, rank_payload::revision(&payload));
        }
        let of =
            |ids: &Vec<String>| ids.iter().filter_map(|id| Some((id.clone(), *revisions.get(id)?))).collect();
        Ok(wanted.iter().map(of).collect())
    }

    async fn write(&self, batch: Vec<Write>) -> Result<Vec<()>, StoreError> {
        let count = batch.len();
        let operations: Vec<PointsUpdateOperation> = batch
            .into_iter()
            .map(|(payload, condition)| PointsUpdateOperation {
                operation: Some(Operation::SetPayload(SetPayload {
                    payload: payload.into(),
                    points_selector: Some(PointsSelector {
                        points_selector_one_of: Some(PointsSelectorOneOf::Filter(condition)),
                    }),
                    shard_key_selector: None,
                    key: None,
                })),
            })
            .collect();
        let update = UpdateBatchPointsBuilder::new(&self.articles, operations).ordering(strong()).wait(true);
        let results = self.client.update_points_batch(update).await?.result;
        let incomplete = results.iter().find(|result| result.status() != UpdateStatus::Completed);
        match incomplete {
            Some(result) => {
                Err(StoreError::NotCompleted { status: result.status().as_str_name().to_owned() })
            }
            None if results.len() == count => Ok(vec![(); count]),
            None => Err(StoreError::NotCompleted { status: format!("{} of {count}", results.len()) }),
        }
    }
}

impl Catalogue {
    /// An article as its own ranking reads it; `None` if it was never seen.
    pub async fn view(&self, article_id: &str) -> Result<Option<RankView>, StoreError> {
        self.batched.views.call(article_id.to_owned()).await
    }

    pub(super) async fn publishing_of(&self, article_id: &str) -> Result<Option<RankState>, StoreError> {
        let view = self.batched.publishing.call(article_id.to_owned()).await?;
        Ok(view.map(|view| view.ranked.state))
    }

    pub(super) async fn revisions_of(&self, ids: &[String]) -> Result<HashMap<String, Revision>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        self.batched.revisions.call(ids.to_vec()).await
    }

    pub(super) async fn standings_of(&self, ids: &[String]) -> Result<Vec<Standing>, StoreError> {
        let standing = |(article_id, payload)| rank_payload::standing(&self.articles, article_id, payload);
        self.points().get(ids, &STANDING_KEYS).await?.into_iter().map(standing).collect()
    }

    pub(super) async fn mark_of(&self, article_id: &str) -> Result<Option<FactsMark>, StoreError> {
        let keys = [key::ARTICLE_ID, key::CONTENT, key::FACTS_SEQUENCE];
        let found = self.points().get([&article_id.to_owned()], &keys).await?;
        Ok(found.get(article_id).map(rank_payload::facts_mark))
    }

    /// Takes the next sequence of an article's list; yields to that sequence or more.
    pub async fn write_claim(&self, article_id: &str, claim: &Claim<String>) -> Result<(), StoreError> {
        let payload = rank_payload::of_claim(claim);
        self.write_rank(article_id, payload, claim.sequence.saturating_sub(1)).await
    }

    /// Stores an article's list; yields to a higher sequence.
    pub async fn write_ranked(&self, article_id: &str, ranked: &Ranked) -> Result<(), StoreError> {
        self.write_rank(article_id, rank_payload::of_ranked(ranked), ranked.state.sequence).await
    }

    async fn write_rank(&self, article_id: &str, payload: Payload, newest: u64) -> Result<(), StoreError> {
        let id = payload::article_point(article_id);
        let condition = Filter::must([unless_newer(&id, key::SEQUENCE, newest)]);
        self.batched.writes.call((payload, condition)).await
    }

    fn points(&self) -> Points {
        Points { client: self.client.clone(), articles: self.articles.clone() }
    }
}
