//! Conditional writes: older versions never win, also under concurrency.

use qdrant_client::qdrant::{
    Condition, Filter, PointStruct, Range, SetPayloadPointsBuilder, UpdateMode, UpsertPointsBuilder, Value,
};

use super::support::{COLLECTION, Fixture, assert_completed, connect, point, vector, version};

fn not_newer_than(version: i64) -> Filter {
    Filter::must([Condition::range("version", Range { lte: Some(version as f64), ..Range::default() })])
}

fn guarded(points: Vec<PointStruct>, version: i64) -> UpsertPointsBuilder {
    UpsertPointsBuilder::new(COLLECTION, points).update_filter(not_newer_than(version)).wait(true)
}

fn marked(id: u64, mark: i64) -> PointStruct {
    point(id, &[("image", &[mark as f32; 4])], version(mark))
}

async fn stored(fixture: &Fixture, id: u64) -> Option<(Value, Vec<f32>)> {
    let point = fixture.get(id).await?;
    Some((point.payload["version"].clone(), vector(&point, "image").unwrap()))
}

fn expected(mark: i64) -> Option<(Value, Vec<f32>)> {
    Some((Value::from(mark), vec![mark as f32; 4]))
}

#[tokio::test]
async fn a_stale_write_is_skipped_and_a_new_point_is_inserted() {
    let fixture = Fixture::start().await;
    fixture.upsert(vec![marked(1, 5)]).await;
    let reply = fixture.client.upsert_points(guarded(vec![marked(1, 4), marked(2, 4)], 4)).await.unwrap();
    assert_completed(reply.result);
    assert_eq!(stored(&fixture, 1).await, expected(5));
    assert_eq!(stored(&fixture, 2).await, expected(4));
    fixture.client.upsert_points(guarded(vec![marked(1, 5), marked(2, 6)], 6)).await.unwrap();
    fixture.client.upsert_points(guarded(vec![marked(1, 6)], 6)).await.unwrap();
    assert_eq!(stored(&fixture, 1).await, expected(6));
    assert_eq!(stored(&fixture, 2).await, expected(6));
}

#[tokio::test]
async fn the_update_mode_decides_between_new_and_stored_points() {
    let fixture = Fixture::start().await;
    fixture.upsert(vec![marked(1, 1)]).await;
    let upsert = |mode, mark| {
        let points = vec![marked(1, mark), marked(mark as u64, mark)];
        let request = UpsertPointsBuilder::new(COLLECTION, points).update_mode(mode).wait(true);
        fixture.client.upsert_points(request)
    };
    upsert(UpdateMode::InsertOnly, 20).await.unwrap();
    assert_eq!(stored(&fixture, 1).await, expected(1));
    assert_eq!(stored(&fixture, 20).await, expected(20));
    upsert(UpdateMode::UpdateOnly, 30).await.unwrap();
    assert_eq!(stored(&fixture, 1).await, expected(30));
    assert_eq!(stored(&fixture, 30).await, None);
    upsert(UpdateMode::Upsert, 40).await.unwrap();
    assert_eq!(stored(&fixture, 1).await, expected(40));
    assert_eq!(stored(&fixture, 40).await, expected(40));

    let stale = guarded(vec![marked(1, 7), marked(50, 7)], 7).update_mode(UpdateMode::UpdateOnly);
    fixture.client.upsert_points(stale).await.unwrap();
    assert_eq!(stored(&fixture, 1).await, expected(40));
    assert_eq!(stored(&fixture, 50).await, None);
}

#[tokio::test]
async fn a_payload_write_can_be_guarded_by_its_selector() {
    let fixture = Fixture::start().await;
    fixture.upsert(vec![marked(1, 5), marked(2, 3)]).await;
    let selector = Filter::must([Condition::has_id([1, 2]), not_newer_than(4).into()]);
    let set = SetPayloadPointsBuilder::new(COLLECTION, version(4)).points_selector(selector).wait(true);
    assert_completed(fixture.client.set_payload(set).await.unwrap().result);
    assert_eq!(fixture.payload(1).await["version"], Value::from(5_i64));
    assert_eq!(fixture.payload(2).await["version"], Value::from(4_i64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_guarded_writes_the_highest_version_stays() {
    const ROUNDS: i64 = 60;
    const WRITERS: i64 = 8;
    let fixture = Fixture::start().await;
    let mut clients = Vec::new();
    for _ in 0..WRITERS {
        clients.push(connect(&fixture.server.url()).await);
    }
    for round in 0..ROUNDS {
        let writes = clients.iter().enumerate().map(|(writer, client)| {
            // Another client has the highest version in each round.
            let mark = round * WRITERS + 1 + (writer as i64 + round) % WRITERS;
            client.upsert_points(guarded(vec![marked(1, mark), marked(2, mark)], mark))
        });
        for reply in futures::future::join_all(writes).await {
            assert_completed(reply.unwrap().result);
        }
        let highest = (round + 1) * WRITERS;
        assert_eq!(stored(&fixture, 1).await, expected(highest));
        assert_eq!(stored(&fixture, 2).await, expected(highest));
    }
}
