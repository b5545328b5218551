//! G4: older versions never win, in any order, with any repetition, after a replay.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::bench::{Bench, EVENTS};
use crate::support::process::Process;
use crate::support::shop::{Record, Shop, deleted, image, image_deleted, text, with};
use crate::support::until;
use crate::support::verify::verify;

const ARTICLES: usize = 5;
const EVENTS_EACH: u64 = 14;

fn at_version(event: Value, version: u64) -> Value {
    with(event, &json!({ "version": version }))
}

/// A random life of each article, in version order.
fn lives(bench: &Bench, random: &mut StdRng) -> Vec<Value> {
    let mut events = Vec::new();
    for article in 0..ARTICLES {
        let id = format!("v{article}");
        for version in 1..=EVENTS_EACH {
            let slot = format!("i{}", random.random_range(0..3));
            let event = match random.random_range(0..10) {
                0 => deleted(&id),
                1 => image_deleted(&id, &slot),
                2..=4 => text(
                    &id,
                    &format!("{} thing of version {version}", ["red", "blue"][article % 2]),
                    &["thing"],
                    None,
                ),
                _ => {
                    let (family, side) = (random.random_range(0..4), random.random_range(0..6));
                    image(&id, &slot, &bench.draw(&format!("{family}-{side}.png"), family, side))
                }
            };
            events.push(at_version(event, 10 * version));
        }
        // The last word is the same everywhere: something to compare is left.
        let uri = bench.draw(&format!("last {article}.png"), 2, u32::try_from(article).unwrap());
        events.push(at_version(image(&id, "last", &uri), 10 * (EVENTS_EACH + 1)));
    }
    events
}

fn records(events: &[Value]) -> Vec<Record> {
    events.iter().map(Record::event).collect()
}

async fn superseded(worker: &Process) -> f64 {
    let labels = [format!("topic=\"{EVENTS}\""), "outcome=\"superseded\"".to_owned()];
    worker.metric("lookalike_records_resolved_total", &[&labels[0], &labels[1]]).await
}

async fn embedded(worker: &Process) -> f64 {
    worker.metric("lookalike_images_embedded_total", &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_version_wins_in_any_order() {
    let bench = Bench::start(&json!({"k": 3, "threshold": 0.2})).await;
    let (encoder, config) = (bench.encoder(), bench.config(&json!({})));
    let mut random = StdRng::seed_from_u64(11);
    let history = lives(&bench, &mut random);
    let mut shop = Shop::default();
    history.iter().for_each(|event| shop.apply(event));

    let mut shuffled = records(&history);
    shuffled.extend(records(&history).into_iter().step_by(3));
    shuffled.shuffle(&mut random);
    bench.feed(&shuffled).await;
    // Events that come together are decided together.
    let batches = json!({"embed_jobs": {"coalesce_window_ms": 40, "coalesce_max_age_ms": 400}});
    let worker = bench.process("worker", &batches, &[]).await;
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    assert!(superseded(&worker).await > 0.0, "the shuffled feed has older versions after newer ones");

    let (before, lists) = (embedded(&worker).await, bench.topic("similar").await.len());
    bench.feed(&records(&history)).await;
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    assert_eq!(embedded(&worker).await, before, "a replay embeds nothing");
    assert_eq!(bench.topic("similar").await.len(), lists, "a replay publishes nothing");

    late_events(&bench, &worker, &mut shop).await;
    verify(&bench, &config, &encoder, &shop).await;
    worker.terminate();
    assert_eq!(worker.ended().await.0, Some(0));
    bench.close().await;
}

/// One story of one article, each line with its own wait.
async fn late_events(bench: &Bench, worker: &Process, shop: &mut Shop) {
    let config = bench.config(&json!({}));
    let feed = async |events: &[Value]| {
        bench.feed(&records(events)).await;
        bench.quiet(&config, &[worker]).await;
    };
    let (good, other) = (bench.draw("good.png", 1, 1), bench.draw("late.png", 3, 8));
    let opening = [
        at_version(image("story", "front", &good), 50),
        at_version(text("story", "a blue boot", &["boot"], None), 50),
    ];
    opening.iter().for_each(|event| shop.apply(event));
    feed(&opening).await;

    let (older, embeddings) = (superseded(worker).await, embedded(worker).await);
    feed(&[
        at_version(image("story", "front", &other), 49),
        at_version(text("story", "an older text", &[], None), 49),
        at_version(image_deleted("story", "front"), 48),
        at_version(deleted("story"), 47),
    ])
    .await;
    // A deletion below what is stored is in force, though it removes nothing.
    assert_eq!(superseded(worker).await - older, 3.0, "late image, text and image deletion");
    assert_eq!(embedded(worker).await, embeddings);

    // The newer file is no image: the older one stays, alone and in one batch.
    let broken = bench.pictures().join("broken.png");
    std::fs::write(&broken, b"no picture at all").unwrap();
    let broken = format!("file://{}", broken.display());
    feed(&[at_version(image("story", "front", &broken), 60)]).await;
    let kept =
        [at_version(image("story", "back", &other), 61), at_version(image("story", "back", &broken), 62)];
    shop.apply(&kept[0]);
    feed(&kept).await;
    assert_eq!(bench.topic("dead").await.len(), 2);
    assert_eq!(stored_versions(bench, "story").await, [("back".to_owned(), 61), ("front".to_owned(), 50)]);

    // Deleted at 100: what is older stays away, what is newer brings it back.
    feed(&[at_version(deleted("story"), 100)]).await;
    feed(&[
        at_version(image("story", "front", &good), 99),
        at_version(text("story", "still older", &[], None), 98),
    ])
    .await;
    assert!(stored_versions(bench, "story").await.is_empty());
    let tombstone =
        bench.topic("similar").await.into_iter().rfind(|read| read.key_text() == "story").unwrap();
    assert_eq!(tombstone.value, None);
    let back = at_version(image("story", "front", &other), 101);
    shop.apply(&at_version(deleted("story"), 100));
    shop.apply(&back);
    feed(&[back]).await;
    until("the story's list", || async {
        let last = bench.topic("similar").await.into_iter().rfind(|read| read.key_text() == "story").unwrap();
        last.value.map(|_| ()).ok_or_else(|| "a tombstone".to_owned())
    })
    .await;
}

/// Living images of an article and their versions.
async fn stored_versions(bench: &Bench, id: &str) -> Vec<(String, u64)> {
    let state = bench.catalogue(&bench.config(&json!({}))).state(id).await.unwrap();
    let living = state.images.into_values().filter(|image| !image.deleted);
    living.map(|image| (image.image_id, image.version)).collect()
}
