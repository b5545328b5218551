//! `qdrant.Points`: writes, reads and nearest-vector queries.

use std::time::Instant;

use ::qdrant_client::qdrant::points_server::Points;
use ::qdrant_client::qdrant::points_update_operation::{self as update, Operation};
use ::qdrant_client::qdrant::*;
use qdrant_edge::{CountRequest, ScrollRequest};
use tonic::{Request, Response, Status};

use super::super::collection::Collection;
use super::super::convert::{engine_status, filter, payload, point, query, schema};
use super::super::operation::refuse_shard_key;
use super::{Service, not_served, updated};

type Update = Result<Response<PointsOperationResponse>, Status>;

/// Qdrant's page size when a scroll states none.
const DEFAULT_SCROLL_LIMIT: u32 = 10;

#[tonic::async_trait]
impl Points for Service {
    async fn upsert(&self, request: Request<UpsertPoints>) -> Update {
        let UpsertPoints {
            collection_name,
            wait,
            points,
            shard_key_selector,
            update_filter,
            update_mode,
            ordering: _,
            timeout: _,
        } = request.into_inner();
        let list = update::PointStructList { points, shard_key_selector, update_filter, update_mode };
        self.write(&collection_name, Operation::Upsert(list), wait).await
    }

    async fn delete(&self, request: Request<DeletePoints>) -> Update {
        let DeletePoints { collection_name, wait, points, shard_key_selector, ordering: _, timeout: _ } =
            request.into_inner();
        let delete = update::DeletePoints { points, shard_key_selector };
        self.write(&collection_name, Operation::DeletePoints(delete), wait).await
    }

    async fn update_vectors(&self, request: Request<UpdatePointVectors>) -> Update {
        let UpdatePointVectors {
            collection_name,
            wait,
            points,
            shard_key_selector,
            update_filter,
            ordering: _,
            timeout: _,
        } = request.into_inner();
        let update = update::UpdateVectors { points, shard_key_selector, update_filter };
        self.write(&collection_name, Operation::UpdateVectors(update), wait).await
    }

    async fn delete_vectors(&self, request: Request<DeletePointVectors>) -> Update {
        let DeletePointVectors {
            collection_name,
            wait,
            points_selector,
            vectors,
            shard_key_selector,
            ordering: _,
            timeout: _,
        } = request.into_inner();
        let delete = update::DeleteVectors { points_selector, vectors, shard_key_selector };
        self.write(&collection_name, Operation::DeleteVectors(delete), wait).await
    }

    async fn set_payload(&self, request: Request<SetPayloadPoints>) -> Update {
        let SetPayloadPoints {
            collection_name,
            wait,
            payload,
            points_selector,
            shard_key_selector,
            key,
            ordering: _,
            timeout: _,
        } = request.into_inner();
        let set = update::SetPayload { payload, points_selector, shard_key_selector, key };
        self.write(&collection_name, Operation::SetPayload(set), wait).await
    }

    async fn overwrite_payload(&self, request: Request<SetPayloadPoints>) -> Update {
        let SetPayloadPoints {
            collection_name,
            wait,
            payload,
            points_selector,
            shard_key_selector,
            key,
            ordering: _,
            timeout: _,
        } = request.into_inner();
        let overwrite = update::OverwritePayload { payload, points_selector, shard_key_selector, key };
        self.write(&collection_name, Operation::OverwritePayload(overwrite), wait).await
    }

    async fn delete_payload(&self, request: Request<DeletePayloadPoints>) -> Update {
        let DeletePayloadPoints {
            collection_name,
            wait,
            keys,
            points_selector,
            shard_key_selector,
            ordering: _,
            timeout: _,
        } = request.into_inner();
        let delete = update::DeletePayload { keys, points_selector, shard_key_selector };
        self.write(&collection_name, Operation::DeletePayload(delete), wait).await
    }

    async fn clear_payload(&self, request: Request<ClearPayloadPoints>) -> Update {
        let ClearPayloadPoints { collection_name, wait, points, shard_key_selector, ordering: _, timeout: _ } =
            request.into_inner();
        let clear = update::ClearPayload { points, shard_key_selector };
        self.write(&collection_name, Operation::ClearPayload(clear), wait).await
    }

    async fn create_field_index(&self, request: Request<CreateFieldIndexCollection>) -> Update {
        let (start, request) = (Instant::now(), request.into_inner());
        let index = schema::create_index(&request)?;
        let created =
            self.update(&request.collection_name, move |collection| collection.create_index(index)).await?;
        Ok(updated(Some(created), start))
    }

    async fn update_batch(
        &self,
        request: Request<UpdateBatchPoints>,
    ) -> Result<Response<UpdateBatchResponse>, Status> {
        let start = Instant::now();
        let UpdateBatchPoints { collection_name, wait, operations, ordering: _, timeout: _ } =
            request.into_inner();
        let missing = || Status::invalid_argument("an operation of the batch is empty");
        let operations = operations
            .into_iter()
            .map(|one| one.operation.ok_or_else(missing))
            .collect::<Result<Vec<_>, _>>()?;
        let wait = wait.unwrap_or_default();
        let result =
            self.update(&collection_name, move |collection| collection.write(operations, wait)).await?;
        Ok(Response::new(UpdateBatchResponse { result, time: start.elapsed().as_secs_f64(), usage: None }))
    }

    async fn get(&self, request: Request<GetPoints>) -> Result<Response<GetResponse>, Status> {
        let start = Instant::now();
        let request = request.into_inner();
        refuse_shard_key(request.shard_key_selector.as_ref())?;
        let ids = request.ids.into_iter().map(point::id_to_engine).collect::<Result<Vec<_>, _>>()?;
        let with_payload = payload::selector(request.with_payload, false)?;
        let with_vector = point::with_vectors(request.with_vectors);
        let result = self
            .read(&request.collection_name, move |collection| {
                let records = collection.read(|shard| {
                    shard.retrieve(&ids, Some(with_payload), Some(with_vector)).map_err(engine_status)
                })?;
                records.into_iter().map(point::retrieved).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(Response::new(GetResponse { result, time: start.elapsed().as_secs_f64(), usage: None }))
    }

    async fn scroll(&self, request: Request<ScrollPoints>) -> Result<Response<ScrollResponse>, Status> {
        let start = Instant::now();
        let mut request = request.into_inner();
        let name = std::mem::take(&mut request.collection_name);
        let scroll = scroll_request(request)?;
        let (result, next) = self
            .read(&name, move |collection| {
                let (records, next) = collection.read(|shard| shard.scroll(scroll).map_err(engine_status))?;
                let points = records.into_iter().map(point::retrieved).collect::<Result<Vec<_>, _>>()?;
                Ok((points, next))
            })
            .await?;
        Ok(Response::new(ScrollResponse {
            next_page_offset: next.map(point::id_from_engine),
            result,
            time: start.elapsed().as_secs_f64(),
            usage: None,
        }))
    }

    async fn count(&self, request: Request<CountPoints>) -> Result<Response<CountResponse>, Status> {
        let start = Instant::now();
        let request = request.into_inner();
        refuse_shard_key(request.shard_key_selector.as_ref())?;
        // An exact count also answers a request for an estimate.
        let count = CountRequest { filter: filter::optional(request.filter)?, exact: true };
        let count = self
            .read(&request.collection_name, move |collection| {
                collection.read(|shard| shard.count(count).map_err(engine_status))
            })
            .await?;
        Ok(Response::new(CountResponse {
            result: Some(CountResult { count: count as u64 }),
            time: start.elapsed().as_secs_f64(),
            usage: None,
        }))
    }

    async fn query(&self, request: Request<QueryPoints>) -> Result<Response<QueryResponse>, Status> {
        let start = Instant::now();
        let request = request.into_inner();
        let name = request.collection_name.clone();
        let result = self.read(&name, move |collection| run_query(collection, request)).await?;
        Ok(Response::new(QueryResponse { result, time: start.elapsed().as_secs_f64(), usage: None }))
    }

    async fn query_batch(
        &self,
        request: Request<QueryBatchPoints>,
    ) -> Result<Response<QueryBatchResponse>, Status> {
        let start = Instant::now();
        let request = request.into_inner();
        let searches = request.query_points.into_iter().map(|query| {
            self.read(&request.collection_name, move |collection| {
                Ok(BatchResult { result: run_query(collection, query)? })
            })
        });
        let result = futures::future::try_join_all(searches).await?;
        Ok(Response::new(QueryBatchResponse { result, time: start.elapsed().as_secs_f64(), usage: None }))
    }

    not_served! {
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}

fn scroll_request(request: ScrollPoints) -> Result<ScrollRequest, Status> {
    refuse_shard_key(request.shard_key_selector.as_ref())?;
    if request.order_by.is_some() {
        return Err(Status::unimplemented("the embedded Qdrant server scrolls by id only"));
    }
    let limit = request.limit.unwrap_or(DEFAULT_SCROLL_LIMIT);
    if limit == 0 {
        return Err(Status::invalid_argument("limit: value 0 invalid, must be 1 or larger"));
    }
    Ok(ScrollRequest {
        offset: request.offset.map(point::id_to_engine).transpose()?,
        limit: Some(limit as usize),
        filter: filter::optional(request.filter)?,
        with_payload: Some(payload::selector(request.with_payload, true)?),
        with_vector: point::with_vectors(request.with_vectors),
        order_by: None,
    })
}

fn run_query(collection: &Collection, request: QueryPoints) -> Result<Vec<ScoredPoint>, Status> {
    let mut search = query::to_engine(request, collection.settings())?;
    let points = collection.read(|shard| {
        // The engine reserves room for `offset + limit` results; there are at most
        // as many as points.
        let points = shard.info().points_count.max(1);
        search.limit = search.limit.min(points);
        search.offset = search.offset.min(points);
        shard.search(search).map_err(engine_status)
    })?;
    points.into_iter().map(point::scored).collect()
}
