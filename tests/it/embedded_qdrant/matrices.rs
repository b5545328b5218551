//! A matrix a point: written, read, searched by its best row, and there after a restart.

use std::collections::HashMap;

use qdrant_client::qdrant::vector_output::Vector as Found;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CreateCollectionBuilder, DeletePointVectorsBuilder, Distance, MultiVectorComparator,
    MultiVectorConfigBuilder, NamedVectors, PointId, PointStruct, PointVectors, PointsIdsList, Query,
    QueryPointsBuilder, UpdatePointVectorsBuilder, UpsertPointsBuilder, Vector, VectorInput,
    VectorParamsBuilder, VectorsConfigBuilder, VectorsSelector,
};
use qdrant_client::{Payload, Qdrant};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tonic::Code;

use super::support::{COLLECTION, assert_completed, get, serve, status};

const DIMENSIONS: usize = 8;
const POINTS: u64 = 60;

type Matrix = Vec<Vec<f32>>;

/// A matrix of one to four rows for each point.
fn matrices() -> Vec<Matrix> {
    let mut random = StdRng::seed_from_u64(5);
    let mut row = || (0..DIMENSIONS).map(|_| random.random_range(-1.0..1.0)).collect();
    (0..POINTS).map(|point| (0..=point % 4).map(|_| row()).collect()).collect()
}

async fn create(client: &Qdrant) {
    let closest = MultiVectorConfigBuilder::new(MultiVectorComparator::MaxSim);
    let params = VectorParamsBuilder::new(DIMENSIONS as u64, Distance::Cosine).multivector_config(closest);
    let mut vectors = VectorsConfigBuilder::default();
    vectors.add_named_vector_params("views", params);
    vectors.add_named_vector_params("text", VectorParamsBuilder::new(2, Distance::Cosine));
    client.create_collection(CreateCollectionBuilder::new(COLLECTION).vectors_config(vectors)).await.unwrap();
}

fn named(name: &str, vector: Vector) -> NamedVectors {
    NamedVectors { vectors: HashMap::from([(name.to_owned(), vector)]) }
}

async fn upsert(
    client: &Qdrant,
    id: u64,
    name: &str,
    vector: Vector,
) -> Result<(), qdrant_client::QdrantError> {
    let point = PointStruct::new(id, named(name, vector), Payload::new());
    let reply = client.upsert_points(UpsertPointsBuilder::new(COLLECTION, vec![point]).wait(true)).await?;
    assert_completed(reply.result);
    Ok(())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// All points by their best row, best first.
fn brute_force(stored: &[Matrix], query: &[f32]) -> Vec<(u64, f64)> {
    let best = |matrix: &Matrix| matrix.iter().map(|row| cosine(row, query)).fold(-2.0, f64::max);
    let mut scores: Vec<_> =
        stored.iter().enumerate().map(|(id, matrix)| (id as u64, best(matrix))).collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    scores
}

async fn search(client: &Qdrant, query: impl Into<Query>) -> Vec<(PointId, f32)> {
    let request = QueryPointsBuilder::new(COLLECTION).query(query).using("views").limit(POINTS);
    let found = client.query(request).await.unwrap().result;
    found.into_iter().map(|point| (point.id.unwrap(), point.score)).collect()
}

/// The rows of a point's matrix.
async fn rows(client: &Qdrant, id: u64) -> Option<Matrix> {
    match get(client, id).await?.vectors?.get_vector_by_name("views")? {
        Found::MultiDense(matrix) => Some(matrix.vectors.into_iter().map(|row| row.data).collect()),
        other => panic!("expected a matrix, got {other:?}"),
    }
}

async fn assert_as_written(client: &Qdrant, stored: &[Matrix]) {
    for (id, matrix) in stored.iter().enumerate() {
        let found = rows(client, id as u64).await.unwrap();
        assert_eq!(found.len(), matrix.len());
        for (found, written) in found.iter().zip(matrix) {
            // Rows come back with unit length.
            assert!((cosine(found, found) - 1.0).abs() < 1e-6 && cosine(found, written) > 1.0 - 1e-6);
        }
    }
    let mut random = StdRng::seed_from_u64(6);
    for _ in 0..5 {
        let query: Vec<f32> = (0..DIMENSIONS).map(|_| random.random_range(-1.0..1.0)).collect();
        let expected = brute_force(stored, &query);
        let as_matrix = Query::new_nearest(VectorInput::new_multi(vec![query.clone()]));
        for found in [search(client, query.clone()).await, search(client, as_matrix).await] {
            assert!(found.iter().map(|(id, _)| id.clone()).eq(expected.iter().map(|(id, _)| (*id).into())));
            let same = |(found, expected): (&(PointId, f32), &(u64, f64))| {
                (f64::from(found.1) - expected.1).abs() < 1e-5
            };
            assert!(found.iter().zip(&expected).all(same), "{found:?}, expected {expected:?}");
        }
    }
}

#[tokio::test]
async fn the_best_row_counts_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = serve(directory.path()).await;
    create(&client).await;
    let mut stored = matrices();
    for (id, matrix) in stored.iter().enumerate() {
        upsert(&client, id as u64, "views", Vector::new_multi(matrix.clone())).await.unwrap();
    }
    assert_as_written(&client, &stored).await;

    // More rows than before, and fewer.
    stored.swap(0, 3);
    let changed = [0, 3].map(|id: u64| PointVectors {
        id: Some(id.into()),
        vectors: Some(named("views", Vector::new_multi(stored[id as usize].clone())).into()),
    });
    let update = UpdatePointVectorsBuilder::new(COLLECTION, changed.to_vec()).wait(true);
    assert_completed(client.update_vectors(update).await.unwrap().result);
    assert_as_written(&client, &stored).await;
    let delete = DeletePointVectorsBuilder::new(COLLECTION)
        .points_selector(PointsIdsList::from([POINTS - 1]))
        .vectors(VectorsSelector { names: vec!["views".to_owned()] })
        .wait(true);
    assert_completed(client.delete_vectors(delete).await.unwrap().result);
    stored.pop();
    assert_eq!(rows(&client, POINTS - 1).await, None);
    assert_as_written(&client, &stored).await;
    server.shutdown().await.unwrap();

    let (_server, client) = serve(directory.path()).await;
    assert_as_written(&client, &stored).await;
    let info = client.collection_info(COLLECTION).await.unwrap().result.unwrap();
    let Some(Config::ParamsMap(map)) = info.config.unwrap().params.unwrap().vectors_config.unwrap().config
    else {
        panic!("expected named vectors")
    };
    assert_eq!(map.map["views"].multivector_config.unwrap().comparator(), MultiVectorComparator::MaxSim);
    assert_eq!(map.map["text"].multivector_config, None);
}

#[tokio::test]
async fn what_fits_no_matrix_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, client) = serve(directory.path()).await;
    create(&client).await;
    let row = || vec![1.0; DIMENSIONS];
    for (name, vector, words) in [
        ("views", Vector::new_multi(vec![row(), vec![1.0; 3]]), "expected dim: 8, got 3"),
        ("views", Vector::new_multi(Vec::<Vec<f32>>::new()), "must not be empty"),
        ("text", Vector::new_multi(vec![vec![1.0, 0.0]]), "multi"),
    ] {
        let refused = status(upsert(&client, 1, name, vector).await);
        assert_eq!(refused.code(), Code::InvalidArgument, "{words}");
        assert!(refused.message().to_lowercase().contains(words), "{words}: {}", refused.message());
    }
    assert!(get(&client, 1).await.is_none());
    // A single vector is a matrix of one row.
    upsert(&client, 1, "views", Vector::new_dense(row())).await.unwrap();
    assert_eq!(rows(&client, 1).await.unwrap().len(), 1);
    let short = QueryPointsBuilder::new(COLLECTION).query(vec![1.0; 3]).using("views");
    assert_eq!(status(client.query(short).await).code(), Code::InvalidArgument);
}
