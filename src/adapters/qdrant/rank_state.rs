//! Reads and writes of ranking state, by article id, many at a time.
//!
//! Guarantee: a read sees every write that was completed before it was asked for, also
//! one that went in another batch; a write's condition holds for itself alone.

use std::collections::{BTreeSet, HashMap};

use list_maintenance::{Claim, Revision, Sizes};
use qdrant_client::qdrant::{Condition, Filter, GetPointsBuilder, PointStruct, UpsertPointsBuilder, Value};
use qdrant_client::{Payload, Qdrant};

use super::batch::Batcher;
use super::call::{self, call};
use super::filters::unless_newer;
use super::payload::{self, key};
use super::rank_payload::{self, GLANCE_KEYS, PUBLISHING_KEYS, STANDING_KEYS, VIEW_KEYS};
use super::read::include;
use super::write::{no_vectors, strong};
use super::{Catalogue, StoreError};
use crate::metrics::QdrantOperation;
use crate::ports::{FactsMark, Glance, RankView, Ranked, Standing};

/// Most items of one call.
const READS_AT_ONCE: usize = 64;
/// Calls of a kind under way.
const CALLS_AT_ONCE: usize = 2;
/// Each point's condition is tried on each point: more at once cost more than they save.
const WRITES_AT_ONCE: usize = 16;
/// Points asked for at once.
const POINTS_AT_ONCE: usize = 1000;

/// What becomes of an article's list point, unless it has more writes than this.
struct Write {
    article_id: String,
    payload: Payload,
    writes: u64,
}

/// The calls that jobs share.
#[derive(Clone)]
pub(super) struct Batched {
    views: Batcher<String, Option<RankView>>,
    glances: Batcher<String, Option<Glance>>,
    publishing: Batcher<String, Option<RankView>>,
    revisions: Batcher<Vec<String>, HashMap<String, Revision>>,
    writes: Batcher<Write, ()>,
}

impl Batched {
    pub(super) fn start(client: &Qdrant, articles: &str, sizes: Sizes) -> Self {
        let points = Points { client: client.clone(), articles: articles.to_owned(), sizes };
        let (views, glances, publishing) = (points.clone(), points.clone(), points.clone());
        let (revisions, writes) = (points.clone(), points);
        Self {
            views: Batcher::start(READS_AT_ONCE, CALLS_AT_ONCE, move |ids| {
                let points = views.clone();
                async move { points.views(&ids, &VIEW_KEYS).await }
            }),
            glances: Batcher::start(READS_AT_ONCE, CALLS_AT_ONCE, move |ids| {
                let points = glances.clone();
                async move { points.glances(&ids).await }
            }),
            publishing: Batcher::start(READS_AT_ONCE, CALLS_AT_ONCE, move |ids| {
                let points = publishing.clone();
                async move { points.views(&ids, &PUBLISHING_KEYS).await }
            }),
            revisions: Batcher::start(READS_AT_ONCE, CALLS_AT_ONCE, move |wanted| {
                let points = revisions.clone();
                async move { points.revisions(&wanted).await }
            }),
            writes: Batcher::start(WRITES_AT_ONCE, CALLS_AT_ONCE, move |batch| {
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
    sizes: Sizes,
}

impl Points {
    /// The payloads of these articles with these keys, those of the list's point among
    /// them; articles never seen are left out.
    async fn get<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a String>,
        keys: &[&str],
    ) -> Result<HashMap<String, HashMap<String, Value>>, StoreError> {
        let ids: Vec<_> =
            ids.into_iter().flat_map(|id| [payload::article_point(id), payload::list_point(id)]).collect();
        let mut found: HashMap<String, HashMap<String, Value>> = HashMap::with_capacity(ids.len() / 2);
        for ids in ids.chunks(POINTS_AT_ONCE) {
            let get = GetPointsBuilder::new(&self.articles, ids.to_vec()).with_payload(include(keys));
            for point in call(QdrantOperation::Read, self.client.get_points(get)).await?.result {
                let article_id = payload::article_id(&self.articles, &point.payload)?;
                found.entry(article_id).or_default().extend(point.payload);
            }
        }
        found.retain(|_, payload| payload.contains_key(key::CONTENT));
        Ok(found)
    }

    async fn views(&self, ids: &[String], keys: &[&str]) -> Result<Vec<Option<RankView>>, StoreError> {
        self.read(ids, keys, |payload| rank_payload::view(&self.articles, payload, self.sizes)).await
    }

    async fn glances(&self, ids: &[String]) -> Result<Vec<Option<Glance>>, StoreError> {
        self.read(ids, &GLANCE_KEYS, |payload| rank_payload::glance(&self.articles, payload)).await
    }

    async fn read<T: Clone>(
        &self,
        ids: &[String],
        keys: &[&str],
        of: impl Fn(HashMap<String, Value>) -> Result<T, StoreError>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let unique: BTreeSet<&String> = ids.iter().collect();
        let mut found = HashMap::new();
        for (article_id, payload) in self.get(unique, keys).await? {
            found.insert(article_id, of(payload)?);
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
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
        // Twice the same point in one write: the later would not see the earlier.
        let mut rounds: Vec<Vec<Write>> = Vec::new();
        let count = batch.len();
        for write in batch {
            let apart =
                |round: &&mut Vec<Write>| round.iter().all(|other| other.article_id != write.article_id);
            match rounds.iter_mut().find(apart) {
                Some(round) => round.push(write),
                None => rounds.push(vec![write]),
            }
        }
        for round in rounds {
            self.write_apart(round).await?;
        }
        Ok(vec![(); count])
    }

    async fn write_apart(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        let mut points = Vec::with_capacity(batch.len());
        let mut conditions: Vec<Condition> = Vec::with_capacity(batch.len());
        for Write { article_id, payload, writes } in batch {
            let id = payload::list_point(&article_id);
            conditions.push(unless_newer(&id, key::WRITES, writes));
            points.push(PointStruct::new(id, no_vectors(), payload));
        }
        let upsert = UpsertPointsBuilder::new(&self.articles, points)
            .update_filter(Filter::should(conditions))
            .ordering(strong())
            .wait(true);
        call::write(self.client.upsert_points(upsert)).await
    }
}

impl Catalogue {
    /// An article as its own ranking reads it; `None` if it was never seen.
    pub async fn view(&self, article_id: &str) -> Result<Option<RankView>, StoreError> {
        self.batched.views.call(article_id.to_owned()).await
    }

    pub(super) async fn glance_of(&self, article_id: &str) -> Result<Option<Glance>, StoreError> {
        self.batched.glances.call(article_id.to_owned()).await
    }

    pub(super) async fn publishing_of(&self, article_id: &str) -> Result<Option<Ranked>, StoreError> {
        let view = self.batched.publishing.call(article_id.to_owned()).await?;
        Ok(view.map(|view| view.ranked))
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

    /// Takes the next sequence of an article's list, if its state still is what was read.
    pub async fn write_claim(
        &self,
        article_id: &str,
        read: &Ranked,
        claim: &Claim<String>,
    ) -> Result<(), StoreError> {
        let mut claimed = read.clone();
        claimed.state.claim(claim);
        self.write_ranked(article_id, &claimed).await
    }

    /// Stores an article's list, if there was no write since its `writes` were read.
    pub async fn write_ranked(&self, article_id: &str, ranked: &Ranked) -> Result<(), StoreError> {
        let payload = rank_payload::of_ranked(article_id, ranked);
        let write = Write { article_id: article_id.to_owned(), payload, writes: ranked.writes };
        self.batched.writes.call(write).await
    }

    fn points(&self) -> Points {
        // Sizes are of no account to what these read.
        let sizes = Sizes { k: 1, kept: 1 };
        Points { client: self.client.clone(), articles: self.articles.clone(), sizes }
    }
}
