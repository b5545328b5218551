//! `qdrant.Collections`: create, get, list, exists, delete.

use std::sync::Arc;
use std::time::Instant;

use ::qdrant_client::qdrant::collections_server::Collections;
use ::qdrant_client::qdrant::*;
use tonic::{Request, Response, Status};

use super::super::collection::Collection;
use super::super::convert::schema;
use super::super::settings::CollectionSettings;
use super::{Service, not_served};

#[tonic::async_trait]
impl Collections for Service {
    async fn create(
        &self,
        request: Request<CreateCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        let start = Instant::now();
        let request = request.into_inner();
        let name = request.collection_name.clone();
        let settings = CollectionSettings::from_request(request)?;
        let registry = Arc::clone(&self.registry);
        self.threads.write(move || registry.create(&name, &settings)).await?;
        Ok(done(true, start))
    }

    async fn delete(
        &self,
        request: Request<DeleteCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        let start = Instant::now();
        let name = request.into_inner().collection_name;
        let registry = Arc::clone(&self.registry);
        let existed = self.threads.write(move || registry.delete(&name)).await?;
        Ok(done(existed, start))
    }

    async fn get(
        &self,
        request: Request<GetCollectionInfoRequest>,
    ) -> Result<Response<GetCollectionInfoResponse>, Status> {
        let start = Instant::now();
        let info = self.read(&request.into_inner().collection_name, collection_info).await?;
        Ok(Response::new(GetCollectionInfoResponse {
            result: Some(info),
            time: start.elapsed().as_secs_f64(),
        }))
    }

    async fn list(
        &self,
        _request: Request<ListCollectionsRequest>,
    ) -> Result<Response<ListCollectionsResponse>, Status> {
        let start = Instant::now();
        let names = self.registry.names()?.into_iter();
        Ok(Response::new(ListCollectionsResponse {
            collections: names.map(|name| CollectionDescription { name }).collect(),
            time: start.elapsed().as_secs_f64(),
        }))
    }

    async fn collection_exists(
        &self,
        request: Request<CollectionExistsRequest>,
    ) -> Result<Response<CollectionExistsResponse>, Status> {
        let start = Instant::now();
        let exists = self.registry.find(&request.into_inner().collection_name)?.is_some();
        Ok(Response::new(CollectionExistsResponse {
            result: Some(CollectionExists { exists }),
            time: start.elapsed().as_secs_f64(),
        }))
    }

    not_served! {
        update(UpdateCollection) -> CollectionOperationResponse;
        update_aliases(ChangeAliases) -> CollectionOperationResponse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest)
            -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}

fn done(result: bool, start: Instant) -> Response<CollectionOperationResponse> {
    Response::new(CollectionOperationResponse { result, time: start.elapsed().as_secs_f64() })
}

fn collection_info(collection: &Collection) -> Result<CollectionInfo, Status> {
    let shard = collection.read(|shard| Ok(shard.info()))?;
    let payload_schema = shard
        .payload_schema
        .iter()
        .map(|(path, info)| (path.to_string(), schema::index_info(info)))
        .collect();
    Ok(CollectionInfo {
        status: CollectionStatus::Green.into(),
        optimizer_status: Some(OptimizerStatus { ok: true, error: String::new() }),
        segments_count: shard.segments_count as u64,
        config: Some(collection.settings().report()),
        payload_schema,
        points_count: Some(shard.points_count as u64),
        indexed_vectors_count: Some(shard.indexed_vectors_count as u64),
        warnings: Vec::new(),
        update_queue: Some(UpdateQueueInfo { length: 0, deferred_points: None }),
        created_at: None,
    })
}
