//! Writes. Each waits for `Completed` and yields to newer stored state.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::{
    DeletePointVectorsBuilder, Filter, NamedVectors, PointId, PointStruct, PointVectors,
    PointsOperationResponse, SetPayloadPointsBuilder, UpdateMode, UpdatePointVectorsBuilder, UpdateStatus,
    UpsertPointsBuilder, Vector, Vectors, VectorsSelector, WriteOrdering, WriteOrderingType,
};

use super::filters::{of_article, unless_newer};
use super::payload::{self, key};
use super::{Catalogue, IMAGE_VECTOR, StoreError, TEXT_VECTOR};
use crate::domain::article::{ArticleFacts, StoredImage};
use crate::domain::embedding::Embedding;
use crate::domain::event::Version;
use crate::domain::list::RankState;

/// One image to write.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageWrite {
    /// New content.
    Embedded(StoredImage, Embedding),
    /// New metadata, content as before.
    Described(StoredImage),
    /// Deleted: the point stays, without vector.
    Tombstone(StoredImage),
}

impl ImageWrite {
    /// The image as it is to be stored.
    pub fn image(&self) -> &StoredImage {
        let (Self::Embedded(image, _) | Self::Described(image) | Self::Tombstone(image)) = self;
        image
    }
}

/// What becomes of an article's text embedding.
#[derive(Debug, Clone, PartialEq)]
pub enum TextWrite {
    Keep,
    Set(Embedding),
    Remove,
}

/// An article's facts to write.
#[derive(Debug)]
pub struct FactsWrite<'a> {
    pub article_id: &'a str,
    pub facts: &'a ArticleFacts,
    pub text: TextWrite,
    /// Highest version that changed anything of the article; an older revision yields.
    pub revision: Version,
    /// The article has a point already.
    pub exists: bool,
}

impl Catalogue {
    /// Writes images of one article.
    pub async fn write_images(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
        writes: &[ImageWrite],
    ) -> Result<(), StoreError> {
        let mut points = Vec::new();
        let mut conditions = Vec::new();
        for write in writes {
            let (image, vectors) = match write {
                ImageWrite::Embedded(image, embedding) => (image, named(IMAGE_VECTOR, embedding)),
                ImageWrite::Tombstone(image) => (image, no_vectors()),
                ImageWrite::Described(image) => {
                    self.describe(article_id, facts, image).await?;
                    continue;
                }
            };
            let id = payload::image_point(article_id, &image.image_id);
            conditions.push(unless_newer(&id, key::VERSION, image.version));
            points.push(PointStruct::new(id, vectors, payload::of_image(article_id, image, facts)));
        }
        if points.is_empty() {
            return Ok(());
        }
        let upsert = UpsertPointsBuilder::new(&self.images, points)
            .update_filter(Filter::should(conditions))
            .ordering(strong())
            .wait(true);
        completed(self.client.upsert_points(upsert).await?)
    }

    async fn describe(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
        image: &StoredImage,
    ) -> Result<(), StoreError> {
        let id = payload::image_point(article_id, &image.image_id);
        let condition = unless_newer(&id, key::VERSION, image.version);
        self.set_payload(&self.images, payload::of_image(article_id, image, facts), Filter::must([condition]))
            .await
    }

    /// Copies changed filter fields (categories, group) to the article's images.
    pub async fn write_filter_fields(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
    ) -> Result<(), StoreError> {
        let fields = Payload::from(payload::filter_fields(facts));
        self.set_payload(&self.images, fields, of_article(article_id)).await
    }

    /// Writes an article's facts; what ranking keeps there stays.
    pub async fn write_facts(&self, write: FactsWrite<'_>) -> Result<(), StoreError> {
        let id = payload::article_point(write.article_id);
        let facts = payload::of_facts(write.article_id, write.facts, write.revision);
        if !write.exists {
            let vectors = match &write.text {
                TextWrite::Set(embedding) => named(TEXT_VECTOR, embedding),
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
            completed(self.client.upsert_points(insert).await?)?;
        }
        // The embedding comes before the text it was made from: after a crash between
        // the two, the old text tells that the embedding is to be made again.
        let condition = Filter::must([unless_newer(&id, key::REVISION, write.revision)]);
        self.write_text(id, write.text, &condition).await?;
        self.set_payload(&self.articles, facts, condition).await
    }

    async fn write_text(&self, id: PointId, text: TextWrite, condition: &Filter) -> Result<(), StoreError> {
        match text {
            TextWrite::Keep => Ok(()),
            TextWrite::Set(embedding) => {
                let vectors = PointVectors { id: Some(id), vectors: Some(named(TEXT_VECTOR, &embedding)) };
                let update = UpdatePointVectorsBuilder::new(&self.articles, vec![vectors])
                    .update_filter(condition.clone())
                    .wait(true);
                completed(self.client.update_vectors(update.ordering(strong())).await?)
            }
            TextWrite::Remove => {
                let delete = DeletePointVectorsBuilder::new(&self.articles)
                    .points_selector(condition.clone())
                    .vectors(VectorsSelector { names: vec![TEXT_VECTOR.to_owned()] })
                    .ordering(strong())
                    .wait(true);
                completed(self.client.delete_vectors(delete).await?)
            }
        }
    }

    /// Marks an article's list as being computed, as number `sequence`, by the ranking
    /// of this name. Whether the mark is in force shows when the article is read again.
    pub async fn mark_dirty(&self, article_id: &str, sequence: u64, ranking: &str) -> Result<(), StoreError> {
        let id = payload::article_point(article_id);
        // A list of this number or a higher one exists: another owner is ahead.
        let condition = unless_newer(&id, key::SEQUENCE, sequence.saturating_sub(1));
        self.set_payload(&self.articles, payload::of_dirty_mark(sequence, ranking), Filter::must([condition]))
            .await
    }

    /// Writes an article's list and clears the dirty mark, in one operation.
    pub async fn write_rank(&self, article_id: &str, state: &RankState) -> Result<(), StoreError> {
        let id = payload::article_point(article_id);
        let condition = unless_newer(&id, key::SEQUENCE, state.sequence);
        self.set_payload(&self.articles, payload::of_rank(state), Filter::must([condition])).await
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
        completed(self.client.set_payload(set).await?)
    }
}

fn strong() -> WriteOrdering {
    WriteOrdering { r#type: WriteOrderingType::Strong.into() }
}

fn named(name: &str, embedding: &Embedding) -> Vectors {
    let vectors = HashMap::from([(name.to_owned(), Vector::new_dense(embedding.as_slice().to_vec()))]);
    NamedVectors { vectors }.into()
}

fn no_vectors() -> Vectors {
    NamedVectors { vectors: HashMap::new() }.into()
}

/// `Acknowledged` and `WaitTimeout` come back as success from the client.
fn completed(response: PointsOperationResponse) -> Result<(), StoreError> {
    let status = response.result.map(|result| result.status());
    match status {
        Some(UpdateStatus::Completed) => Ok(()),
        Some(other) => Err(StoreError::NotCompleted { status: other.as_str_name().to_owned() }),
        None => Err(StoreError::NotCompleted { status: "nothing".to_owned() }),
    }
}
