//! A server on a directory of its own, and short forms of requests.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use lookalike::embedded::qdrant::QdrantServer;
use qdrant_client::qdrant::{
    CreateCollectionBuilder, Distance, GetPointsBuilder, NamedVectors, PointId, PointStruct, RetrievedPoint,
    UpdateResult, UpdateStatus, UpsertPointsBuilder, Value, VectorParamsBuilder, VectorsConfigBuilder,
};
use qdrant_client::{Payload, Qdrant, QdrantError};
use tempfile::TempDir;
use tonic::{Code, Status};

pub(super) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
pub(super) const COLLECTION: &str = "articles";

pub(super) struct Fixture {
    pub(super) client: Qdrant,
    pub(super) server: QdrantServer,
    /// Last: removed after the server has let go of it.
    pub(super) directory: TempDir,
}

impl Fixture {
    /// Vectors `image` (4 dimensions, dot) and `text` (2 dimensions, cosine).
    pub(super) async fn start() -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let (server, client) = serve(directory.path()).await;
        let mut vectors = VectorsConfigBuilder::default();
        vectors.add_named_vector_params("image", VectorParamsBuilder::new(4, Distance::Dot));
        vectors.add_named_vector_params("text", VectorParamsBuilder::new(2, Distance::Cosine));
        let create = CreateCollectionBuilder::new(COLLECTION).vectors_config(vectors);
        client.create_collection(create).await.unwrap();
        Fixture { client, server, directory }
    }

    pub(super) async fn upsert(&self, points: Vec<PointStruct>) {
        let reply = self.client.upsert_points(UpsertPointsBuilder::new(COLLECTION, points).wait(true)).await;
        assert_completed(reply.unwrap().result);
    }

    pub(super) async fn get(&self, id: impl Into<PointId>) -> Option<RetrievedPoint> {
        get(&self.client, id).await
    }

    pub(super) async fn payload(&self, id: impl Into<PointId>) -> HashMap<String, Value> {
        self.get(id).await.expect("the point is stored").payload
    }
}

pub(super) async fn serve(directory: &Path) -> (QdrantServer, Qdrant) {
    let server = QdrantServer::start(directory, ANY_PORT).await.unwrap();
    let client = connect(&server.url()).await;
    (server, client)
}

/// With the client's version check, which blocks its thread until the server
/// has answered: the server must not need that thread.
pub(super) async fn connect(url: &str) -> Qdrant {
    let config = Qdrant::from_url(url).timeout(Duration::from_secs(30));
    tokio::task::spawn_blocking(|| config.build().unwrap()).await.unwrap()
}

pub(super) async fn get(client: &Qdrant, id: impl Into<PointId>) -> Option<RetrievedPoint> {
    let request = GetPointsBuilder::new(COLLECTION, vec![id.into()]).with_payload(true).with_vectors(true);
    client.get_points(request).await.unwrap().result.pop()
}

pub(super) fn point(id: impl Into<PointId>, vectors: &[(&str, &[f32])], payload: Payload) -> PointStruct {
    let vectors: HashMap<String, Vec<f32>> =
        vectors.iter().map(|(name, data)| ((*name).to_owned(), data.to_vec())).collect();
    let named =
        NamedVectors { vectors: vectors.into_iter().map(|(name, data)| (name, data.into())).collect() };
    PointStruct::new(id, named, payload)
}

pub(super) fn version(version: i64) -> Payload {
    Payload::from([("version", Value::from(version))])
}

pub(super) fn vector(point: &RetrievedPoint, name: &str) -> Option<Vec<f32>> {
    use qdrant_client::qdrant::vector_output::Vector;
    match point.vectors.as_ref()?.get_vector_by_name(name)? {
        Vector::Dense(dense) => Some(dense.data),
        other => panic!("expected a dense vector, got {other:?}"),
    }
}

pub(super) fn assert_completed(result: Option<UpdateResult>) {
    assert_eq!(result.expect("a result").status(), UpdateStatus::Completed);
}

pub(super) fn status<T: std::fmt::Debug>(result: Result<T, QdrantError>) -> Status {
    match result {
        Err(QdrantError::ResponseError { status }) => status,
        other => panic!("expected an error response, got {other:?}"),
    }
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, QdrantError>) -> Code {
    status(result).code()
}
