//! G1: a worker that is killed in the middle loses nothing.

use serde_json::json;

use crate::support::bench::Bench;
use crate::support::shop::{Shop, image, text};
use crate::support::until;
use crate::support::verify::verify;

const ARTICLES: u32 = 36;

/// Waits until so many lists were published.
async fn lists_seen(bench: &Bench, least: usize) {
    until("published lists", || async {
        let seen = bench.topic("similar").await.len();
        if seen >= least { Ok(()) } else { Err(format!("{seen} of {least}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_loses_nothing() {
    let bench = Bench::start(&json!({"k": 5, "threshold": 0.2})).await;
    let (encoder, config, mut shop) = (bench.encoder(), bench.config(&json!({})), Shop::default());
    let mut events = Vec::new();
    for at in 0..ARTICLES {
        let id = format!("c{at:02}");
        events.push(text(&id, &format!("thing {} of kind {}", at / 6, at % 6), &["thing"], None));
        for side in 0..3 {
            let uri = bench.draw(&format!("{at}/{side}.png"), at % 6, at + 2 * side);
            events.push(image(&id, &format!("i{side}"), &uri));
        }
    }
    // Two thirds before the first worker, the rest between the kills.
    let (first, rest) = events.split_at(2 * events.len() / 3);
    bench.feed(&shop.send(first)).await;
    let worker = bench.process("worker", &json!({}), &[]).await;
    lists_seen(&bench, 3).await;
    worker.kill();
    let (applied, ranked) = bench.progress(&config).await;
    assert!(applied.open() + ranked.open() > 0, "killed in the middle: {applied:?} {ranked:?}");

    let worker = bench.process("worker", &json!({}), &[]).await;
    let seen = bench.topic("similar").await.len();
    bench.feed(&shop.send(rest)).await;
    lists_seen(&bench, seen + 10).await;
    worker.kill();
    let (applied, ranked) = bench.progress(&config).await;
    assert!(applied.open() + ranked.open() > 0, "killed in the middle: {applied:?} {ranked:?}");

    let worker = bench.process("worker", &json!({}), &[]).await;
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    assert_eq!(bench.topic("dead").await, [], "a crash is nobody's fault");
    let (applied, _) = bench.progress(&config).await;
    assert_eq!((applied.committed, applied.end), (events.len() as u64, events.len() as u64));
    worker.terminate();
    assert_eq!(worker.ended().await.0, Some(0));
    bench.close().await;
}
