//! Writing and reading points.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::{
    Condition, CountPointsBuilder, DeletePayloadPointsBuilder, DeletePointVectorsBuilder,
    DeletePointsBuilder, Filter, ListValue, PointStruct, PointVectors, PointsIdsList, ScrollPointsBuilder,
    SetPayloadPointsBuilder, Struct, UpdatePointVectorsBuilder, UpdateStatus, UpsertPointsBuilder, Value,
    VectorsSelector, value::Kind,
};
use tonic::Code;

use super::support::{COLLECTION, Fixture, assert_completed, code, point, status, vector, version};

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

#[tokio::test]
async fn payloads_and_ids_come_back_exactly() {
    let fixture = Fixture::start().await;
    let nested = HashMap::from([
        ("empty".to_owned(), value(Kind::ListValue(ListValue::default()))),
        ("null".to_owned(), value(Kind::NullValue(0))),
    ]);
    let payload = HashMap::from([
        ("largest".to_owned(), Value::from(i64::MAX)),
        ("smallest".to_owned(), Value::from(i64::MIN)),
        ("whole_double".to_owned(), Value::from(1.0)),
        ("tenth".to_owned(), Value::from(0.1)),
        ("tiny".to_owned(), Value::from(f64::MIN_POSITIVE)),
        ("large_double".to_owned(), Value::from(1.797_693_134_862_315_7e308)),
        ("text".to_owned(), Value::from("Überraschung \u{1F600} \"\\")),
        ("flag".to_owned(), Value::from(true)),
        (
            "list".to_owned(),
            value(Kind::ListValue(ListValue {
                values: vec![Value::from(1_i64), value(Kind::StructValue(Struct { fields: nested }))],
            })),
        ),
    ]);
    let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let payload = Payload::from(payload);
    fixture.upsert(vec![point(u64::MAX, &[], payload.clone()), point(uuid, &[], payload.clone())]).await;
    assert_eq!(fixture.payload(u64::MAX).await, HashMap::from(payload.clone()));
    assert_eq!(fixture.payload(uuid).await, HashMap::from(payload));
    assert_eq!(fixture.get(uuid).await.unwrap().id, Some(uuid.into()));
}

#[tokio::test]
async fn points_hold_any_of_the_vectors_and_an_upsert_replaces_all() {
    let fixture = Fixture::start().await;
    let image: &[f32] = &[1.5, -2.0, 0.25, 4.0];
    fixture
        .upsert(vec![
            point(1, &[("image", image), ("text", &[3.0, 4.0])], version(1)),
            point(2, &[("image", image)], version(1)),
            point(3, &[], version(1)),
        ])
        .await;
    let both = fixture.get(1).await.unwrap();
    assert_eq!(vector(&both, "image").unwrap(), image);
    let text = vector(&both, "text").unwrap();
    assert!(
        (text[0] - 0.6).abs() < 1e-6 && (text[1] - 0.8).abs() < 1e-6,
        "cosine vectors are unit: {text:?}"
    );
    assert_eq!(vector(&fixture.get(2).await.unwrap(), "text"), None);
    assert_eq!(vector(&fixture.get(3).await.unwrap(), "image"), None);

    // A tombstone takes vectors and payload away.
    fixture.upsert(vec![point(1, &[], Payload::from([("deleted", Value::from(true))]))]).await;
    let tombstone = fixture.get(1).await.unwrap();
    assert_eq!(vector(&tombstone, "image"), None);
    assert_eq!(vector(&tombstone, "text"), None);
    assert_eq!(tombstone.payload, HashMap::from([("deleted".to_owned(), Value::from(true))]));
}

#[tokio::test]
async fn vectors_are_updated_and_removed_one_by_one() {
    let fixture = Fixture::start().await;
    let image: &[f32] = &[1.0, 2.0, 3.0, 4.0];
    fixture.upsert(vec![point(1, &[("image", image)], version(7))]).await;
    let update = |id: u64| {
        let vectors = HashMap::from([("text".to_owned(), vec![0.0, 2.0])]);
        let points = vec![PointVectors { id: Some(id.into()), vectors: Some(vectors.into()) }];
        UpdatePointVectorsBuilder::new(COLLECTION, points).wait(true)
    };
    assert_completed(fixture.client.update_vectors(update(1)).await.unwrap().result);
    let stored = fixture.get(1).await.unwrap();
    assert_eq!(vector(&stored, "image").unwrap(), image);
    assert_eq!(vector(&stored, "text").unwrap(), [0.0, 1.0]);
    assert_eq!(stored.payload["version"], Value::from(7_i64));
    assert_eq!(code(fixture.client.update_vectors(update(2)).await), Code::NotFound);

    let remove = DeletePointVectorsBuilder::new(COLLECTION)
        .points_selector(PointsIdsList::from([1]))
        .vectors(VectorsSelector { names: vec!["image".to_owned()] })
        .wait(true);
    assert_completed(fixture.client.delete_vectors(remove).await.unwrap().result);
    let stored = fixture.get(1).await.unwrap();
    assert_eq!(vector(&stored, "image"), None);
    assert_eq!(vector(&stored, "text").unwrap(), [0.0, 1.0]);
}

#[tokio::test]
async fn a_refused_batch_writes_nothing() {
    let fixture = Fixture::start().await;
    let good = point(1, &[("image", &[0.0; 4])], version(1));
    let upsert =
        |points| fixture.client.upsert_points(UpsertPointsBuilder::new(COLLECTION, points).wait(true));

    let short = status(upsert(vec![good.clone(), point(2, &[("image", &[0.0; 3])], version(1))]).await);
    assert_eq!(short.code(), Code::InvalidArgument);
    assert!(short.message().contains("expected dim: 4, got 3"), "{}", short.message());
    let unknown = status(upsert(vec![good.clone(), point(2, &[("sound", &[0.0; 4])], version(1))]).await);
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert!(unknown.message().contains("sound"), "{}", unknown.message());
    let bad_id = point("not-a-uuid", &[], version(1));
    assert_eq!(code(upsert(vec![good.clone(), bad_id]).await), Code::InvalidArgument);
    let infinite = point(2, &[], Payload::from([("x", Value::from(f64::INFINITY))]));
    assert_eq!(code(upsert(vec![good.clone(), infinite]).await), Code::InvalidArgument);
    let without = PointStruct { vectors: None, ..good.clone() };
    assert_eq!(code(upsert(vec![good, without]).await), Code::InvalidArgument);

    let missing = SetPayloadPointsBuilder::new(COLLECTION, version(2))
        .points_selector(PointsIdsList::from([9]))
        .wait(true);
    assert_eq!(code(fixture.client.set_payload(missing).await), Code::NotFound);
    assert!(fixture.get(1).await.is_none());
}

#[tokio::test]
async fn payloads_are_merged_overwritten_and_cut() {
    let fixture = Fixture::start().await;
    let payload = |pairs: &[(&str, i64)]| {
        Payload::from(
            pairs.iter().map(|(key, n)| ((*key).to_owned(), Value::from(*n))).collect::<HashMap<_, _>>(),
        )
    };
    fixture.upsert((1..=3).map(|id| point(id, &[], payload(&[("a", 1), ("b", id as i64)]))).collect()).await;

    let by_filter = SetPayloadPointsBuilder::new(COLLECTION, payload(&[("c", 9)]))
        .points_selector(Filter::must([Condition::matches("b", vec![2_i64, 3])]))
        .wait(true);
    assert_completed(fixture.client.set_payload(by_filter).await.unwrap().result);
    assert_eq!(fixture.payload(1).await, payload(&[("a", 1), ("b", 1)]).into());
    assert_eq!(fixture.payload(2).await, payload(&[("a", 1), ("b", 2), ("c", 9)]).into());

    let overwrite = SetPayloadPointsBuilder::new(COLLECTION, payload(&[("z", 1)]))
        .points_selector(PointsIdsList::from([2]))
        .wait(true);
    assert_completed(fixture.client.overwrite_payload(overwrite).await.unwrap().result);
    assert_eq!(fixture.payload(2).await, payload(&[("z", 1)]).into());

    let cut = DeletePayloadPointsBuilder::new(COLLECTION, vec!["a".to_owned(), "c".to_owned()])
        .points_selector(PointsIdsList::from([3]))
        .wait(true);
    assert_completed(fixture.client.delete_payload(cut).await.unwrap().result);
    assert_eq!(fixture.payload(3).await, payload(&[("b", 3)]).into());
}

#[tokio::test]
async fn points_are_deleted_by_id_and_by_filter() {
    let fixture = Fixture::start().await;
    fixture.upsert((1..=6).map(|id| point(id, &[], version(id as i64))).collect()).await;
    let by_id = DeletePointsBuilder::new(COLLECTION).points(PointsIdsList::from([1, 77])).wait(true);
    assert_completed(fixture.client.delete_points(by_id).await.unwrap().result);
    let high = Filter::must([Condition::range(
        "version",
        qdrant_client::qdrant::Range { gte: Some(5.0), ..Default::default() },
    )]);
    let by_filter = DeletePointsBuilder::new(COLLECTION).points(high).wait(true);
    assert_completed(fixture.client.delete_points(by_filter).await.unwrap().result);

    let count = fixture.client.count(CountPointsBuilder::new(COLLECTION).exact(true)).await.unwrap();
    assert_eq!(count.result.unwrap().count, 3);
    let left = fixture.client.scroll(ScrollPointsBuilder::new(COLLECTION)).await.unwrap();
    assert_eq!(
        left.result.into_iter().map(|p| p.id.unwrap()).collect::<Vec<_>>(),
        [2.into(), 3.into(), 4.into()]
    );
}

#[tokio::test]
async fn a_scroll_pages_through_every_point_once() {
    let fixture = Fixture::start().await;
    fixture.upsert((0..25).map(|id| point(id, &[], version((id % 2) as i64))).collect()).await;
    let mut seen = Vec::new();
    let mut offset = None;
    loop {
        let mut request = ScrollPointsBuilder::new(COLLECTION)
            .filter(Filter::must([Condition::matches("version", 1_i64)]))
            .limit(5)
            .with_payload(false);
        if let Some(offset) = offset {
            request = request.offset::<qdrant_client::qdrant::PointId>(offset);
        }
        let page = fixture.client.scroll(request).await.unwrap();
        assert!(page.result.iter().all(|point| point.payload.is_empty() && point.vectors.is_none()));
        seen.extend(page.result.into_iter().map(|point| point.id.unwrap()));
        offset = page.next_page_offset;
        if offset.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..25).filter(|id| id % 2 == 1).map(Into::into).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_wait_a_write_is_only_acknowledged() {
    let fixture = Fixture::start().await;
    let points = vec![point(1, &[], version(1))];
    let reply = fixture.client.upsert_points(UpsertPointsBuilder::new(COLLECTION, points)).await.unwrap();
    assert_eq!(reply.result.unwrap().status(), UpdateStatus::Acknowledged);
    assert!(fixture.get(1).await.is_some());
}
