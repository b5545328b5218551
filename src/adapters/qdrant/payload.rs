//! Point ids, and payloads as domain values.
//!
//! Guarantee: one article has one point id and one image has one point id, whatever
//! process computes them.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::{PointId, RetrievedPoint, Value, VectorOutput, vector_output, vectors_output};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::StoreError;
use crate::domain::article::{ArticleFacts, StoredImage};
use crate::ports::{FactsMark, FactsWrite};

/// Namespace of all point ids. Fixed for ever: another one orphans every point.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6f6b_616c_496b_a5e1_0b1e_c7a1_0901);

/// Payload keys: of images, of articles, of their lists' state and of their lists' entries,
/// which are points of their own.
pub(super) mod key {
    pub(in super::super) const ARTICLE_ID: &str = "article_id";
    pub(in super::super) const VERSION: &str = "version";
    pub(in super::super) const DELETED: &str = "deleted";
    pub(in super::super) const CATEGORIES: &str = "categories";
    pub(in super::super) const GROUP: &str = "group";
    /// SHA-256 of an image's file; null for a tombstone.
    pub(in super::super) const CONTENT_HASH: &str = "content_hash";
    /// Version of the filter fields on an image.
    pub(in super::super) const FIELDS_VERSION: &str = "fields_version";
    pub(in super::super) const IMAGE_COUNT: &str = "image_count";
    pub(in super::super) const EMBEDDED_TEXT: &str = "embedded_text";
    pub(in super::super) const TEXT_VERSION: &str = "text_version";
    pub(in super::super) const DELETED_VERSION: &str = "deleted_version";
    pub(in super::super) const FACTS_SEQUENCE: &str = "facts_sequence";
    /// Revision that the writer of that number is about to write; that of the content
    /// once it is written.
    pub(in super::super) const FACTS_CLAIM: &str = "facts_claim";
    /// Revision: names the whole article's content.
    pub(in super::super) const CONTENT: &str = "content";
    /// Highest version that changed anything of the article.
    pub(in super::super) const REVISION: &str = "revision";
    pub(in super::super) const ATTRIBUTES: &str = "attributes";

    /// Number of the last write of the ranking state; of entries, of the write they belong to.
    pub(in super::super) const WRITES: &str = "writes";
    pub(in super::super) const SEQUENCE: &str = "sequence";
    pub(in super::super) const RANKING: &str = "ranking";
    pub(in super::super) const DIRTY: &str = "dirty";
    pub(in super::super) const SEARCHING: &str = "searching";
    pub(in super::super) const LIST_IDS: &str = "list_ids";
    pub(in super::super) const TAU: &str = "tau";
    pub(in super::super) const HORIZON_ID: &str = "horizon_id";
    pub(in super::super) const LIST_REVISION: &str = "list_revision";
    /// Number of the write that stored the list.
    pub(in super::super) const LIST_WRITES: &str = "list_writes";
    pub(in super::super) const ENTRIES: &str = "entries";
    pub(in super::super) const PUBLISHED: &str = "published";
    pub(in super::super) const PUBLISHED_VERSION: &str = "published_version";
    pub(in super::super) const PUBLISHED_PARTITION: &str = "published_partition";
    pub(in super::super) const PUBLISHED_OFFSET: &str = "published_offset";
}

pub(super) fn article_point(article_id: &str) -> PointId {
    Uuid::new_v5(&NAMESPACE, article_id.as_bytes()).to_string().into()
}

/// Where an article's ranking state is.
pub(super) fn list_point(article_id: &str) -> PointId {
    Uuid::new_v5(&NAMESPACE, format!("{article_id}\0").as_bytes()).to_string().into()
}

/// Where the entries of an article's list are.
pub(super) fn entries_point(article_id: &str) -> PointId {
    Uuid::new_v5(&NAMESPACE, format!("{article_id}\0\0").as_bytes()).to_string().into()
}

/// Ids have no control characters, so the separator cannot occur in one.
pub(super) fn image_point(article_id: &str, image_id: &str) -> PointId {
    Uuid::new_v5(&NAMESPACE, format!("{article_id}\0{image_id}").as_bytes()).to_string().into()
}

/// Payload of an image point; categories and group serve filtered searches.
pub(super) fn of_image(article_id: &str, image: &StoredImage, facts: &ArticleFacts) -> Payload {
    let mut payload = object(serde_json::to_value(image));
    payload.insert(key::ARTICLE_ID.to_owned(), json!(article_id));
    payload.extend(filter_fields(facts));
    Payload::from(payload)
}

/// The fields by which searches are restricted.
pub(super) fn filter_fields(facts: &ArticleFacts) -> Map<String, Json> {
    let mut fields = Map::new();
    fields.insert(key::CATEGORIES.to_owned(), json!(facts.fields.categories));
    fields.insert(key::GROUP.to_owned(), json!(facts.fields.group));
    fields.insert(key::FIELDS_VERSION.to_owned(), json!(facts.fields_version()));
    fields
}

/// What indexing writes of an article. Attributes are kept as JSON text: they may be
/// nested more deeply than a gRPC message.
pub(super) fn of_facts(write: &FactsWrite<'_>) -> Payload {
    let mut payload = object(serde_json::to_value(write.facts));
    payload.insert(key::ARTICLE_ID.to_owned(), json!(write.article_id));
    payload.insert(key::REVISION.to_owned(), json!(write.version));
    payload.insert(key::FACTS_SEQUENCE.to_owned(), json!(write.mark.sequence));
    payload.insert(key::CONTENT.to_owned(), json!(hexadecimal(write.mark.revision.0)));
    payload.insert(key::FACTS_CLAIM.to_owned(), json!(hexadecimal(write.mark.revision.0)));
    let attributes = json!(write.facts.fields.attributes).to_string();
    payload.insert(key::ATTRIBUTES.to_owned(), Json::String(attributes));
    Payload::from(payload)
}

/// What takes the number of a write of facts before its parts are written.
pub(super) fn of_facts_claim(mark: &FactsMark) -> Payload {
    let claim = json!({
        key::FACTS_SEQUENCE: mark.sequence,
        key::FACTS_CLAIM: hexadecimal(mark.revision.0),
    });
    Payload::from(object(Ok(claim)))
}

pub(super) fn hexadecimal(number: u64) -> String {
    format!("{number:016x}")
}

pub(super) fn object(value: serde_json::Result<Json>) -> Map<String, Json> {
    match value {
        Ok(Json::Object(map)) => map,
        // Domain structs have string keys and finite numbers.
        _ => unreachable!("a domain struct is a JSON object"),
    }
}

pub(super) fn image_of(collection: &str, payload: HashMap<String, Value>) -> Result<StoredImage, StoreError> {
    read(collection, payload)
}

pub(super) fn facts_of(
    collection: &str,
    mut payload: HashMap<String, Value>,
) -> Result<ArticleFacts, StoreError> {
    let attributes = payload.remove(key::ATTRIBUTES);
    let mut facts: ArticleFacts = read(collection, payload)?;
    if let Some(text) = attributes.as_ref().and_then(|attributes| attributes.as_str()) {
        facts.fields.attributes =
            serde_json::from_str(text).map_err(|error| corrupt_json(collection, &error))?;
    }
    Ok(facts)
}

pub(super) fn read<T: DeserializeOwned>(
    collection: &str,
    payload: HashMap<String, Value>,
) -> Result<T, StoreError> {
    let object: Map<String, Json> =
        payload.into_iter().map(|(key, value)| (key, Json::from(value))).collect();
    serde_json::from_value(Json::Object(object)).map_err(|error| corrupt_json(collection, &error))
}

pub(super) fn corrupt_json(collection: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt { collection: collection.to_owned(), reason: error.to_string() }
}

/// Whose point it is.
pub(super) fn article_id(collection: &str, payload: &HashMap<String, Value>) -> Result<String, StoreError> {
    text(payload, key::ARTICLE_ID).ok_or_else(|| StoreError::Corrupt {
        collection: collection.to_owned(),
        reason: "no article_id".to_owned(),
    })
}

/// A text payload field.
pub(super) fn text(payload: &HashMap<String, Value>, key: &str) -> Option<String> {
    payload.get(key)?.as_str().cloned()
}

/// The vectors of a name, if the point has any: one, or the rows of a matrix.
pub(super) fn vectors(point: &RetrievedPoint, name: &str) -> Option<Vec<Vec<f32>>> {
    match point.vectors.as_ref()?.vectors_options.as_ref()? {
        vectors_output::VectorsOptions::Vector(output) => rows(output),
        vectors_output::VectorsOptions::Vectors(named) => rows(named.vectors.get(name)?),
    }
}

fn rows(output: &VectorOutput) -> Option<Vec<Vec<f32>>> {
    match output.clone().into_vector() {
        vector_output::Vector::Dense(dense) => Some(vec![dense.data]),
        vector_output::Vector::MultiDense(matrix) => {
            Some(matrix.vectors.into_iter().map(|row| row.data).collect())
        }
        vector_output::Vector::Sparse(_) => None,
    }
}
