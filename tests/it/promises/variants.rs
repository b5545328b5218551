//! With stored variants, articles are found that were photographed the other way round.

use std::collections::BTreeMap;

use image::{Rgb, RgbImage, imageops};
use serde_json::{Value, json};

use crate::support::bench::Bench;
use crate::support::pictures;
use crate::support::process::lookalike;
use crate::support::shop::{Shop, image};
use crate::support::verify::published;

const ARTICLES: [&str; 4] = ["mirrored", "turned", "upright", "upside-down"];

/// A boot: another picture however it is mirrored or turned.
fn picture() -> RgbImage {
    RgbImage::from_fn(120, 120, |x, y| {
        let shaft = (30..60).contains(&x) && (10..100).contains(&y);
        let foot = (60..110).contains(&x) && (75..100).contains(&y);
        Rgb(if shaft || foot { [120, 60, 20] } else { [245, 244, 240] })
    })
}

/// Score of each pair of articles in the published lists.
fn scores(records: &[crate::support::topic::Read]) -> BTreeMap<(String, String), f64> {
    let lists = published(records);
    let pairs = lists.iter().flat_map(|(id, list)| {
        let neighbours = list.iter().flat_map(|list| &list.neighbours);
        neighbours.map(move |one| ((id.clone(), one.article_id.clone()), one.score))
    });
    pairs.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrored_and_turned_articles_are_neighbours_with_augmentation_only() {
    let bench = Bench::start(&json!({"k": 3, "threshold": -1.0, "text_weight": 0.0})).await;
    let upright = picture();
    let all = [
        imageops::flip_horizontal(&upright),
        imageops::rotate90(&upright),
        upright.clone(),
        imageops::rotate180(&upright),
    ];
    let mut shop = Shop::default();
    let mut events: Vec<Value> = Vec::new();
    for (id, picture) in ARTICLES.into_iter().zip(&all) {
        let path = bench.pictures().join(format!("{id}.png"));
        picture.save(&path).unwrap();
        events.push(image(id, "front", &pictures::uri(&path)));
    }
    bench.feed(&shop.send(&events)).await;
    let plain = bench.worker(&json!({})).await;
    bench.quiet(&bench.config(&json!({})), &[&plain]).await;
    plain.stop().await;
    let without = scores(&bench.topic("similar").await);

    let names = ["flip", "rotate-90", "rotate-180", "rotate-270"];
    let changes = json!({
        "kafka": {"group_prefix": "variants", "topics": {"rank": "rank.variants", "similar": "similar.variants"}},
        "encoder": {"vision": {"augmentations": names}},
    });
    let config = bench.config(&changes);
    let worker = bench.process("variants", &changes, &[]).await;
    bench.quiet(&config, &[&worker]).await;
    let with = scores(&bench.topic("similar.variants").await);
    assert_eq!((without.len(), with.len()), (12, 12), "each has the three others");
    for (pair, score) in &with {
        // A mirrored quarter turn is none of the variants, but one of each side's meet.
        assert!(*score > 0.9999, "{pair:?}: {score}");
        // To the demo encoder a mirrored picture by itself is nearly the same.
        let mirrored = [&pair.0, &pair.1].iter().all(|id| ["mirrored", "upright"].contains(&id.as_str()));
        let most = if mirrored { 0.9995 } else { 0.8 };
        assert!(without[pair] < most, "{pair:?}: {} without augmentation", without[pair]);
    }

    // Every vector counts; the same bytes are not embedded again, and keep their variants.
    let embedded = || async {
        let images = worker.metric("lookalike_images_embedded_total", &[]).await;
        (images, worker.metric("lookalike_encoder_batch_inputs_sum", &[]).await)
    };
    let before = embedded().await;
    assert_eq!(before, (4.0, 20.0));
    let copy = bench.pictures().join("copy.png");
    upright.save(&copy).unwrap();
    bench.feed(&shop.send(&[image("upright", "front", &pictures::uri(&copy))])).await;
    bench.quiet(&config, &[&worker]).await;
    assert_eq!(embedded().await, before);
    let profiles = bench.catalogue(&config).profiles_by_id(&ARTICLES.map(str::to_owned)).await.unwrap();
    assert!(profiles.values().all(|profile| profile.images[0].embedding.variants.len() == names.len()));
    worker.terminate();
    assert_eq!(worker.ended().await.0, Some(0));

    let file = bench.config_file("variants", &changes);
    let compared = lookalike(&["rebuild", "--compare", "-c", file.to_str().unwrap()]).await;
    assert_eq!(compared.code, Some(0), "{compared:?}");
    assert!(compared.out.contains("4 lists, 0 differences"), "{compared:?}");
    let shown = lookalike(&["similar", "upright", "--explain", "-c", file.to_str().unwrap()]).await;
    assert!(shown.out.contains("3 neighbours") && shown.out.contains("front = front"), "{shown:?}");
    bench.close().await;
}
