//! `run`: health while it runs, a clean end at SIGTERM, an error when a task fails.

use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::bench::Bench;
use crate::support::process::Process;
use crate::support::shop::{Record, image};

/// Ids must not be in a label: they are without end.
fn assert_conventions(metrics: &str) {
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(name.starts_with("lookalike_") || name.starts_with("process_"), "{line}");
        assert!(!line.contains("mug-1") && !line.contains("front"), "an id in a label: {line}");
    }
    for counter in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = counter.split_once(' ').unwrap();
        assert_eq!(kind == "counter", name.ends_with("_total"), "{counter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_answers_stops_and_fails_as_it_says() {
    let bench = Bench::start(&json!({})).await;
    let config = bench.config(&json!({}));
    let worker = bench.process("worker", &json!({}), &["--role", "all"]).await;
    assert_eq!(worker.get("/livez").await.0, 200);
    let uri = bench.draw("front.png", 1, 1);
    bench
        .feed(&[Record::event(&image("mug-1", "front", &uri)), Record::event(&image("mug-2", "front", &uri))])
        .await;
    worker.ready().await;
    bench.quiet(&config, &[&worker]).await;
    let (status, body) = worker.get("/v1/articles/mug-1/similar").await;
    let list: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &list["neighbours"][0]["article_id"]), (200, &json!("mug-2")), "{body}");
    assert_eq!(worker.get("/v1/articles/never/similar").await.0, 404);
    let (status, metrics) = worker.get("/metrics").await;
    assert_eq!(status, 200);
    assert_conventions(&metrics);
    assert_eq!(worker.metric("lookalike_ready", &[]).await, 1.0);

    worker.terminate();
    let (code, log) = worker.ended().await;
    assert_eq!(code, Some(0), "{log}");
    let (events, rank) = bench.progress(&config).await;
    assert!(events.open() + rank.open() == 0, "committed before it left");

    // The log loses what the group has not read: going on would skip records.
    let mut value = vec![0; 512 * 1024];
    StdRng::seed_from_u64(7).fill_bytes(&mut value);
    let large: Vec<_> = (0..12).map(|_| Record::raw("mug-1", &value)).collect();
    bench.feed(&large).await;
    let file = bench.config_file("worker", &json!({}));
    let (code, log) = Process::start(&["run", "-c", file.to_str().unwrap()]).ended().await;
    assert_eq!(code, Some(1), "{log}");
    let last = log.lines().last().unwrap();
    assert!(last.contains("not in the log any more") && last.contains("reset the consumer group"), "{log}");
    bench.close().await;
}
