//! What was answered `Completed` is there again, however the server ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lookalike::embedded::qdrant::{EmbeddedQdrantError, QdrantServer};
use qdrant_client::Qdrant;
use qdrant_client::qdrant::{
    Condition, CountPointsBuilder, CreateCollectionBuilder, DeletePointsBuilder, Distance, Filter,
    PointsIdsList, RetrievedPoint, SetPayloadPointsBuilder, UpsertPointsBuilder, Value, VectorParamsBuilder,
    VectorsConfigBuilder, value::Kind,
};

use super::support::{
    ANY_PORT, COLLECTION, Fixture, assert_completed, connect, get, point, serve, vector, version,
};

const DIRECTORY_VARIABLE: &str = "EMBEDDED_QDRANT_TEST_DIRECTORY";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Writes of every kind, one of each on a point of its own.
async fn write_all_kinds(fixture: &Fixture) {
    let image: &[f32] = &[1.0, 2.0, 3.0, 4.0];
    fixture.upsert((1..=5).map(|id| point(id, &[("image", image)], version(1))).collect()).await;
    fixture.upsert(vec![point(2, &[("text", &[0.0, 1.0])], version(2))]).await;
    let set = SetPayloadPointsBuilder::new(COLLECTION, version(3))
        .points_selector(Filter::must([Condition::has_id([3])]))
        .wait(true);
    assert_completed(fixture.client.set_payload(set).await.unwrap().result);
    let delete = DeletePointsBuilder::new(COLLECTION).points(PointsIdsList::from([4])).wait(true);
    assert_completed(fixture.client.delete_points(delete).await.unwrap().result);
    // A payload write to a point that a later write removes must not stop the start.
    let doomed = SetPayloadPointsBuilder::new(COLLECTION, version(9))
        .points_selector(PointsIdsList::from([5]))
        .wait(true);
    assert_completed(fixture.client.set_payload(doomed).await.unwrap().result);
    let delete = DeletePointsBuilder::new(COLLECTION).points(PointsIdsList::from([5])).wait(true);
    assert_completed(fixture.client.delete_points(delete).await.unwrap().result);
}

async fn assert_all_kinds(client: &Qdrant) {
    let first = get(client, 1).await.unwrap();
    assert_eq!(first.payload["version"], Value::from(1_i64));
    assert_eq!(vector(&first, "image").unwrap(), [1.0, 2.0, 3.0, 4.0]);
    let second = get(client, 2).await.unwrap();
    assert_eq!(second.payload["version"], Value::from(2_i64));
    assert_eq!(vector(&second, "image"), None);
    assert_eq!(vector(&second, "text").unwrap(), [0.0, 1.0]);
    let third = get(client, 3).await.unwrap();
    assert_eq!(third.payload["version"], Value::from(3_i64));
    assert!(get(client, 4).await.is_none());
    assert!(get(client, 5).await.is_none());
    let count = client.count(CountPointsBuilder::new(COLLECTION).exact(true)).await.unwrap();
    assert_eq!(count.result.unwrap().count, 3);
}

#[tokio::test]
async fn a_clean_stop_keeps_every_write() {
    let fixture = Fixture::start().await;
    write_all_kinds(&fixture).await;
    fixture.server.shutdown().await.unwrap();
    let journal = fixture.directory.path().join("collections").join(COLLECTION).join("journal");
    assert_eq!(fs::metadata(journal).unwrap().len(), 0, "a clean stop leaves nothing to repeat");
    let (_server, client) = serve(fixture.directory.path()).await;
    assert_all_kinds(&client).await;
}

#[tokio::test]
async fn the_files_right_after_completed_hold_every_write() {
    let fixture = Fixture::start().await;
    write_all_kinds(&fixture).await;
    let crashed = tempfile::tempdir().unwrap();
    copy(fixture.directory.path(), crashed.path());
    let (server, client) = serve(crashed.path()).await;
    assert_all_kinds(&client).await;
    // And the recovered server goes on.
    let upsert = UpsertPointsBuilder::new(COLLECTION, vec![point(1, &[], version(8))]).wait(true);
    assert_completed(client.upsert_points(upsert).await.unwrap().result);
    drop(client);
    server.shutdown().await.unwrap();
    let (_server, client) = serve(crashed.path()).await;
    assert_eq!(get(&client, 1).await.unwrap().payload["version"], Value::from(8_i64));
}

#[tokio::test]
async fn half_built_and_half_deleted_collections_are_cleared_away() {
    let fixture = Fixture::start().await;
    fixture.server.shutdown().await.unwrap();
    let root = fixture.directory.path();
    copy(&root.join("collections").join(COLLECTION), &root.join("staging/old"));
    fs::create_dir_all(root.join("staging/new/engine")).unwrap();
    let (_server, client) = serve(root).await;
    assert_eq!(fs::read_dir(root.join("staging")).unwrap().count(), 0);
    assert!(client.collection_exists(COLLECTION).await.unwrap());
}

#[tokio::test]
async fn a_damaged_collection_is_named() {
    let fixture = Fixture::start().await;
    fixture.server.shutdown().await.unwrap();
    let settings = fixture.directory.path().join("collections").join(COLLECTION).join("collection.json");
    fs::write(settings, b"{").unwrap();
    let error = QdrantServer::start(fixture.directory.path(), ANY_PORT).await.unwrap_err();
    assert!(matches!(&error, EmbeddedQdrantError::Damaged { name, .. } if name == COLLECTION), "{error}");
}

/// Not a test of its own: the process that the tests below kill.
#[tokio::test]
#[ignore = "run as a child process by other tests"]
async fn child_process() {
    let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE) else {
        return;
    };
    let server = QdrantServer::start(Path::new(&directory), ANY_PORT).await.unwrap();
    println!("\nurl={}", server.url());
    std::future::pending::<()>().await;
}

/// Killed when dropped, with SIGKILL.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(directory: &Path) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["embedded_qdrant::crash::child_process", "--exact", "--ignored", "--nocapture"])
            .env(DIRECTORY_VARIABLE, directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .map(Result::unwrap)
            .find_map(|line| line.strip_prefix("url=").map(str::to_owned))
            .expect("the child prints its address");
        Process { child, url }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn another_process_cannot_take_the_directory_until_it_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path());
    let error = QdrantServer::start(directory.path(), ANY_PORT).await.unwrap_err();
    assert!(matches!(error, EmbeddedQdrantError::InUse { .. }), "{error}");
    drop(process);
    serve(directory.path()).await;
}

fn stored_version(point: &RetrievedPoint) -> i64 {
    match point.payload["version"].kind {
        Some(Kind::IntegerValue(mark)) => mark,
        ref other => panic!("expected an integer, got {other:?}"),
    }
}

/// Rewrites a batch of points again and again, version after version, and
/// returns the last version that was answered `Completed`.
async fn rewrite_until_killed(client: Qdrant, first_id: u64) -> i64 {
    let mut completed = 0;
    loop {
        let mark = completed + 1;
        let points =
            (first_id..first_id + 4).map(|id| point(id, &[("image", &[mark as f32; 256])], version(mark)));
        let upsert = UpsertPointsBuilder::new(COLLECTION, points.collect::<Vec<_>>()).wait(true);
        match client.upsert_points(upsert).await {
            Ok(reply) => assert_completed(reply.result),
            Err(_) => return completed,
        }
        completed = mark;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_amid_writes_loses_no_completed_one_and_tears_none() {
    const ROUNDS: usize = 3;
    const WRITERS: u64 = 4;
    for _ in 0..ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let process = Process::start(directory.path());
        let client = connect(&process.url).await;
        let mut vectors = VectorsConfigBuilder::default();
        vectors.add_named_vector_params("image", VectorParamsBuilder::new(256, Distance::Dot));
        client
            .create_collection(CreateCollectionBuilder::new(COLLECTION).vectors_config(vectors))
            .await
            .unwrap();
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let client = connect(&process.url).await;
            writers.push(tokio::spawn(rewrite_until_killed(client, writer * 4)));
        }
        // Kill amid the writes: as soon as the first batch has been rewritten often.
        let rewritten =
            async { while get(&client, 0).await.is_none_or(|point| stored_version(&point) < 40) {} };
        tokio::time::timeout(Duration::from_secs(60), rewritten).await.expect("writers make progress");
        drop(process);
        let mut completed = Vec::new();
        for writer in writers {
            completed.push(writer.await.unwrap());
        }

        let (_server, client) = serve(directory.path()).await;
        for (writer, completed) in completed.into_iter().enumerate() {
            for id in 0..4 {
                let point = get(&client, writer as u64 * 4 + id).await.unwrap();
                let mark = stored_version(&point);
                assert!(mark == completed || mark == completed + 1, "{mark} stored, {completed} completed");
                assert_eq!(vector(&point, "image").unwrap(), vec![mark as f32; 256]);
            }
        }
    }
}
