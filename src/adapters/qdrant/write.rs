//! Writes. Each waits for `Completed` and yields to newer stored state.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::{
    Condition, DeletePointVectorsBuilder, Filter, NamedVectors, PointId, PointStruct, PointVectors,
    SetPayloadPointsBuilder, UpdateMode, UpdatePointVectorsBuilder, UpsertPointsBuilder, Vector, Vectors,
    VectorsSelector, WriteOrdering, WriteOrderingType,
};

use super::call;
use super::filters::{at_most, keyword, of_article, unless_newer};
use super::payload::{self, key};
use super::{Catalogue, IMAGE_VECTOR, StoreError, TEXT_VECTOR};
use crate::domain::article::{ArticleFacts, StoredImage};
use crate::domain::embedding::{Embedding, ImageEmbedding};
use crate::ports::{FactsWrite, ImageWrite, TextWrite};

impl Catalogue {
    /// Writes images of one article; each yields to a newer one, and to newer fields.
    pub async fn put_images(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
        writes: &[ImageWrite],
    ) -> Result<(), StoreError> {
        let mut points = Vec::new();
        let mut conditions = Vec::new();
        for write in writes {
            let (image, vectors) = match write {
                ImageWrite::Embedded(image, embedding) => (image, named(IMAGE_VECTOR, of_image(embedding))),
                ImageWrite::Tombstone(image) => (image, no_vectors()),
                ImageWrite::Described(image) => {
                    self.describe(article_id, facts, image).await?;
                    continue;
                }
            };
            let id = payload::image_point(article_id, &image.image_id);
            conditions.push(image_condition(&id, image, facts).into());
            points.push(PointStruct::new(id, vectors, payload::of_image(article_id, image, facts)));
        }
        if points.is_empty() {
            return Ok(());
        }
        let upsert = UpsertPointsBuilder::new(&self.images, points)
            .update_filter(Filter::should(conditions))
            .ordering(strong())
            .wait(true);
        call::write(self.client.upsert_points(upsert)).await
    }

    async fn describe(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
        image: &StoredImage,
    ) -> Result<(), StoreError> {
        let id = payload::image_point(article_id, &image.image_id);
        let mut condition = image_condition(&id, image, facts);
        // Another writer's tombstone has no vector, and its other content another one.
        condition.must.push(keyword(key::CONTENT_HASH, image.content_hash.as_deref().unwrap_or_default()));
        self.set_payload(&self.images, payload::of_image(article_id, image, facts), condition).await
    }

    /// Copies changed filter fields (categories, group) to the article's images; each
    /// yields to newer ones.
    pub async fn put_filter_fields(&self, article_id: &str, facts: &ArticleFacts) -> Result<(), StoreError> {
        let fields = Payload::from(payload::filter_fields(facts));
        let mut condition = of_article(article_id);
        condition.must.push(at_most(key::FIELDS_VERSION, facts.fields_version()));
        self.set_payload(&self.images, fields, condition).await
    }

    /// Writes an article's facts; what ranking keeps there stays.
    pub async fn put_facts(&self, write: FactsWrite<'_>) -> Result<(), StoreError> {
        let id = payload::article_point(write.article_id);
        let facts = payload::of_facts(&write);
        if write.mark.sequence == 1 {
            let vectors = match &write.text {
                TextWrite::Set(embedding) => named(TEXT_VECTOR, dense(embedding)),
                TextWrite::Keep | TextWrite::Remove => no_vectors(),
            };
            // Insert only: should the point exist after all, its list must survive.
            let insert = UpsertPointsBuilder::new(
                &self.articles,
                vec![PointStruct::new(id.clone(), vectors, facts.clone())],
            )
            .update_mode(UpdateMode::InsertOnly)
            .ordering(strong())
            .wait(true);
            call::write(self.client.upsert_points(insert)).await?;
        }
        let before = write.mark.sequence.saturating_sub(1);
        let not_overtaken =
            Filter::must([unless_newer(std::slice::from_ref(&id), key::FACTS_SEQUENCE, before)]);
        if write.text == TextWrite::Keep {
            return self.set_payload(&self.articles, facts, not_overtaken).await;
        }
        // Embedding and facts are two writes: whoever takes the number first makes both.
        let claim = payload::of_facts_claim(&write.mark);
        self.set_payload(&self.articles, claim, not_overtaken).await?;
        let claimed = Filter::must([
            Condition::has_id([id.clone()]),
            Condition::matches(key::FACTS_SEQUENCE, i64::try_from(write.mark.sequence).unwrap_or(i64::MAX)),
            keyword(key::FACTS_CLAIM, &payload::hexadecimal(write.mark.revision.0)),
        ]);
        // The embedding comes before the text it was made from: after a crash between
        // the two, the old text tells that the embedding is to be made again.
        self.write_text(id, write.text, &claimed).await?;
        self.set_payload(&self.articles, facts, claimed).await
    }

    async fn write_text(&self, id: PointId, text: TextWrite, condition: &Filter) -> Result<(), StoreError> {
        match text {
            TextWrite::Keep => Ok(()),
            TextWrite::Set(embedding) => {
                let vectors =
                    PointVectors { id: Some(id), vectors: Some(named(TEXT_VECTOR, dense(&embedding))) };
                let update = UpdatePointVectorsBuilder::new(&self.articles, vec![vectors])
                    .update_filter(condition.clone())
                    .wait(true);
                call::write(self.client.update_vectors(update.ordering(strong()))).await
            }
            TextWrite::Remove => {
                let delete = DeletePointVectorsBuilder::new(&self.articles)
                    .points_selector(condition.clone())
                    .vectors(VectorsSelector { names: vec![TEXT_VECTOR.to_owned()] })
                    .ordering(strong())
                    .wait(true);
                call::write(self.client.delete_vectors(delete)).await
            }
        }
    }

    async fn set_payload(
        &self,
        collection: &str,
        payload: Payload,
        points: Filter,
    ) -> Result<(), StoreError> {
        let set = SetPayloadPointsBuilder::new(collection, payload)
            .points_selector(points)
            .ordering(strong())
            .wait(true);
        call::write(self.client.set_payload(set)).await
    }
}

fn image_condition(id: &PointId, image: &StoredImage, facts: &ArticleFacts) -> Filter {
    let not_newer = unless_newer(std::slice::from_ref(id), key::VERSION, image.version);
    Filter::must([not_newer, at_most(key::FIELDS_VERSION, facts.fields_version())])
}

pub(super) fn strong() -> WriteOrdering {
    WriteOrdering { r#type: WriteOrderingType::Strong.into() }
}

fn named(name: &str, vector: Vector) -> Vectors {
    NamedVectors { vectors: HashMap::from([(name.to_owned(), vector)]) }.into()
}

fn dense(embedding: &Embedding) -> Vector {
    Vector::new_dense(embedding.as_slice().to_vec())
}

/// With variants a matrix, a row each.
fn of_image(embedding: &ImageEmbedding) -> Vector {
    if embedding.variants.is_empty() {
        return dense(&embedding.own);
    }
    Vector::new_multi(embedding.all().map(|one| one.as_slice().to_vec()).collect::<Vec<_>>())
}

pub(super) fn no_vectors() -> Vectors {
    NamedVectors { vectors: HashMap::new() }.into()
}
