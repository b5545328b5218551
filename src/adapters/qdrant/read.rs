//! Reads of articles, images and lists by id. Every read is paged and complete.

use std::collections::{BTreeMap, HashMap};

use qdrant_client::qdrant::{
    Condition, Filter, GetPointsBuilder, PayloadIncludeSelector, PointId, RetrievedPoint,
    ScrollPointsBuilder, VectorsSelector, point_id, with_payload_selector, with_vectors_selector,
};

use super::call::call;
use super::filters::{keyword, live_of, of_article};
use super::payload::{self, key};
use super::rank_payload;
use super::{Catalogue, IMAGE_VECTOR, StoreError, TEXT_VECTOR};
use crate::domain::article::{ArticleFacts, ArticleState, Member, Profile};
use crate::domain::embedding::{Embedding, ImageEmbedding};
use crate::metrics::{QdrantOperation, metrics};

/// Points of one page.
const PAGE: u32 = 500;
/// Articles asked for at once.
const ARTICLES_AT_ONCE: usize = 200;
/// What a comparison needs of an article besides its vectors.
const PROFILE_KEYS: [&str; 6] =
    [key::ARTICLE_ID, key::CATEGORIES, key::GROUP, key::TEXT_VERSION, key::DELETED_VERSION, key::DELETED];
impl Catalogue {
    /// What is stored of an article, without vectors.
    pub async fn state(&self, article_id: &str) -> Result<ArticleState, StoreError> {
        let get = GetPointsBuilder::new(&self.articles, vec![payload::article_point(article_id)])
            .with_payload(true);
        let article =
            call(QdrantOperation::Read, self.client.get_points(get)).await?.result.into_iter().next();
        let facts_sequence = article.as_ref().map_or(0, |point| rank_payload::facts_sequence(&point.payload));
        let text_unfinished =
            article.as_ref().is_some_and(|point| rank_payload::is_unfinished(&point.payload));
        let facts = article.map(|point| payload::facts_of(&self.articles, point.payload)).transpose()?;
        let mut images = BTreeMap::new();
        let request =
            ScrollPointsBuilder::new(&self.images).filter(of_article(article_id)).with_payload(true);
        for point in self.scroll(request).await? {
            let image = payload::image_of(&self.images, point.payload)?;
            images.insert(image.image_id.clone(), image);
        }
        Ok(ArticleState { facts, images, facts_sequence, text_unfinished })
    }

    /// Images, texts and fields of articles by id; those never seen are absent.
    pub async fn profiles_by_id(&self, ids: &[String]) -> Result<HashMap<String, Profile>, StoreError> {
        let mut profiles = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(ARTICLES_AT_ONCE) {
            let points: Vec<PointId> = ids.iter().map(|id| payload::article_point(id)).collect();
            let get = GetPointsBuilder::new(&self.articles, points)
                .with_payload(include(&PROFILE_KEYS))
                .with_vectors(only_vector(TEXT_VECTOR));
            let (found, members) =
                tokio::join!(call(QdrantOperation::Read, self.client.get_points(get)), self.members(ids));
            let mut members = members?;
            for point in found?.result {
                let profile = self.profile(point, &mut members)?;
                profiles.insert(profile.article_id.clone(), profile);
            }
        }
        Ok(profiles)
    }

    fn profile(
        &self,
        point: RetrievedPoint,
        members: &mut HashMap<String, Vec<Member>>,
    ) -> Result<Profile, StoreError> {
        let text = payload::vectors(&point, TEXT_VECTOR);
        let text = text.map(|vectors| image_embedding(&self.articles, vectors)).transpose()?;
        let article_id = payload::article_id(&self.articles, &point.payload)?;
        let facts: ArticleFacts = payload::facts_of(&self.articles, point.payload)?;
        let images = members.remove(&article_id).unwrap_or_default();
        let newest_image = images.iter().map(|image| image.version).max();
        let version = newest_image.max(facts.text_version).max(facts.deleted_version).unwrap_or(0);
        Ok(Profile {
            article_id,
            categories: facts.fields.categories,
            group: facts.fields.group,
            version,
            images,
            text: text.map(|text| text.own),
        })
    }

    /// Live images of these articles, each set ordered by image id.
    async fn members(&self, ids: &[String]) -> Result<HashMap<String, Vec<Member>>, StoreError> {
        let request = ScrollPointsBuilder::new(&self.images)
            .filter(live_of(ids))
            .with_payload(true)
            .with_vectors(only_vector(IMAGE_VECTOR));
        let mut sets: HashMap<String, Vec<Member>> = HashMap::new();
        for point in self.scroll(request).await? {
            let Some(vectors) = payload::vectors(&point, IMAGE_VECTOR) else {
                // Left by two writers at once; its next event mends it. It must not keep
                // every list that could hold its article from being made.
                metrics().list.images_without_vector.inc();
                tracing::error!(point = ?point.id, "a live image has no vector and is not compared");
                continue;
            };
            let embedding = image_embedding(&self.images, vectors)?;
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

    pub(super) async fn holders_of(&self, article_id: &str) -> Result<Vec<String>, StoreError> {
        self.article_ids(&self.lists, Filter::must([keyword(key::LIST_IDS, article_id)])).await
    }

    /// All articles ever seen.
    pub async fn all_article_ids(&self) -> Result<Vec<String>, StoreError> {
        self.article_ids(&self.articles, Filter::default()).await
    }

    /// Articles of the points that a filter lets through.
    async fn article_ids(&self, collection: &str, filter: Filter) -> Result<Vec<String>, StoreError> {
        let request =
            ScrollPointsBuilder::new(collection).filter(filter).with_payload(include(&[key::ARTICLE_ID]));
        let points = self.scroll(request).await?;
        points.iter().map(|point| payload::article_id(collection, &point.payload)).collect()
    }

    pub(super) async fn marked_articles(&self, limit: usize) -> Result<Vec<(String, u64)>, StoreError> {
        let request = ScrollPointsBuilder::new(&self.lists)
            .filter(Filter::must([Condition::matches(key::DIRTY, true)]))
            .with_payload(include(&[key::ARTICLE_ID, key::SEQUENCE]))
            .limit(u32::try_from(limit).unwrap_or(u32::MAX));
        let points = call(QdrantOperation::Scroll, self.client.scroll(request)).await?.result;
        let of = |point: &RetrievedPoint| {
            let sequence = point.payload.get(key::SEQUENCE).and_then(|value| value.as_integer());
            let article_id = payload::article_id(&self.lists, &point.payload)?;
            Ok((article_id, sequence.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)))
        };
        points.iter().map(of).collect()
    }

    pub(super) async fn page_of_articles(
        &self,
        from: Option<String>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let mut request = ScrollPointsBuilder::new(&self.articles)
            .with_payload(include(&[key::ARTICLE_ID]))
            .limit(u32::try_from(limit).unwrap_or(u32::MAX));
        if let Some(from) = from {
            request = request.offset(PointId::from(from));
        }
        let page = call(QdrantOperation::Scroll, self.client.scroll(request)).await?;
        let ids = page.result.iter().map(|point| payload::article_id(&self.articles, &point.payload));
        let next = page.next_page_offset.and_then(|next| match next.point_id_options? {
            point_id::PointIdOptions::Uuid(uuid) => Some(uuid),
            point_id::PointIdOptions::Num(_) => None,
        });
        Ok((ids.collect::<Result<_, _>>()?, next))
    }

    async fn scroll(&self, request: ScrollPointsBuilder) -> Result<Vec<RetrievedPoint>, StoreError> {
        let mut points = Vec::new();
        let mut offset: Option<PointId> = None;
        loop {
            let mut page = request.clone().limit(PAGE);
            if let Some(from) = offset {
                page = page.offset(from);
            }
            let response = call(QdrantOperation::Scroll, self.client.scroll(page)).await?;
            points.extend(response.result);
            offset = response.next_page_offset;
            if offset.is_none() {
                return Ok(points);
            }
        }
    }
}

/// Own vector first, then those of the variants.
fn image_embedding(collection: &str, vectors: Vec<Vec<f32>>) -> Result<ImageEmbedding, StoreError> {
    let embeddings = vectors.into_iter().map(Embedding::new).collect::<Result<Vec<_>, _>>();
    let embeddings = embeddings.map_err(|error| corrupt(collection, &error.to_string()))?;
    let mut embeddings = embeddings.into_iter();
    let own = embeddings.next().ok_or_else(|| corrupt(collection, "a vector without rows"))?;
    Ok(ImageEmbedding { own, variants: embeddings.collect() })
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
