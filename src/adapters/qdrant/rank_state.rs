//! Reads and writes of ranking state, by article id, many at a time.
//!
//! Guarantee: a read sees every write that was completed before it was asked for, also
//! one that went in another batch; a write's condition holds for itself alone.

use std::collections::{BTreeSet, HashMap};

use list_maintenance::{Claim, Revision, Sizes};
use qdrant_client::qdrant::{Condition, Filter, GetPointsBuilder, PointId, PointStruct, UpsertPointsBuilder};
use qdrant_client::{Payload, Qdrant};

use super::batch::Batcher;
use super::call::{self, call};
use super::filters::unless_newer;
use super::payload::{self, article_point, entries_point, key, list_point};
use super::rank_payload::{self, GLANCE_KEYS, PUBLISHING_KEYS, Parts, STANDING_KEYS, VIEW_KEYS};
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

/// One of an article's points.
type PointOf = fn(&str) -> PointId;
/// An article, and its ranking state without the entries.
const STATE_POINTS: [PointOf; 2] = [article_point, list_point];

/// What becomes of an article's ranking state, unless it has more writes than this.
struct Write {
    article_id: String,
    state: Payload,
    /// `None`: they stay.
    entries: Option<Payload>,
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
                async move { points.views(&ids).await }
            }),
            glances: Batcher::start(READS_AT_ONCE, CALLS_AT_ONCE, move |ids| {
                let points = glances.clone();
                async move { points.glances(&ids).await }
            }),
            publishing: Batcher::start(READS_AT_ONCE, CALLS_AT_ONCE, move |ids| {
                let points = publishing.clone();
                async move { points.publishing(&ids).await }
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
    /// These points of these articles with these keys; articles never seen are left out.
    /// What is not needed is not asked for: the store decodes a point as a whole.
    async fn get<'a, const N: usize>(
        &self,
        ids: impl IntoIterator<Item = &'a String>,
        points: [PointOf; N],
        keys: &[&str],
    ) -> Result<HashMap<String, Parts>, StoreError> {
        let ids: Vec<_> = ids.into_iter().flat_map(|id| points.map(|point| point(id))).collect();
        let mut found: HashMap<String, Parts> = HashMap::with_capacity(ids.len() / N);
        for ids in ids.chunks(POINTS_AT_ONCE) {
            let get = GetPointsBuilder::new(&self.articles, ids.to_vec()).with_payload(include(keys));
            for point in call(QdrantOperation::Read, self.client.get_points(get)).await?.result {
                let article_id = payload::article_id(&self.articles, &point.payload)?;
                found.entry(article_id).or_default().add(point.payload);
            }
        }
        found.retain(|_, parts| parts.fields.contains_key(key::CONTENT));
        Ok(found)
    }

    async fn views(&self, ids: &[String]) -> Result<Vec<Option<RankView>>, StoreError> {
        let points = [article_point, list_point, entries_point];
        self.read(ids, points, &VIEW_KEYS, |parts| rank_payload::view(&self.articles, parts, self.sizes))
            .await
    }

    async fn glances(&self, ids: &[String]) -> Result<Vec<Option<Glance>>, StoreError> {
        let glance = |parts: Parts| rank_payload::glance(&self.articles, parts.fields);
        self.read(ids, STATE_POINTS, &GLANCE_KEYS, glance).await
    }

    async fn publishing(&self, ids: &[String]) -> Result<Vec<Option<RankView>>, StoreError> {
        let state = |parts: Parts| rank_payload::without_list(&self.articles, parts.fields);
        self.read(ids, STATE_POINTS, &PUBLISHING_KEYS, state).await
    }

    async fn read<T: Clone, const N: usize>(
        &self,
        ids: &[String],
        points: [PointOf; N],
        keys: &[&str],
        of: impl Fn(Parts) -> Result<T, StoreError>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let unique: BTreeSet<&String> = ids.iter().collect();
        let mut found = HashMap::new();
        for (article_id, parts) in self.get(unique, points, keys).await? {
            found.insert(article_id, of(parts)?);
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn revisions(&self, wanted: &[Vec<String>]) -> Result<Vec<HashMap<String, Revision>>, StoreError> {
        let unique: BTreeSet<&String> = wanted.iter().flatten().collect();
        let mut revisions = HashMap::new();
        let keys = [key::ARTICLE_ID, key::CONTENT];
        for (article_id, parts) in self.get(unique, [article_point], &keys).await? {
            revisions.insert(article_id, rank_payload::revision(&parts.fields));
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
        for Write { article_id, state, entries, writes } in batch {
            let ids = [list_point(&article_id), entries_point(&article_id)];
            conditions.push(unless_newer(&ids, key::WRITES, writes));
            let payloads = [Some(state), entries];
            let written = ids.into_iter().zip(payloads).filter_map(|(id, payload)| Some((id, payload?)));
            points.extend(written.map(|(id, payload)| PointStruct::new(id, no_vectors(), payload)));
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
        let standing = |(article_id, parts): (_, Parts)| {
            rank_payload::standing(&self.articles, article_id, parts.fields)
        };
        self.points().get(ids, STATE_POINTS, &STANDING_KEYS).await?.into_iter().map(standing).collect()
    }

    pub(super) async fn mark_of(&self, article_id: &str) -> Result<Option<FactsMark>, StoreError> {
        let keys = [key::ARTICLE_ID, key::CONTENT, key::FACTS_SEQUENCE];
        let found = self.points().get([&article_id.to_owned()], [article_point], &keys).await?;
        Ok(found.get(article_id).map(|parts| rank_payload::facts_mark(&parts.fields)))
    }

    /// Takes the next sequence of an article's list, if its state still is what was read.
    pub async fn write_claim(
        &self,
        article_id: &str,
        read: &Ranked,
        claim: &Claim<String>,
    ) -> Result<(), StoreError> {
        let state = rank_payload::of_ranked(article_id, &read.claimed(claim));
        self.write_state(article_id, state, None, read.writes).await
    }

    /// Stores an article's list, if there was no write since its `writes` were read.
    pub async fn write_ranked(&self, article_id: &str, ranked: &Ranked) -> Result<(), StoreError> {
        let stored = ranked.clone().stored();
        let state = rank_payload::of_ranked(article_id, &stored);
        let entries = rank_payload::of_entries(article_id, &stored);
        self.write_state(article_id, state, entries, ranked.writes).await
    }

    async fn write_state(
        &self,
        article_id: &str,
        state: Payload,
        entries: Option<Payload>,
        writes: u64,
    ) -> Result<(), StoreError> {
        let write = Write { article_id: article_id.to_owned(), state, entries, writes };
        self.batched.writes.call(write).await
    }

    fn points(&self) -> Points {
        // Sizes are of no account to what these read.
        let sizes = Sizes { k: 1, kept: 1 };
        Points { client: self.client.clone(), articles: self.articles.clone(), sizes }
    }
}
