//! Reads and writes of ranking state, by article id, many at a time.
//!
//! Guarantee: a read sees every write that was completed before it was asked for, also
//! one that went in another batch; a write's condition holds for itself alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;

use list_maintenance::{Bar, Claim, Sizes};
use qdrant_client::qdrant::{
    Condition, Filter, GetPointsBuilder, PointId, PointStruct, RetrievedPoint, UpsertPointsBuilder,
};
use qdrant_client::{Payload, Qdrant};

use super::batch::Batcher;
use super::call::{self, call};
use super::filters::unless_newer;
use super::payload::{self, article_point, entries_point, key, list_point};
use super::rank_payload::{self, BAR_KEYS, CONTENT_KEYS, GLANCE_KEYS, PUBLISHING_KEYS, Parts, RANKED_KEYS};
use super::read::include;
use super::write::{no_vectors, strong};
use super::{Catalogue, StoreError};
use crate::metrics::QdrantOperation;
use crate::ports::{Content, FactsMark, Glance, Ranked, Standing};

/// Most items of one call.
const ITEMS_AT_ONCE: usize = 64;
/// Calls of a kind under way.
const CALLS_AT_ONCE: usize = 2;
/// Points asked for at once.
const POINTS_AT_ONCE: usize = 1000;

/// One of a state's points.
type PointOf = fn(&str) -> PointId;
/// All but the entries.
const STATE: [PointOf; 1] = [list_point];

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
    contents: Batcher<Vec<String>, BTreeMap<String, Content>>,
    ranked: Batcher<String, Ranked>,
    glances: Batcher<String, Glance>,
    publishing: Batcher<String, Ranked>,
    writes: Batcher<Write, ()>,
}

impl Batched {
    pub(super) fn start(client: &Qdrant, articles: &str, lists: &str, sizes: Sizes) -> Self {
        let (articles, lists) = (articles.to_owned(), lists.to_owned());
        let points = Points { client: client.clone(), articles, lists, sizes };
        Self {
            contents: batched(&points, Points::contents),
            ranked: batched(&points, Points::ranked),
            glances: batched(&points, Points::glances),
            publishing: batched(&points, Points::publishing),
            writes: batched(&points, Points::write),
        }
    }
}

/// Jobs' calls of one kind, together.
fn batched<I, O, F>(points: &Points, call: fn(Points, Vec<I>) -> F) -> Batcher<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
    F: Future<Output = Result<Vec<O>, StoreError>> + Send + 'static,
{
    let points = points.clone();
    Batcher::start(ITEMS_AT_ONCE, CALLS_AT_ONCE, move |items| call(points.clone(), items))
}

/// The collections of articles and lists.
#[derive(Clone)]
struct Points {
    client: Qdrant,
    articles: String,
    lists: String,
    sizes: Sizes,
}

impl Points {
    /// These points with these keys, those that exist. What is not needed is not asked
    /// for: the store decodes a point as a whole.
    async fn get(
        &self,
        collection: &str,
        ids: &[PointId],
        keys: &[&str],
    ) -> Result<Vec<RetrievedPoint>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(POINTS_AT_ONCE) {
            let get = GetPointsBuilder::new(collection, ids.to_vec()).with_payload(include(keys));
            found.extend(call(QdrantOperation::Read, self.client.get_points(get)).await?.result);
        }
        Ok(found)
    }

    /// States of these articles, each of these points; those never ranked are left out.
    async fn states<const N: usize>(
        &self,
        ids: impl IntoIterator<Item = &String>,
        points: [PointOf; N],
        keys: &[&str],
    ) -> Result<HashMap<String, Parts>, StoreError> {
        let ids: Vec<_> = ids.into_iter().flat_map(|id| points.map(|point| point(id))).collect();
        let mut found: HashMap<String, Parts> = HashMap::with_capacity(ids.len());
        for point in self.get(&self.lists, &ids, keys).await? {
            let article_id = payload::article_id(&self.lists, &point.payload)?;
            found.entry(article_id).or_default().add(point.payload);
        }
        Ok(found)
    }

    /// What each of these articles' states says.
    async fn each<T: Clone + Default, const N: usize>(
        &self,
        ids: &[String],
        points: [PointOf; N],
        keys: &[&str],
        of: impl Fn(Parts) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let unique: BTreeSet<&String> = ids.iter().collect();
        let mut found = HashMap::new();
        for (article_id, parts) in self.states(unique, points, keys).await? {
            found.insert(article_id, of(parts)?);
        }
        Ok(ids.iter().map(|id| found.get(id).cloned().unwrap_or_default()).collect())
    }

    async fn ranked(self, ids: Vec<String>) -> Result<Vec<Ranked>, StoreError> {
        let ranked = |parts| rank_payload::ranked(&self.lists, parts, self.sizes);
        self.each(&ids, [list_point, entries_point], &RANKED_KEYS, ranked).await
    }

    async fn glances(self, ids: Vec<String>) -> Result<Vec<Glance>, StoreError> {
        self.each(&ids, STATE, &GLANCE_KEYS, |parts| rank_payload::glance(&self.lists, parts)).await
    }

    async fn publishing(self, ids: Vec<String>) -> Result<Vec<Ranked>, StoreError> {
        self.each(&ids, STATE, &PUBLISHING_KEYS, |parts| rank_payload::without_list(&self.lists, parts)).await
    }

    async fn bars(&self, ids: &[String]) -> Result<HashMap<String, Bar>, StoreError> {
        let states = self.states(ids, STATE, &BAR_KEYS).await?.into_iter();
        states.map(|(id, parts)| Ok((id, rank_payload::bar(&self.lists, parts)?))).collect()
    }

    async fn content<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a String>,
    ) -> Result<HashMap<String, Content>, StoreError> {
        let ids: Vec<_> = ids.into_iter().map(|id| article_point(id)).collect();
        let found = self.get(&self.articles, &ids, &CONTENT_KEYS).await?.into_iter();
        let of = |point: RetrievedPoint| {
            let article_id = payload::article_id(&self.articles, &point.payload)?;
            Ok((article_id, rank_payload::content(&self.articles, point.payload)?))
        };
        found.map(of).collect()
    }

    async fn contents(self, wanted: Vec<Vec<String>>) -> Result<Vec<BTreeMap<String, Content>>, StoreError> {
        let unique: BTreeSet<&String> = wanted.iter().flatten().collect();
        let contents = self.content(unique).await?;
        let of =
            |ids: &Vec<String>| ids.iter().filter_map(|id| Some((id.clone(), *contents.get(id)?))).collect();
        Ok(wanted.iter().map(of).collect())
    }

    async fn write(self, batch: Vec<Write>) -> Result<Vec<()>, StoreError> {
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
        let upsert = UpsertPointsBuilder::new(&self.lists, points)
            .update_filter(Filter::should(conditions))
            .ordering(strong())
            .wait(true);
        call::write(self.client.upsert_points(upsert)).await
    }
}

impl Catalogue {
    /// Content and ranking state of an article; `None` if it was never seen.
    pub async fn view(&self, article_id: &str) -> Result<Option<(Content, Ranked)>, StoreError> {
        let ids = [article_id.to_owned()];
        let (contents, ranked) = tokio::try_join!(self.contents_of(&ids), self.ranked_of(article_id))?;
        Ok(contents.get(article_id).map(|content| (*content, ranked)))
    }

    pub(super) async fn contents_of(&self, ids: &[String]) -> Result<BTreeMap<String, Content>, StoreError> {
        self.batched.contents.call(ids.to_vec()).await
    }

    pub(super) async fn ranked_of(&self, article_id: &str) -> Result<Ranked, StoreError> {
        self.batched.ranked.call(article_id.to_owned()).await
    }

    pub(super) async fn glance_of(&self, article_id: &str) -> Result<Glance, StoreError> {
        self.batched.glances.call(article_id.to_owned()).await
    }

    pub(super) async fn publishing_of(&self, article_id: &str) -> Result<Ranked, StoreError> {
        self.batched.publishing.call(article_id.to_owned()).await
    }

    pub(super) async fn standings_of(&self, ids: &[String]) -> Result<Vec<Standing>, StoreError> {
        let points = self.points();
        let (contents, bars) = tokio::try_join!(points.content(ids), points.bars(ids))?;
        let standing = |(article_id, content): (String, Content)| {
            let bar = bars.get(&article_id).copied().unwrap_or(Bar::NoList);
            Standing { article_id, revision: content.revision, bar }
        };
        Ok(contents.into_iter().map(standing).collect())
    }

    pub(super) async fn mark_of(&self, article_id: &str) -> Result<Option<FactsMark>, StoreError> {
        let keys = [key::ARTICLE_ID, key::CONTENT, key::FACTS_SEQUENCE];
        let found = self.points().get(&self.articles, &[article_point(article_id)], &keys).await?;
        Ok(found.first().map(|point| rank_payload::facts_mark(&point.payload)))
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
        let (articles, lists) = (self.articles.clone(), self.lists.clone());
        Points { client: self.client.clone(), articles, lists, sizes }
    }
}
