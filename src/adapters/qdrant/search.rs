//! The candidate search: which articles may be similar to one article.
//!
//! Guarantee: with exact search, an article left out has no image pair at or above
//! the threshold, unless a search was truncated at its limit, which is counted.

use std::collections::HashSet;

use qdrant_client::qdrant::{
    Condition, Filter, Query, QueryBatchPointsBuilder, QueryPoints, QueryPointsBuilder, Range, ScoredPoint,
    ScrollPointsBuilder, SearchParamsBuilder,
};

use super::call::call;
use super::filters::keyword;
use super::payload::{self, key};
use super::read::include;
use super::{Catalogue, IMAGE_VECTOR, StoreError, TEXT_VECTOR};
use crate::domain::embedding::Embedding;
use crate::metrics::QdrantOperation;
use crate::ports::{CandidateQuery, Candidates, Truncated};

/// Room for the rounding of the store's own arithmetic below the threshold.
const THRESHOLD_MARGIN: f64 = 1e-4;

impl Catalogue {
    /// Searches with every image, each of its variants, and the text of an article.
    pub async fn search_candidates(&self, query: &CandidateQuery<'_>) -> Result<Candidates, StoreError> {
        let Some(filter) = eligible(query) else { return Ok(Candidates::default()) };
        let mut ids = HashSet::new();
        let mut candidates = Candidates::default();
        // The store scores an image by the closest of its variants; a search for each of our
        // own completes the closest of both sides.
        let embeddings = query.article.images.iter().flat_map(|image| image.embedding.all());
        let searches: Vec<QueryPoints> = embeddings
            .map(|embedding| {
                let mut filter = filter.clone();
                filter.must_not.push(keyword(key::ARTICLE_ID, &query.article.article_id));
                let search = self.search(&self.images, IMAGE_VECTOR, embedding, query, filter);
                match query.threshold {
                    Some(lowest) => search.score_threshold((lowest - THRESHOLD_MARGIN) as f32).build(),
                    None => search.build(),
                }
            })
            .collect();
        for hits in self.query_batch(&self.images, searches).await? {
            note_truncated(&mut candidates.truncated_images, &hits, query.limit);
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
                note_truncated(&mut candidates.truncated_text, &hits, query.limit);
                ids.extend(article_ids(&hits));
            }
        }
        candidates.article_ids = ids.into_iter().collect();
        candidates.article_ids.sort_unstable();
        Ok(candidates)
    }

    pub(super) async fn search_low_bars(
        &self,
        query: &CandidateQuery<'_>,
        ceiling: f64,
        except: &[String],
    ) -> Result<(Vec<String>, bool), StoreError> {
        let at_most = Range { lte: Some(ceiling), ..Range::default() };
        // Lists know no fields: who may be a neighbour shows when they are compared.
        let takes_all = Filter {
            must: vec![Condition::is_empty(key::TAU)],
            must_not: vec![Condition::is_empty(key::LIST_REVISION)],
            ..Filter::default()
        };
        let low =
            [Condition::range(key::TAU, at_most), takes_all.into(), Condition::matches(key::SEARCHING, true)];
        let known = except.iter().map(String::as_str).chain([query.article.article_id.as_str()]);
        let known: Vec<_> = known.map(payload::list_point).collect();
        let filter =
            Filter { should: low.to_vec(), must_not: vec![Condition::has_id(known)], ..Filter::default() };
        let request = ScrollPointsBuilder::new(&self.lists)
            .filter(filter)
            .limit(u32::try_from(query.limit).unwrap_or(u32::MAX))
            .with_payload(include(&[key::ARTICLE_ID]));
        let page = call(QdrantOperation::Scroll, self.client.scroll(request)).await?;
        let ids = page.result.iter().map(|point| payload::article_id(&self.lists, &point.payload));
        Ok((ids.collect::<Result<_, _>>()?, page.next_page_offset.is_some()))
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
        let batch = QueryBatchPointsBuilder::new(collection, searches);
        let response = call(QdrantOperation::Search, self.client.query_batch(batch)).await?;
        Ok(response.result.into_iter().map(|batch| batch.result).collect())
    }
}

/// Hits come best first, so whatever was left out is no closer than the last.
fn note_truncated(truncated: &mut Option<Truncated>, hits: &[ScoredPoint], limit: usize) {
    let Some(last) = hits.last().filter(|_| hits.len() >= limit) else { return };
    let before = truncated.unwrap_or(Truncated { searches: 0, ceiling: f64::NEG_INFINITY });
    // Room for the rounding of the store's own arithmetic.
    let ceiling = before.ceiling.max(f64::from(last.score) + THRESHOLD_MARGIN);
    *truncated = Some(Truncated { searches: before.searches + 1, ceiling });
}

fn article_ids(hits: &[ScoredPoint]) -> impl Iterator<Item = String> {
    hits.iter().filter_map(|hit| payload::text(&hit.payload, key::ARTICLE_ID))
}

/// The filter of eligible articles; `None` when there can be none.
fn eligible(query: &CandidateQuery<'_>) -> Option<Filter> {
    let mut filter = Filter::default();
    let categories = || Condition::matches(key::CATEGORIES, query.article.categories.clone());
    let group = query.article.group.as_deref().map(|group| keyword(key::GROUP, group));
    if query.restriction.same_categories {
        if query.article.categories.is_empty() {
            return None;
        }
        filter.must.push(categories());
    }
    if query.restriction.same_group {
        filter.must.push(group.clone()?);
    }
    if query.restriction.different_categories && !query.article.categories.is_empty() {
        filter.must_not.push(categories());
    }
    if query.restriction.different_group {
        filter.must_not.extend(group);
    }
    Some(filter)
}
