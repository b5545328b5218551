//! The candidate search: which articles may be similar to one article.
//!
//! Guarantee: with exact search, an article left out has no image pair at or above
//! the threshold, unless a search was truncated at its limit, which is counted.

use std::collections::HashSet;

use qdrant_client::qdrant::{
    Condition, Filter, Query, QueryBatchPointsBuilder, QueryPoints, QueryPointsBuilder, ScoredPoint,
    SearchParamsBuilder,
};

use super::filters::keyword;
use super::payload::{self, key};
use super::read::include;
use super::{Catalogue, IMAGE_VECTOR, StoreError, TEXT_VECTOR};
use crate::domain::article::Profile;
use crate::domain::embedding::Embedding;

/// Room for the rounding of the store's own arithmetic below the threshold.
const THRESHOLD_MARGIN: f64 = 1e-4;

/// What to search for.
#[derive(Debug, Clone)]
pub struct CandidateQuery<'a> {
    pub article: &'a Profile,
    /// Lowest cosine of an image pair that counts; `None` when any does.
    pub threshold: Option<f64>,
    /// Most hits of each image and of the text.
    pub limit: usize,
    /// Scan everything instead of walking the index.
    pub exact: bool,
    /// Text has weight in the score.
    pub with_text: bool,
    /// Neighbours must share a category.
    pub same_categories: bool,
    /// Neighbours must be of the same group.
    pub same_group: bool,
    /// Neighbours must not share a category.
    pub different_categories: bool,
    /// Neighbours must not be of the same group.
    pub different_group: bool,
}

/// The articles found.
#[derive(Debug, Default)]
pub struct Candidates {
    pub article_ids: Vec<String>,
    /// Searches whose hits reached the limit.
    pub truncated_image_searches: u64,
    pub truncated_text_searches: u64,
}

impl Catalogue {
    /// Searches with every image and with the text of an article.
    pub async fn candidates(&self, query: &CandidateQuery<'_>) -> Result<Candidates, StoreError> {
        let Some(filter) = eligible(query) else { return Ok(Candidates::default()) };
        let mut ids = HashSet::new();
        let mut candidates = Candidates::default();
        let images = query.article.images.iter();
        let searches: Vec<QueryPoints> = images
            .map(|image| {
                let mut filter = filter.clone();
                filter.must_not.push(keyword(key::ARTICLE_ID, &query.article.article_id));
                let search = self.search(&self.images, IMAGE_VECTOR, &image.embedding, query, filter);
                match query.threshold {
                    Some(lowest) => search.score_threshold((lowest - THRESHOLD_MARGIN) as f32).build(),
                    None => search.build(),
                }
            })
            .collect();
        for hits in self.query_batch(&self.images, searches).await? {
            candidates.truncated_image_searches += u64::from(hits.len() >= query.limit);
            ids.extend(article_ids(&hits));
        }
        if let (true, Some(text)) = (query.with_text, &query.article.text) {
            let mut filter = filter;
            filter.must_not.push(Condition::has_id([payload::article_point(&query.article.article_id)]));
            if !query.article.images.is_empty() {
                // With images on both sides, one pair at least must have been found.
                filter.must.push(Condition::matches(key::IMAGE_COUNT, 0));
            }
            let search = self.search(&self.articles, TEXT_VECTOR, text, query, filter).build();
            for hits in self.query_batch(&self.articles, vec![search]).await? {
                candidates.truncated_text_searches += u64::from(hits.len() >= query.limit);
                ids.extend(article_ids(&hits));
            }
        }
        candidates.article_ids = ids.into_iter().collect();
        candidates.article_ids.sort_unstable();
        Ok(candidates)
    }

    fn search(
        &self,
        collection: &str,
        vector: &str,
        embedding: &Embedding,
        query: &CandidateQuery<'_>,
        filter: Filter,
    ) -> QueryPointsBuilder {
        QueryPointsBuilder::new(collection)
            .query(Query::new_nearest(embedding.as_slice().to_vec()))
            .using(vector)
            .limit(query.limit as u64)
            .filter(filter)
            .with_payload(include(&[key::ARTICLE_ID]))
            .params(SearchParamsBuilder::default().exact(query.exact))
    }

    async fn query_batch(
        &self,
        collection: &str,
        searches: Vec<QueryPoints>,
    ) -> Result<Vec<Vec<ScoredPoint>>, StoreError> {
        if searches.is_empty() {
            return Ok(Vec::new());
        }
        let response = self.client.query_batch(QueryBatchPointsBuilder::new(collection, searches)).await?;
        Ok(response.result.into_iter().map(|batch| batch.result).collect())
    }
}

fn article_ids(hits: &[ScoredPoint]) -> impl Iterator<Item = String> {
    hits.iter().filter_map(|hit| payload::text(&hit.payload, key::ARTICLE_ID))
}

/// The filter of eligible articles; `None` when there can be none.
fn eligible(query: &CandidateQuery<'_>) -> Option<Filter> {
    let mut filter = Filter::default();
    let categories = || Condition::matches(key::CATEGORIES, query.article.categories.clone());
    let group = query.article.group.as_deref().map(|group| keyword(key::GROUP, group));
    if query.same_categories {
        if query.article.categories.is_empty() {
            return None;
        }
        filter.must.push(categories());
    }
    if query.same_group {
        filter.must.push(group.clone()?);
    }
    if query.different_categories && !query.article.categories.is_empty() {
        filter.must_not.push(categories());
    }
    if query.different_group {
        filter.must_not.extend(group);
    }
    Some(filter)
}
