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
use crate::domain::event::Version;
use crate::domain::list::{NeighbourList, RankState};

/// Namespace of all point ids. Fixed for ever: another one orphans every point.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6f6b_616c_496b_a5e1_0b1e_c7a1_0901);

/// Payload keys that ranking writes; all others belong to indexing.
pub(super) mod key {
    pub(in super::super) const ARTICLE_ID: &str = "article_id";
    pub(in super::super) const VERSION: &str = "version";
    pub(in super::super) const DELETED: &str = "deleted";
    pub(in super::super) const CATEGORIES: &str = "categories";
    pub(in super::super) const GROUP: &str = "group";
    pub(in super::super) const IMAGE_COUNT: &str = "image_count";
    pub(in super::super) const LIST: &str = "list";
    pub(in super::super) const LIST_IDS: &str = "list_ids";
    pub(in super::super) const TAU: &str = "tau";
    pub(in super::super) const SEQUENCE: &str = "sequence";
    pub(in super::super) const DIRTY: &str = "dirty";
    pub(in super::super) const RANKING: &str = "ranking";
    pub(in super::super) const REVISION: &str = "revision";
    pub(in super::super) const ATTRIBUTES: &str = "attributes";
}

pub(super) fn article_point(article_id: &str) -> PointId {
    Uuid::new_v5(&NAMESPACE, article_id.as_bytes()).to_string().into()
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
    fields
}

/// What indexing writes of an article. Attributes are kept as JSON text: they may be
/// nested more deeply than a gRPC message.
pub(super) fn of_facts(article_id: &str, facts: &ArticleFacts, revision: Version) -> Payload {
    let mut payload = object(serde_json::to_value(facts));
    payload.insert(key::ARTICLE_ID.to_owned(), json!(article_id));
    payload.insert(key::REVISION.to_owned(), json!(revision));
    let attributes = json!(facts.fields.attributes).to_string();
    payload.insert(key::ATTRIBUTES.to_owned(), Json::String(attributes));
    Payload::from(payload)
}

/// What ranking writes of an article.
pub(super) fn of_rank(state: &RankState) -> Payload {
    let ids: Vec<&str> = state
        .list
        .iter()
        .flat_map(|list| &list.neighbours)
        .map(|neighbour| neighbour.article_id.as_str())
        .collect();
    Payload::from(object(Ok(json!({
        key::SEQUENCE: state.sequence,
        key::DIRTY: state.dirty,
        key::RANKING: state.ranking,
        key::TAU: state.tau,
        key::LIST: state.list,
        key::LIST_IDS: ids,
    }))))
}

pub(super) fn of_dirty_mark(sequence: u64, ranking: &str) -> Payload {
    let mark = json!({ key::SEQUENCE: sequence, key::DIRTY: true, key::RANKING: ranking });
    Payload::from(object(Ok(mark)))
}

fn object(value: serde_json::Result<Json>) -> Map<String, Json> {
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
        facts.fields.attributes = serde_json::from_str(text).map_err(|error| corrupt(collection, &error))?;
    }
    Ok(facts)
}

/// The ranking state; keys that were not asked for read as never ranked.
pub(super) fn rank_of(collection: &str, payload: &HashMap<String, Value>) -> Result<RankState, StoreError> {
    #[derive(serde::Deserialize)]
    struct Stored {
        #[serde(default)]
        sequence: u64,
        #[serde(default)]
        dirty: bool,
        #[serde(default)]
        ranking: Option<String>,
        #[serde(default)]
        tau: Option<f64>,
        #[serde(default)]
        list: Option<NeighbourList>,
    }
    let Stored { sequence, dirty, ranking, tau, list } = read(collection, payload.clone())?;
    Ok(RankState { sequence, dirty, ranking, tau, list })
}

fn read<T: DeserializeOwned>(collection: &str, payload: HashMap<String, Value>) -> Result<T, StoreError> {
    let object: Map<String, Json> =
        payload.into_iter().map(|(key, value)| (key, Json::from(value))).collect();
    serde_json::from_value(Json::Object(object)).map_err(|error| corrupt(collection, &error))
}

fn corrupt(collection: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt { collection: collection.to_owned(), reason: error.to_string() }
}

/// A text payload field.
pub(super) fn text(payload: &HashMap<String, Value>, key: &str) -> Option<String> {
    payload.get(key)?.as_str().cloned()
}

/// The dense vector of a name, if the point has it.
pub(super) fn vector(point: &RetrievedPoint, name: &str) -> Option<Vec<f32>> {
    match point.vectors.as_ref()?.vectors_options.as_ref()? {
        vectors_output::VectorsOptions::Vector(output) => dense(output),
        vectors_output::VectorsOptions::Vectors(named) => dense(named.vectors.get(name)?),
    }
}

fn dense(output: &VectorOutput) -> Option<Vec<f32>> {
    match output.clone().into_vector() {
        vector_output::Vector::Dense(dense) => Some(dense.data),
        vector_output::Vector::Sparse(_) | vector_output::Vector::MultiDense(_) => None,
    }
}
