//! The Kafka adapter against the embedded broker: real sockets, real consumer groups.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::try_join_all;
use lookalike::adapters::kafka::admin::{TopicInfo, check_topics};
use lookalike::adapters::kafka::consumer::{self, Consumer};
use lookalike::adapters::kafka::error::KafkaError;
use lookalike::adapters::kafka::producer::Producer;
use lookalike::adapters::kafka::record::Record;
use lookalike::adapters::kafka::settings::{KafkaSettings, StartFrom, Topics};
use lookalike::embedded::kafka::{EmbeddedKafka, EmbeddedKafkaError, GROUP_PROPERTIES, forward};
use lookalike::ports::Outgoing;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngCore as _, SeedableRng as _};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::timeout;

/// Rebalances of the embedded broker take seconds; a loaded machine some more.
const DEADLINE: Duration = Duration::from_secs(60);
const DRAIN: Duration = Duration::from_secs(5);
const TOPIC: &str = "catalog.events";

fn settings(bootstrap_servers: String) -> KafkaSettings {
    KafkaSettings {
        bootstrap_servers,
        topics: Topics {
            events: TOPIC.into(),
            rank: "rank".into(),
            similar: "similar".into(),
            dead_letters: "dead".into(),
        },
        group_prefix: "test".into(),
        start_from: StartFrom::Earliest,
        commit_interval_ms: 100,
        max_in_flight_records: 1000,
        max_uncommitted_records: 1000,
        revoke_deadline_ms: 1000,
        delivery_timeout_ms: 30_000,
        properties: GROUP_PROPERTIES.map(|(name, value)| (name.into(), value.into())).into(),
    }
}

fn started(partitions: i32) -> (EmbeddedKafka, KafkaSettings) {
    let kafka = EmbeddedKafka::start(&[(TOPIC, partitions)]).unwrap();
    let settings = settings(kafka.bootstrap_servers());
    (kafka, settings)
}

fn consume(settings: &KafkaSettings, group: &str) -> Consumer {
    consumer::start(settings, TOPIC, group, 1000, DRAIN).unwrap()
}

/// Produces records `from..to` with the key `article-<i>` and the value `<i>`.
async fn produce(settings: &KafkaSettings, numbers: std::ops::Range<u32>) {
    let producer = Producer::new(settings).unwrap();
    let produced = numbers.map(|i| {
        let producer = &producer;
        async move {
            let (key, value) = (format!("article-{i}"), i.to_string());
            let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
            let headers = [("number".to_owned(), i.to_string().into_bytes())];
            producer.send(&Outgoing { topic: TOPIC, key, value, headers: &headers }).await
        }
    });
    timeout(DEADLINE, try_join_all(produced)).await.unwrap().unwrap();
}

async fn next(consumer: &mut Consumer) -> Record {
    timeout(DEADLINE, consumer.records.recv()).await.expect("a record in time").expect("still consuming")
}

/// Stops the consumer and waits until it has left its group.
async fn stop(consumer: Consumer) {
    consumer.control.stop();
    timeout(DEADLINE, consumer.finished).await.expect("stops in time").unwrap().unwrap();
}

/// Per partition: the group's committed offset and the end of the log.
fn committed_and_ends(settings: &KafkaSettings, group: &str, partitions: i32) -> Vec<(Offset, i64)> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.bootstrap_servers).set("group.id", group);
    let client: BaseConsumer = config.create().unwrap();
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_range(TOPIC, 0, partitions - 1);
    let committed = client.committed_offsets(wanted, DEADLINE).unwrap();
    let end = |partition| client.fetch_watermarks(TOPIC, partition, DEADLINE).unwrap().1;
    committed.elements().iter().map(|e| (e.offset(), end(e.partition()))).collect()
}

fn place(record: &Record) -> (i32, i64) {
    (record.origin.partition, record.offset)
}

/// Receives from both until they hold `count` distinct live records between them,
/// and each at least one. A record that moved with its partition counts once, for
/// its new owner.
async fn receive_shared(first: &mut Consumer, second: &mut Consumer, count: usize) -> [Vec<Record>; 2] {
    let mut held: BTreeMap<(i32, i64), (usize, Record)> = BTreeMap::new();
    let done = |held: &BTreeMap<_, (usize, Record)>| {
        let owners: BTreeSet<usize> = held.values().map(|(owner, _)| *owner).collect();
        let live = held.values().all(|(_, record)| record.ack.lease().is_live());
        held.len() == count && owners.len() == 2 && live
    };
    timeout(DEADLINE, async {
        while !done(&held) {
            let (owner, record) = tokio::select! {
                record = first.records.recv() => (0, record.unwrap()),
                record = second.records.recv() => (1, record.unwrap()),
            };
            held.insert(place(&record), (owner, record));
        }
    })
    .await
    .expect("both consumers read the topic in time");
    let mut records = [Vec::new(), Vec::new()];
    held.into_values().for_each(|(owner, record)| records[owner].push(record));
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_shares_a_topic_and_takes_over_without_loss() {
    let (_kafka, settings) = started(4);
    produce(&settings, 0..200).await;
    let (mut first, mut second) = (consume(&settings, "group"), consume(&settings, "group"));
    let [mut of_first, mut of_second] = receive_shared(&mut first, &mut second, 200).await;
    for record in of_first.iter().chain(&of_second) {
        let number = record.header("number").unwrap();
        assert_eq!(record.value.as_deref(), Some(number.as_bytes()));
        assert_eq!(record.key.as_deref(), Some(format!("article-{number}").as_bytes()));
    }

    // The first leaves some records of each of its partitions unresolved.
    let mut random = StdRng::seed_from_u64(7);
    of_first.shuffle(&mut random);
    of_second.shuffle(&mut random);
    let mut unfinished: BTreeMap<i32, i64> = BTreeMap::new();
    let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
    for record in of_first {
        let (partition, offset) = place(&record);
        let end = ends.entry(partition).or_default();
        *end = (*end).max(offset + 1);
        if offset % 5 == 3 {
            let lowest = unfinished.entry(partition).or_insert(offset);
            *lowest = (*lowest).min(offset);
        } else {
            record.ack.resolve();
        }
    }
    assert!(!unfinished.is_empty());
    of_second.into_iter().for_each(|record| record.ack.resolve());
    stop(first).await;

    // All from the lowest unresolved record on comes again, and nothing else.
    let expected: BTreeSet<(i32, i64)> = unfinished
        .iter()
        .flat_map(|(partition, low)| (*low..ends[partition]).map(|at| (*partition, at)))
        .collect();
    let mut again = Vec::new();
    while again.len() < expected.len() {
        again.push(next(&mut second).await);
    }
    assert_eq!(again.iter().map(place).collect::<BTreeSet<_>>(), expected);
    again.shuffle(&mut random);
    again.into_iter().for_each(|record| record.ack.resolve());
    stop(second).await;
    let committed = committed_and_ends(&settings, "group", 4);
    assert_eq!(committed.iter().map(|(_, end)| end).sum::<i64>(), 200);
    for (committed, end) in committed {
        assert_eq!(committed, Offset::Offset(end));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_record_comes_again_and_a_new_group_reads_all() {
    let (_kafka, settings) = started(1);
    produce(&settings, 0..10).await;
    let mut first = consume(&settings, "group");
    for _ in 0..10 {
        let record = next(&mut first).await;
        if record.offset != 4 {
            record.ack.resolve();
        }
    }
    stop(first).await;
    assert_eq!(committed_and_ends(&settings, "group", 1), [(Offset::Offset(4), 10)]);

    for (group, from) in [("group", 4), ("new group", 0)] {
        let mut consumer = consume(&settings, group);
        for offset in from..10 {
            let record = next(&mut consumer).await;
            assert_eq!(record.offset, offset, "{group}");
            record.ack.resolve();
        }
        stop(consumer).await;
        assert_eq!(committed_and_ends(&settings, group, 1), [(Offset::Offset(10), 10)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_are_committed_while_running() {
    let (_kafka, settings) = started(1);
    produce(&settings, 0..3).await;
    let mut consumer = consume(&settings, "group");
    for _ in 0..3 {
        next(&mut consumer).await.ack.resolve();
    }
    let asked = tokio::task::spawn_blocking(move || {
        let started = std::time::Instant::now();
        while committed_and_ends(&settings, "group", 1) != [(Offset::Offset(3), 3)] {
            assert!(started.elapsed() < DEADLINE, "the offset was not committed in time");
        }
    });
    asked.await.unwrap();
    stop(consumer).await;
}

/// librdkafka keeps a partition paused while another member owns it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_partition_that_comes_back_is_read_again() {
    let (_kafka, settings) = started(2);
    let settings = KafkaSettings { max_in_flight_records: 4, ..settings };
    produce(&settings, 0..100).await;
    let mut first = consume(&settings, "group");
    let mut held = Vec::new();
    let full = |held: &[Record]| {
        (0..2).all(|partition| held.iter().filter(|r| r.origin.partition == partition).count() >= 4)
    };
    while !full(&held) {
        held.push(next(&mut first).await);
    }

    let mut second = consume(&settings, "group");
    let moved = next(&mut second).await.origin.partition;
    stop(second).await;
    let back = timeout(DEADLINE, async {
        loop {
            let record = first.records.recv().await.unwrap();
            if place(&record) == (moved, 0) {
                return record;
            }
        }
    });
    let back = back.await.expect("the partition is read again in time");
    assert!(back.ack.lease().is_live());
    assert!(held.iter().all(|r| r.ack.lease().is_live() == (r.origin.partition != moved)));
    stop(first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_without_partitions_waits_and_takes_over() {
    let (_kafka, settings) = started(1);
    produce(&settings, 0..2).await;
    let (mut first, mut second) = (consume(&settings, "group"), consume(&settings, "group"));
    let (record, owner_is_first) = tokio::select! {
        record = next(&mut first) => (record, true),
        record = next(&mut second) => (record, false),
    };
    let (owner, mut idle) = if owner_is_first { (first, second) } else { (second, first) };
    record.ack.resolve();
    stop(owner).await;
    // The other member may be joining just now: a commit that the rebalance refused
    // brings the first record again, which at-least-once allows.
    let mut record = next(&mut idle).await;
    if record.offset == 0 {
        record.ack.resolve();
        record = next(&mut idle).await;
    }
    assert_eq!(record.offset, 1);
    assert!(idle.control.is_assigned());
    stop(idle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offset_that_the_log_lost_stops_the_consumer() {
    let (_kafka, settings) = started(1);
    produce(&settings, 0..2).await;
    let mut consumer = consume(&settings, "group");
    next(&mut consumer).await.ack.resolve();
    stop(consumer).await;

    // Random bytes do not compress: 6 MiB push the first records out of the log.
    let producer = Producer::new(&settings).unwrap();
    let mut value = vec![0; 512 * 1024];
    StdRng::seed_from_u64(7).fill_bytes(&mut value);
    for _ in 0..12 {
        let outgoing = Outgoing { topic: TOPIC, value: Some(&value), ..Outgoing::default() };
        timeout(DEADLINE, producer.send(&outgoing)).await.unwrap().unwrap();
    }
    let consumer = consume(&settings, "group");
    let finished = timeout(DEADLINE, consumer.finished).await.expect("ends in time").unwrap();
    assert!(matches!(finished, Err(KafkaError::OffsetLost(_))), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chosen_port_leads_to_the_broker() {
    let topics = [(TOPIC, 3), ("rank", 2), ("similar", 1), ("dead", 1)];
    let kafka = EmbeddedKafka::start(&topics).unwrap();
    let broker: SocketAddr = kafka.bootstrap_servers().parse().unwrap();
    let port = forward("127.0.0.1:0".parse().unwrap(), broker).await.unwrap();
    let settings = settings(port.address().to_string());
    let asked = settings.clone();
    let found = tokio::task::spawn_blocking(move || check_topics(&asked)).await.unwrap().unwrap();
    let expected = topics
        .map(|(name, count)| TopicInfo { name: name.into(), partitions: usize::try_from(count).unwrap() });
    assert_eq!(found, expected);
    produce(&settings, 0..5).await;
    let mut consumer = consume(&settings, "group");
    for _ in 0..5 {
        next(&mut consumer).await.ack.resolve();
    }
    stop(consumer).await;
}

#[test]
fn impossible_topics_are_refused() {
    let start = EmbeddedKafka::start;
    assert!(matches!(start(&[("a", 0)]), Err(EmbeddedKafkaError::Partitions { .. })));
    assert!(matches!(start(&[("a", 65)]), Err(EmbeddedKafkaError::Partitions { .. })));
    assert!(matches!(start(&[("a", 1), ("a", 1)]), Err(EmbeddedKafkaError::Topic { .. })));
}
