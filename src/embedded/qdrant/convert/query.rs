//! Nearest-vector queries.

use qdrant_client::qdrant::{Query, QueryPoints, SearchParams as ProtoParams, query, vector_input};
use qdrant_edge::{NamedQuery, QueryEnum, SearchParams, SearchRequest, VectorInternal, VectorPersisted};
use tonic::Status;

use super::super::settings::CollectionSettings;
use super::{filter, payload, point};

/// Qdrant's page size when a query states none.
const DEFAULT_LIMIT: u64 = 10;

pub(in super::super) fn to_engine(
    request: QueryPoints,
    settings: &CollectionSettings,
) -> Result<SearchRequest, Status> {
    if !request.prefetch.is_empty() {
        return Err(not_served("prefetch"));
    }
    if request.lookup_from.is_some() {
        return Err(not_served("lookup_from"));
    }
    if request.shard_key_selector.is_some() {
        return Err(not_served("shard_key_selector"));
    }
    let using = request.using.unwrap_or_default();
    let vector = nearest(request.query)?;
    settings.check_vector(&using, &vector)?;
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 {
        return Err(Status::invalid_argument("limit: value 0 invalid, must be 1 or larger"));
    }
    Ok(SearchRequest {
        query: QueryEnum::Nearest(NamedQuery::new(VectorInternal::from(vector), using)),
        filter: filter::optional(request.filter)?,
        params: request.params.map(params).transpose()?,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        offset: usize::try_from(request.offset.unwrap_or_default()).unwrap_or(usize::MAX),
        with_payload: Some(payload::selector(request.with_payload, false)?),
        with_vector: Some(point::with_vectors(request.with_vectors)),
        score_threshold: request.score_threshold,
    })
}

fn nearest(query: Option<Query>) -> Result<VectorPersisted, Status> {
    let Some(query::Variant::Nearest(input)) = query.and_then(|query| query.variant) else {
        return Err(not_served("query other than nearest"));
    };
    match input.variant {
        Some(vector_input::Variant::Dense(dense)) => Ok(VectorPersisted::Dense(dense.data)),
        Some(vector_input::Variant::MultiDense(matrix)) => {
            Ok(VectorPersisted::MultiDense(point::rows(matrix)))
        }
        Some(vector_input::Variant::Id(_)) => Err(not_served("query by point id")),
        Some(_) | None => Err(point::not_dense()),
    }
}

/// Every search is exact, so the tuning of approximate search changes nothing.
fn params(params: ProtoParams) -> Result<SearchParams, Status> {
    if params.idf.is_some() {
        return Err(not_served("idf parameter"));
    }
    Ok(SearchParams {
        hnsw_ef: params.hnsw_ef.and_then(|beam| usize::try_from(beam).ok()),
        exact: params.exact.unwrap_or_default(),
        quantization: None,
        // There is no index: "indexed only" would hide every point.
        indexed_only: false,
        acorn: None,
    })
}

fn not_served(what: &str) -> Status {
    Status::unimplemented(format!("the embedded Qdrant server serves no {what}"))
}
