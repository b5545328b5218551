use std::fs;

use qdrant_client::Payload;
use qdrant_client::qdrant::points_update_operation::{DeletePoints, PointStructList, SetPayload};
use qdrant_client::qdrant::{
    CreateCollectionBuilder, Distance, PointStruct, PointsIdsList, PointsSelector, Value,
    VectorParamsBuilder, points_selector::PointsSelectorOneOf,
};
use qdrant_edge::{PointId, WithPayloadInterface, WithVector};
use tempfile::TempDir;

use super::*;

/// Above this a test value takes more than one file of the engine's log.
const MIB: usize = 1024 * 1024;

fn create() -> (TempDir, Collection) {
    let directory = tempfile::tempdir().unwrap();
    let request = CreateCollectionBuilder::new("test")
        .vectors_config(VectorParamsBuilder::new(2, Distance::Dot))
        .build();
    Collection::create(directory.path(), &CollectionSettings::from_request(request).unwrap()).unwrap();
    let collection = open(directory.path());
    (directory, collection)
}

fn open(directory: &Path) -> Collection {
    let lock = Arc::new(DirectoryLock::acquire(directory).unwrap());
    Collection::open(directory, lock).unwrap()
}

fn upsert(id: u64, mark: i64, filler: usize) -> Operation {
    let payload =
        Payload::from([("mark", Value::from(mark)), ("filler", Value::from("x".repeat(filler).as_str()))]);
    let points = vec![PointStruct::new(id, vec![mark as f32; 2], payload)];
    Operation::Upsert(PointStructList { points, ..PointStructList::default() })
}

fn selector(id: u64) -> Option<PointsSelector> {
    Some(PointsSelector {
        points_selector_one_of: Some(PointsSelectorOneOf::Points(PointsIdsList { ids: vec![id.into()] })),
    })
}

fn mark(collection: &Collection, id: u64) -> Option<i64> {
    let read = collection.read(|shard| {
        let payload = Some(WithPayloadInterface::Bool(true));
        shard.retrieve(&[PointId::NumId(id)], payload, Some(WithVector::Bool(false))).map_err(engine_status)
    });
    read.unwrap().pop()?.payload?.0["mark"].as_i64()
}

fn journal_bytes(directory: &Path) -> u64 {
    fs::metadata(directory.join(JOURNAL_FILE)).unwrap().len()
}

fn engine_log_files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory.join(ENGINE_FOLDER).join("wal")).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("closed-"))
        .count()
}

#[test]
fn the_journal_is_emptied_at_its_limit() {
    let (directory, mut collection) = create();
    collection.limits.journal_bytes = 10_000;
    for number in 0..50 {
        collection.write(vec![upsert(number, 1, 1_000)], true).unwrap();
        assert!(journal_bytes(directory.path()) < 10_000);
    }
    drop(collection);
    let collection = open(directory.path());
    assert!((0..50).all(|id| mark(&collection, id) == Some(1)));
}

#[test]
fn the_engine_log_is_shortened_and_its_numbers_go_on() {
    let (directory, mut collection) = create();
    collection.limits.engine_log_bytes = 40 * MIB as u64;
    let mut most_files = 0;
    for number in 0..60 {
        collection.write(vec![upsert(number % 3, number as i64, 2 * MIB)], false).unwrap();
        most_files = most_files.max(engine_log_files(directory.path()));
    }
    assert!((3..=7).contains(&most_files), "{most_files} files of 8 MiB for a limit of 40 MiB");
    // Were numbers given out twice, the engine would skip these writes.
    collection.write(vec![upsert(0, 1_000, 1)], true).unwrap();
    assert_eq!(mark(&collection, 0), Some(1_000));
    drop(collection);
    let collection = open(directory.path());
    assert!(engine_log_files(directory.path()) <= 1);
    assert_eq!(mark(&collection, 0), Some(1_000));
    assert_eq!([1, 2].map(|id| mark(&collection, id)), [Some(58), Some(59)]);
    collection.write(vec![upsert(1, 2_000, 1)], true).unwrap();
    assert_eq!(mark(&collection, 1), Some(2_000));
}

#[test]
fn repeating_a_journal_on_newer_files_ends_in_the_same_state() {
    let (directory, collection) = create();
    collection.write(vec![upsert(1, 1, 0)], true).unwrap();
    let set = SetPayload {
        payload: Payload::from([("mark", Value::from(2_i64))]).into(),
        points_selector: selector(2),
        ..SetPayload::default()
    };
    collection.write(vec![upsert(2, 1, 0)], true).unwrap();
    collection.write(vec![Operation::SetPayload(set)], true).unwrap();
    let delete = DeletePoints { points: selector(2), shard_key_selector: None };
    collection.write(vec![Operation::DeletePoints(delete)], true).unwrap();
    collection.write(vec![upsert(1, 3, 0)], true).unwrap();
    let journal = directory.path().join(JOURNAL_FILE);
    let kept = fs::read(&journal).unwrap();
    assert!(!kept.is_empty());
    collection.close().unwrap();
    drop(collection);
    // As after a crash between writing the engine out and emptying the journal.
    fs::write(&journal, kept).unwrap();

    let collection = open(directory.path());
    assert_eq!(mark(&collection, 1), Some(3));
    assert_eq!(mark(&collection, 2), None);
    assert_eq!(journal_bytes(directory.path()), 0);
}

#[test]
fn after_a_failed_flush_the_collection_takes_no_write() {
    let (directory, mut collection) = create();
    collection.write(vec![upsert(1, 1, 0)], true).unwrap();
    collection.limits.journal_bytes = 0;
    fs::rename(directory.path().join(ENGINE_FOLDER), directory.path().join("elsewhere")).unwrap();
    for _ in 0..2 {
        let status = collection.write(vec![upsert(1, 2, 0)], true).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Internal);
        assert!(status.message().contains("restart"), "{}", status.message());
    }
    drop(collection);
    // The journal still holds the first write, and the second as an unanswered one.
    fs::rename(directory.path().join("elsewhere"), directory.path().join(ENGINE_FOLDER)).unwrap();
    assert_eq!(mark(&open(directory.path()), 1), Some(2));
}
