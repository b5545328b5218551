//! Nearest-vector queries against brute force.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::{
    Condition, CreateCollectionBuilder, Distance, Filter, PointId, PointStruct, Query,
    QueryBatchPointsBuilder, QueryPoints, QueryPointsBuilder, Range, SearchParamsBuilder,
    UpsertPointsBuilder, Value, VectorParamsBuilder, VectorsSelector, vectors_output::VectorsOptions,
    with_vectors_selector::SelectorOptions,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tonic::Code;

use super::support::{COLLECTION, Fixture, assert_completed, code, point, status, version};

const POINTS: usize = 500;
const DIMENSIONS: usize = 16;

fn vectors(seed: u64, count: usize) -> Vec<Vec<f32>> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count).map(|_| (0..DIMENSIONS).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
}

/// Higher is nearer, except for the two distances.
fn score(distance: Distance, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(x, y)| (f64::from(*x), f64::from(*y)));
    let dot: f64 = pairs().map(|(x, y)| x * y).sum();
    let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    match distance {
        Distance::Cosine => dot / (norm(a) * norm(b)),
        Distance::Euclid => pairs().map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt(),
        Distance::Manhattan => pairs().map(|(x, y)| (x - y).abs()).sum(),
        _ => dot,
    }
}

fn brute_force(distance: Distance, stored: &[Vec<f32>], query: &[f32]) -> Vec<(u64, f64)> {
    let mut scores: Vec<_> =
        stored.iter().enumerate().map(|(id, vector)| (id as u64, score(distance, vector, query))).collect();
    let nearer_is_lower = matches!(distance, Distance::Euclid | Distance::Manhattan);
    scores.sort_by(|a, b| if nearer_is_lower { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) });
    scores
}

fn hits(points: Vec<qdrant_client::qdrant::ScoredPoint>) -> Vec<(PointId, f32)> {
    points.into_iter().map(|point| (point.id.unwrap(), point.score)).collect()
}

fn assert_hits(got: &[(PointId, f32)], expected: &[(u64, f64)]) {
    let ids: Vec<PointId> = expected.iter().map(|(id, _)| (*id).into()).collect();
    assert_eq!(got.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
    for ((_, got), (_, expected)) in got.iter().zip(expected) {
        assert!((f64::from(*got) - expected).abs() < 1e-5, "{got} is not {expected}");
    }
}

#[tokio::test]
async fn every_distance_orders_as_brute_force_does() {
    let fixture = Fixture::start().await;
    let stored = vectors(1, POINTS);
    for distance in [Distance::Cosine, Distance::Dot, Distance::Euclid, Distance::Manhattan] {
        let name = distance.as_str_name();
        let params = VectorParamsBuilder::new(DIMENSIONS as u64, distance);
        fixture
            .client
            .create_collection(CreateCollectionBuilder::new(name).vectors_config(params))
            .await
            .unwrap();
        let points = stored
            .iter()
            .enumerate()
            .map(|(id, vector)| PointStruct::new(id as u64, vector.clone(), Payload::new()))
            .collect::<Vec<_>>();
        let reply = fixture.client.upsert_points(UpsertPointsBuilder::new(name, points).wait(true)).await;
        assert_completed(reply.unwrap().result);

        for query in vectors(2, 5) {
            let expected = brute_force(distance, &stored, &query);
            let request = || QueryPointsBuilder::new(name).query(query.clone()).limit(20);
            let approximate = fixture.client.query(request()).await.unwrap();
            assert_hits(&hits(approximate.result), &expected[..20]);
            let exact = request().params(SearchParamsBuilder::default().exact(true)).offset(15);
            assert_hits(&hits(fixture.client.query(exact).await.unwrap().result), &expected[15..35]);
            // Between the 7th and the 8th score.
            let threshold = f64::midpoint(expected[6].1, expected[7].1) as f32;
            let near = fixture.client.query(request().score_threshold(threshold)).await.unwrap();
            assert_hits(&hits(near.result), &expected[..7]);
        }
        let all = QueryPointsBuilder::new(name).query(vec![1.0; DIMENSIONS]).limit(u64::MAX).offset(1);
        assert_eq!(fixture.client.query(all).await.unwrap().result.len(), POINTS - 1);
    }
}

#[tokio::test]
async fn a_query_honours_vector_filter_and_selectors() {
    let fixture = Fixture::start().await;
    let payload = |group: &str, rank: i64| {
        Payload::from([
            ("group", Value::from(group)),
            ("rank", Value::from(rank)),
            ("noise", Value::from(0.5)),
        ])
    };
    fixture
        .upsert(vec![
            point(1, &[("image", &[4.0, 0.0, 0.0, 0.0]), ("text", &[0.0, 1.0])], payload("shoe", 1)),
            point(2, &[("image", &[3.0, 0.0, 0.0, 0.0])], payload("shoe", 2)),
            point(3, &[("image", &[2.0, 0.0, 0.0, 0.0]), ("text", &[1.0, 0.0])], payload("hat", 3)),
            point(4, &[], payload("shoe", 4)),
        ])
        .await;
    let image = || QueryPointsBuilder::new(COLLECTION).query(vec![1.0, 0.0, 0.0, 0.0]).using("image");
    let ids = async |request: QueryPointsBuilder| {
        let points = fixture.client.query(request).await.unwrap().result;
        points.into_iter().map(|point| point.id.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(image()).await, [1.into(), 2.into(), 3.into()]);
    let shoes = Filter::must([Condition::matches("group", "shoe".to_owned())]);
    assert_eq!(ids(image().filter(shoes.clone())).await, [1.into(), 2.into()]);
    let low = Range { lt: Some(3.0), gt: Some(1.0), ..Range::default() };
    assert_eq!(ids(image().filter(Filter::must([Condition::range("rank", low)]))).await, [2.into()]);
    let except = Filter::must_not([Condition::has_id([1]), Condition::from(shoes)]);
    assert_eq!(ids(image().filter(except)).await, [3.into()]);
    let with_text = Filter::must([Condition::has_vector("text")]);
    assert_eq!(ids(image().filter(with_text)).await, [1.into(), 3.into()]);
    let text = QueryPointsBuilder::new(COLLECTION).query(vec![1.0, 0.1]).using("text");
    assert_eq!(ids(text).await, [3.into(), 1.into()]);

    let selected = image()
        .limit(1)
        .with_payload(qdrant_client::qdrant::PayloadIncludeSelector { fields: vec!["rank".to_owned()] })
        .with_vectors(SelectorOptions::Include(VectorsSelector { names: vec!["text".to_owned()] }));
    let best = fixture.client.query(selected).await.unwrap().result.remove(0);
    assert_eq!(best.payload, HashMap::from([("rank".to_owned(), Value::from(1_i64))]));
    let Some(VectorsOptions::Vectors(named)) = best.vectors.unwrap().vectors_options else {
        panic!("expected named vectors")
    };
    assert_eq!(named.vectors.into_keys().collect::<Vec<_>>(), ["text"]);
}

#[tokio::test]
async fn a_batch_answers_each_query_in_its_place() {
    let fixture = Fixture::start().await;
    let points = (0..4_u64).map(|id| {
        let mut vector = [0.0; 4];
        vector[id as usize] = 1.0;
        point(id, &[("image", &vector)], version(1))
    });
    fixture.upsert(points.collect()).await;
    let queries: Vec<QueryPoints> = [2_usize, 0, 3]
        .iter()
        .map(|axis| {
            let mut vector = vec![0.0; 4];
            vector[*axis] = 1.0;
            QueryPointsBuilder::new(COLLECTION).query(vector).using("image").limit(1).build()
        })
        .collect();
    let reply = fixture.client.query_batch(QueryBatchPointsBuilder::new(COLLECTION, queries)).await.unwrap();
    let best: Vec<PointId> =
        reply.result.into_iter().map(|mut one| one.result.remove(0).id.unwrap()).collect();
    assert_eq!(best, [2.into(), 0.into(), 3.into()]);
}

#[tokio::test]
async fn a_wrong_query_is_refused() {
    let fixture = Fixture::start().await;
    let query = |vector: Vec<f32>| QueryPointsBuilder::new(COLLECTION).query(vector);
    let short = status(fixture.client.query(query(vec![1.0; 3]).using("image")).await);
    assert_eq!(short.code(), Code::InvalidArgument);
    assert!(short.message().contains("expected dim: 4, got 3"), "{}", short.message());
    assert_eq!(code(fixture.client.query(query(vec![1.0; 4])).await), Code::InvalidArgument);
    let text = Filter::must([Condition::matches_text("title", "red")]);
    let unsupported = query(vec![1.0; 4]).using("image").filter(text);
    assert_eq!(code(fixture.client.query(unsupported).await), Code::InvalidArgument);
    let sample =
        QueryPointsBuilder::new(COLLECTION).query(Query::new_sample(qdrant_client::qdrant::Sample::Random));
    assert_eq!(code(fixture.client.query(sample).await), Code::Unimplemented);
}
