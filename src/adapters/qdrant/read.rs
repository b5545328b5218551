//! Reads of articles, images and lists by id. Every read is paged and complete.

use std::collections::{BTreeMap, HashMap};

use qdrant_client::qdrant::{
    Condition, Filter, GetPointsBuilder, PayloadIncludeSelector, PointId, RetrievedPoint,
    ScrollPointsBuilder, VectorsSelector, with_payload_selector, with_vectors_selector,
};

use super::filters::{keyword, live_of, of_article};
use super::payload::{self, key};
use super::{Catalogue, IMAGE_VECTOR, StoreError, TEXT_VECTOR};
use crate::domain::article::{ArticleFacts, ArticleState, Member, Profile};
use crate::domain::embedding::Embedding;
use crate::domain::list::RankState;
use crate::metrics::metrics;

/// Points of one page.
const PAGE: u32 = 500;
/// Articles asked for at once.
const ARTICLES_AT_ONCE: usize = 200;
/// What ranking needs of an article besides its images, without the list itself.
const PROFILE_KEYS: [&str; 10] = [
    key::ARTICLE_ID,
    key::CATEGORIES,
    key::GROUP,
    "text_version",
    "deleted_version",
    key::DELETED,
    key::TAU,
    key::SEQUENCE,
    key::DIRTY,
    key::RANKING,
];

/// An article as ranking sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ArticleView {
    pub profile: Profile,
    pub deleted: bool,
    /// Without the list, unless it was asked for.
    pub rank: RankState,
}

impl Catalogue {
    /// What is stored of an article, without vectors.
    pub async fn article_state(&self, article_id: &str) -> Result<ArticleState, StoreError> {
        let get = GetPointsBuilder::new(&self.articles, vec![payload::article_point(article_id)])
            .with_payload(with_payload_selector::SelectorOptions::Exclude(
                qdrant_client::qdrant::PayloadExcludeSelector {
                    fields: vec![key::LIST.to_owned(), key::LIST_IDS.to_owned()],
                },
            ));
        let article = self.client.get_points(get).await?.result.into_iter().next();
        let facts = article.map(|point| payload::facts_of(&self.articles, point.payload)).transpose()?;
        let mut images = BTreeMap::new();
        let request =
            ScrollPointsBuilder::new(&self.images).filter(of_article(article_id)).with_payload(true);
        for point in self.scroll(request).await? {
            let image = payload::image_of(&self.images, point.payload)?;
            images.insert(image.image_id.clone(), image);
        }
        Ok(ArticleState { facts, images })
    }

    /// An article and its ranking state with the stored list; `None` if never seen.
    pub async fn article_with_list(&self, article_id: &str) -> Result<Option<ArticleView>, StoreError> {
        let ids = [article_id.to_owned()];
        let mut keys = PROFILE_KEYS.to_vec();
        keys.push(key::LIST);
        Ok(self.articles(&ids, &keys).await?.into_values().next())
    }

    /// Articles by id; those never seen are absent.
    pub async fn articles_by_id(&self, ids: &[String]) -> Result<HashMap<String, ArticleView>, StoreError> {
        let mut views = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(ARTICLES_AT_ONCE) {
            views.extend(self.articles(ids, &PROFILE_KEYS).await?);
        }
        Ok(views)
    }

    async fn articles(
        &self,
        ids: &[String],
        keys: &[&str],
    ) -> Result<HashMap<String, ArticleView>, StoreError> {
        let points: Vec<PointId> = ids.iter().map(|id| payload::article_point(id)).collect();
        let get = GetPointsBuilder::new(&self.articles, points)
            .with_payload(include(keys))
            .with_vectors(only_vector(TEXT_VECTOR));
        let mut members = self.members(ids).await?;
        let mut views = HashMap::with_capacity(ids.len());
        for point in self.client.get_points(get).await?.result {
            let view = self.view(point, &mut members)?;
            views.insert(view.profile.article_id.clone(), view);
        }
        Ok(views)
    }

    fn view(
        &self,
        point: RetrievedPoint,
        members: &mut HashMap<String, Vec<Member>>,
    ) -> Result<ArticleView, StoreError> {
        let text = payload::vector(&point, TEXT_VECTOR).map(|vector| self.embedding(&self.articles, vector));
        let article_id = payload::text(&point.payload, key::ARTICLE_ID)
            .ok_or_else(|| corrupt(&self.articles, "no article_id"))?;
        let rank = payload::rank_of(&self.articles, &point.payload)?;
        let facts: ArticleFacts = payload::facts_of(&self.articles, point.payload)?;
        let images = members.remove(&article_id).unwrap_or_default();
        let newest_image = images.iter().map(|image| image.version).max();
        let version = newest_image.max(facts.text_version).max(facts.deleted_version).unwrap_or(0);
        let profile = Profile {
            article_id,
            categories: facts.fields.categories,
            group: facts.fields.group,
            version,
            images,
            text: text.transpose()?,
        };
        Ok(ArticleView { profile, deleted: facts.deleted, rank })
    }

    /// Live images of these articles, each set ordered by image id.
    async fn members(&self, ids: &[String]) -> Result<HashMap<String, Vec<Member>>, StoreError> {
        let request = ScrollPointsBuilder::new(&self.images)
            .filter(live_of(ids))
            .with_payload(true)
            .with_vectors(only_vector(IMAGE_VECTOR));
        let mut sets: HashMap<String, Vec<Member>> = HashMap::new();
        for point in self.scroll(request).await? {
            let Some(vector) = payload::vector(&point, IMAGE_VECTOR) else {
                // Left by two writers at once; its next event mends it. It must not keep
                // every list that could hold its article from being made.
                metrics().list.images_without_vector.inc();
                tracing::error!(point = ?point.id, "a live image has no vector and is not compared");
                continue;
            };
            let embedding = self.embedding(&self.images, vector)?;
            let article_id = payload::text(&point.payload, key::ARTICLE_ID)
                .ok_or_else(|| corrupt(&self.images, "no article_id"))?;
            let image = payload::image_of(&self.images, point.payload)?;
            sets.entry(article_id).or_default().push(Member {
                image_id: image.image_id,
                view: image.view,
                position: image.position,
                version: image.version,
                embedding,
            });
        }
        for set in sets.values_mut() {
            set.sort_by(|a, b| a.image_id.cmp(&b.image_id));
        }
        Ok(sets)
    }

    /// Articles whose list holds this one.
    pub async fn holders(&self, article_id: &str) -> Result<Vec<String>, StoreError> {
        self.article_ids(Filter::must([keyword(key::LIST_IDS, article_id)])).await
    }

    /// Articles whose list is being computed, or was when a worker ended.
    pub async fn dirty(&self) -> Result<Vec<String>, StoreError> {
        self.article_ids(Filter::must([Condition::matches(key::DIRTY, true)])).await
    }

    /// All articles ever seen.
    pub async fn all_article_ids(&self) -> Result<Vec<String>, StoreError> {
        self.article_ids(Filter::default()).await
    }

    async fn article_ids(&self, filter: Filter) -> Result<Vec<String>, StoreError> {
        let request =
            ScrollPointsBuilder::new(&self.articles).filter(filter).with_payload(include(&[key::ARTICLE_ID]));
        let points = self.scroll(request).await?;
        points
            .iter()
            .map(|point| {
                payload::text(&point.payload, key::ARTICLE_ID)
                    .ok_or_else(|| corrupt(&self.articles, "no article_id"))
            })
            .collect()
    }

    async fn scroll(&self, request: ScrollPointsBuilder) -> Result<Vec<RetrievedPoint>, StoreError> {
        let mut points = Vec::new();
        let mut offset: Option<PointId> = None;
        loop {
            let mut page = request.clone().limit(PAGE);
            if let Some(from) = offset {
                page = page.offset(from);
            }
            let response = self.client.scroll(page).await?;
            points.extend(response.result);
            offset = response.next_page_offset;
            if offset.is_none() {
                return Ok(points);
            }
        }
    }

    fn embedding(&self, collection: &str, vector: Vec<f32>) -> Result<Embedding, StoreError> {
        Embedding::new(vector).map_err(|error| corrupt(collection, &error.to_string()))
    }
}

fn corrupt(collection: &str, reason: &str) -> StoreError {
    StoreError::Corrupt { collection: collection.to_owned(), reason: reason.to_owned() }
}

pub(super) fn include(keys: &[&str]) -> with_payload_selector::SelectorOptions {
    let fields = keys.iter().map(|key| (*key).to_owned()).collect();
    with_payload_selector::SelectorOptions::Include(PayloadIncludeSelector { fields })
}

fn only_vector(name: &str) -> with_vectors_selector::SelectorOptions {
    with_vectors_selector::SelectorOptions::Include(VectorsSelector { names: vec![name.to_owned()] })
}
