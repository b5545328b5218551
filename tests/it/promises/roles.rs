//! One binary, several workers: roles apart, replicas side by side.

use serde_json::{Value, json};

use crate::support::bench::{Bench, EVENTS, PARTITIONS};
use crate::support::process::Process;
use crate::support::shop::{Shop, image, text};
use crate::support::until;
use crate::support::verify::verify;

/// `count` articles from number `from` on, two images each.
fn articles(bench: &Bench, from: u32, count: u32) -> Vec<Value> {
    let mut events = Vec::new();
    for at in from..from + count {
        let id = format!("r{at:02}");
        events.push(text(&id, &format!("thing of kind {}", at % 3), &["thing"], None));
        for side in 0..2 {
            let uri = bench.draw(&format!("{at}/{side}.png"), at % 3, at + side);
            events.push(image(&id, &format!("i{side}"), &uri));
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embed_and_rank_run_apart() {
    let bench = Bench::start(&json!({"k": 4})).await;
    let (encoder, config, mut shop) = (bench.encoder(), bench.config(&json!({})), Shop::default());
    bench.feed(&shop.send(&articles(&bench, 0, 8))).await;
    let embed = bench.worker(&json!({"role": "embed"})).await;
    until("all events to be embedded", || async {
        let (events, _) = bench.progress(&config).await;
        if events.open() == 0 { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .await;
    let (_, rank) = bench.progress(&config).await;
    assert!(rank.end >= 8 && rank.committed == 0, "announced and left to role rank: {rank:?}");
    assert_eq!(bench.topic("similar").await, [], "role embed ranks nothing");

    // Role rank loads no encoder, and needs no ONNX Runtime.
    let without = json!({"role": "rank", "encoder": {"library": "/no/such/libonnxruntime.so"}});
    let rank = bench.worker(&without).await;
    bench.quiet(&config, &[&embed, &rank]).await;
    verify(&bench, &config, &encoder, &shop).await;
    embed.stop().await;
    rank.stop().await;
    bench.close().await;
}

/// Partitions of a topic that a worker says it has.
async fn partitions(worker: &Process, topic: &str) -> i32 {
    let label = format!("topic=\"{topic}\"");
    worker.metric("lookalike_assigned_partitions", &[&label]).await as i32
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_the_work_and_take_over() {
    let bench = Bench::start(&json!({"k": 4})).await;
    let (encoder, config, mut shop) = (bench.encoder(), bench.config(&json!({})), Shop::default());
    let first = bench.process("first", &json!({}), &[]).await;
    let second = bench.process("second", &json!({}), &[]).await;
    until("both replicas to share both topics", || async {
        let mut state = Vec::new();
        for topic in [EVENTS, "rank"] {
            state.push((partitions(&first, topic).await, partitions(&second, topic).await));
        }
        let shared = |(a, b): &(i32, i32)| *a > 0 && *b > 0 && a + b == PARTITIONS;
        if state.iter().all(shared) { Ok(()) } else { Err(format!("{state:?}")) }
    })
    .await;
    first.ready().await;
    second.ready().await;
    bench.feed(&shop.send(&articles(&bench, 0, 12))).await;
    bench.quiet(&config, &[&first, &second]).await;
    verify(&bench, &config, &encoder, &shop).await;
    for worker in [&first, &second] {
        assert!(worker.metric("lookalike_images_embedded_total", &[]).await > 0.0, "both worked");
        assert!(worker.metric("lookalike_lists_published_total", &[]).await > 0.0, "both worked");
    }

    bench.feed(&shop.send(&articles(&bench, 12, 4))).await;
    first.terminate();
    let (code, log) = first.ended().await;
    assert_eq!(code, Some(0), "{log}");
    bench.quiet(&config, &[&second]).await;
    verify(&bench, &config, &encoder, &shop).await;
    assert_eq!(bench.topic("dead").await, []);
    second.terminate();
    assert_eq!(second.ended().await.0, Some(0));
    bench.close().await;
}
