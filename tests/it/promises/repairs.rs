//! G2 and G3 where no request leads: an older list that comes last in the topic, and a
//! stored list that is wrong.

use list_maintenance::Entries;
use serde_json::json;

use crate::support::bench::Bench;
use crate::support::shop::{Record, Shop, image};
use crate::support::topic::Read;
use crate::support::until;
use crate::support::verify::verify;

/// Six articles alike, and their lists.
async fn shop(bench: &Bench) -> Shop {
    let mut shop = Shop::default();
    let events: Vec<_> = (0..6)
        .map(|at| image(&format!("a{at}"), "front", &bench.draw(&format!("{at}.png"), at % 2, at)))
        .collect();
    bench.feed(&shop.send(&events)).await;
    shop
}

fn sequence(record: &Read) -> u64 {
    record.header("sequence").parse().unwrap()
}

async fn last(bench: &Bench, article: &str) -> Read {
    let records = bench.topic("similar").await;
    records.into_iter().rfind(|record| record.key_text() == article).unwrap()
}

/// What an owner does that was frozen before it sent a list and wakes up after its
/// successor sent the next; on a compacted topic, its record would be the only one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_comes_late_is_followed_by_the_newest_again() {
    let bench = Bench::start(&json!({"k": 3})).await;
    let config = bench.config(&json!({}));
    let mut shop = shop(&bench).await;
    let worker = bench.worker(&json!({})).await;
    bench.quiet(&config, &[&worker]).await;
    let older = last(&bench, "a2").await;
    bench.feed(&shop.send(&[image("a2", "front", &bench.draw("other.png", 1, 8))])).await;
    bench.quiet(&config, &[&worker]).await;
    let newest = last(&bench, "a2").await;
    assert!(sequence(&older) < sequence(&newest));

    let headers = older.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes()));
    let late = Record { key: older.key.clone(), value: older.value.clone(), headers: headers.collect() };
    bench.produce("similar", &[late]).await;
    let repaired = until("the newest list to be the last record again", || async {
        let last = last(&bench, "a2").await;
        if sequence(&last) > sequence(&newest) { Ok(last) } else { Err(format!("{last:?}")) }
    })
    .await;
    let neighbours = |record: &Read| {
        let list: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        list["neighbours"].clone()
    };
    assert_eq!(neighbours(&repaired), neighbours(&newest));
    bench.quiet(&config, &[&worker]).await;
    let stored = bench.catalogue(&config).view("a2").await.unwrap().unwrap().1;
    assert_eq!(stored.state.published, sequence(&repaired));
    worker.stop().await;
    bench.close().await;
}

/// A search that was truncated, a setting that changed, a bug: whatever left it so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweeper_repairs_what_is_wrong_and_only_that() {
    let bench = Bench::start(&json!({"k": 3})).await;
    let (config, encoder) = (bench.config(&json!({})), bench.encoder());
    let shop = shop(&bench).await;
    let worker = bench.worker(&json!({"encoder": {"max_batch_size": 1}})).await;
    bench.quiet(&config, &[&worker]).await;
    worker.stop().await;
    let published = bench.topic("similar").await.len();

    let catalogue = bench.catalogue(&config);
    let mut wrong = catalogue.view("a1").await.unwrap().unwrap().1;
    wrong.state.sequence += 1;
    let list = wrong.state.list.as_mut().unwrap();
    let entries = list.entries.as_slice()[1..].to_vec();
    list.entries = Entries::restored(entries, None, config.ranking.sizes());
    catalogue.write_ranked("a1", &wrong).await.unwrap();

    let sweeping = json!({"sweep": {"lists": 2, "interval_ms": 50}, "encoder": {"max_batch_size": 1}});
    let worker = bench.worker(&sweeping).await;
    until("the wrong list to be searched again", || async {
        let records = bench.topic("similar").await;
        if records.len() > published { Ok(()) } else { Err(format!("{} lists", records.len())) }
    })
    .await;
    worker.stop().await;
    let records = bench.topic("similar").await;
    let again: Vec<String> = records.iter().map(Read::key_text).collect();
    assert_eq!(records.len(), published + 1, "the others were right: {again:?}");
    let worker = bench.worker(&json!({})).await;
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    worker.stop().await;
    bench.close().await;
}
