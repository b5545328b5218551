//! Commands that read what is stored: `rebuild`, `rebuild --compare`, `similar`.

use list_maintenance::Entries;
use serde_json::{Value, json};

use crate::support::bench::Bench;
use crate::support::process::lookalike;
use crate::support::shop::{Shop, image, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuild_finds_what_differs() {
    let bench = Bench::start(&json!({"k": 3})).await;
    let (config, mut shop) = (bench.config(&json!({})), Shop::default());
    let mut events = Vec::new();
    for at in 0..5 {
        let id = format!("b{at}");
        events.push(text(&id, &format!("thing {at}"), &["thing"], None));
        events.push(image(&id, "front", &bench.draw(&format!("{at}.png"), at % 2, at)));
    }
    bench.feed(&shop.send(&events)).await;
    let worker = bench.worker(&json!({})).await;
    bench.quiet(&config, &[&worker]).await;
    worker.stop().await;

    let file = bench.config_file("stored", &json!({"log": {"filter": "warn"}}));
    let file = file.to_str().unwrap();
    let same = lookalike(&["rebuild", "-c", file, "--compare"]).await;
    assert_eq!(
        (same.code, same.out.trim()),
        (Some(0), "5 lists, 0 differences, recall@3 1.0000"),
        "{same:?}"
    );
    let exact = lookalike(&["rebuild", "-c", file]).await;
    let exact: Vec<Value> = exact.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let catalogue = bench.catalogue(&config);
    let ranked = |id: &'static str| {
        let catalogue = &catalogue;
        async move { catalogue.view(id).await.unwrap().unwrap().1 }
    };
    let mut swapped = ranked("b2").await;
    let stored = serde_json::to_value(&swapped.list("b2", 3).unwrap().neighbours).unwrap();
    assert_eq!((exact.len(), &exact[2]["article_id"]), (5, &json!("b2")));
    for (exact, stored) in exact[2]["neighbours"].as_array().unwrap().iter().zip(stored.as_array().unwrap()) {
        for field in ["article_id", "score", "image_score", "text_score", "pairs"] {
            assert_eq!(exact[field], stored[field], "{field}");
        }
    }

    let shown = lookalike(&["similar", "b2", "-c", file, "--explain"]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.contains("3 neighbours") && shown.out.contains("front = front"), "{shown:?}");
    assert_eq!(lookalike(&["similar", "never", "-c", file]).await.code, Some(1));

    // Another order, and one list that is gone.
    swapped.state.sequence += 1;
    let list = swapped.state.list.as_mut().unwrap();
    let mut entries = list.entries.as_slice().to_vec();
    entries.swap(0, 1);
    list.entries = Entries::restored(entries, None, config.ranking.sizes());
    catalogue.write_ranked("b2", &swapped).await.unwrap();
    let mut gone = ranked("b4").await;
    (gone.state.sequence, gone.state.list) = (gone.state.sequence + 1, None);
    catalogue.write_ranked("b4", &gone).await.unwrap();
    let differs = lookalike(&["rebuild", "-c", file, "--compare"]).await;
    assert_eq!(differs.code, Some(1), "{differs:?}");
    assert!(
        differs.out.contains("b2:\n  exact  ") && differs.out.contains("b4: no list is stored"),
        "{differs:?}"
    );
    assert!(differs.out.ends_with("5 lists, 2 differences, recall@3 0.8000\n"), "{differs:?}");
    bench.close().await;
}
