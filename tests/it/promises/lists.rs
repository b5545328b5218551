//! G2 and G3: whatever happens to the catalogue, each list is brute force over it.

use lookalike::encoder::Encoder;
use lookalike::similarity::Method;
use serde_json::json;

use crate::support::bench::Bench;
use crate::support::pictures;
use crate::support::shop::{Record, Shop, image, image_deleted, text};
use crate::support::verify::{published, verify};

const ARTICLES: u32 = 12;

/// Twelve articles of four families, 1 to 4 images each; one has no text, one no
/// image, and the last two are alike to the bit.
fn opening(bench: &Bench) -> Vec<serde_json::Value> {
    let colours = ["red", "blue", "green"];
    let kinds = ["mug", "boot", "desk lamp", "chair"];
    let mut events = Vec::new();
    for at in 0..ARTICLES {
        // Ids, groups and categories with blanks are as good as any.
        let id = if at == 9 { "a09 of two words".to_owned() } else { format!("a{at:02}") };
        // The last is a twin of the one before.
        let look = at.min(ARTICLES - 2);
        let kind = kinds[look as usize % 4];
        if at != 3 {
            let title = format!("{} {kind} number {}", colours[look as usize % 3], look / 4);
            let group = format!("group {}", at % 5);
            let categories = if at == 7 { vec![kind, "boot", "mug"] } else { vec![kind] };
            events.push(text(&id, &title, &categories, (at != 4).then_some(group.as_str())));
        }
        if at != 5 {
            for side in 0..=look % 4 {
                let file = format!("{look}/side {side}.png");
                events.push(image(&id, &format!("i{side}"), &bench.draw(&file, look % 4, look + 3 * side)));
            }
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_equal_brute_force_after_every_change() {
    let bench = Bench::start(&json!({"k": 4, "threshold": 0.2})).await;
    let (encoder, config, mut shop) = (bench.encoder(), bench.config(&json!({})), Shop::default());
    bench.feed(&shop.send(&opening(&bench))).await;
    // In batches of one, the same picture has the same embedding to the last bit.
    let worker = bench.worker(&json!({"encoder": {"max_batch_size": 1}})).await;
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    let tied = |lists: &[crate::support::topic::Read]| {
        let list = published(lists)["a02"].clone().unwrap();
        let scores: Vec<_> = list.neighbours.iter().map(|one| (one.article_id.clone(), one.score)).collect();
        scores.windows(2).any(|pair| pair[0].1 == pair[1].1)
    };
    assert!(tied(&bench.topic("similar").await), "the twins tie in the list of their kind");

    let other = bench.draw("other.png", 6, 1);
    let overwritten = bench.pictures().join("1/side 0.png");
    let changes = [
        ("an image is added", image("a00", "added", &bench.draw("added.png", 0, 9))),
        ("an image is replaced", image("a04", "i0", &other)),
        ("a file is replaced in its place", image("a01", "i0", &pictures::uri(&overwritten))),
        ("an image is deleted", image_deleted("a02", "i1")),
        ("the last image is deleted", image_deleted("a08", "i0")),
        ("a title changes", text("a06", "green boot of another kind", &["boot"], Some("group 1"))),
        ("a text appears", text("a03", "red chair number 0", &["chair"], None)),
        ("a text goes away", text("a09 of two words", "", &[], None)),
    ];
    for (what, change) in changes {
        if what == "a file is replaced in its place" {
            pictures::draw(&bench.pictures(), "1/side 0.png", 7, 4);
        }
        bench.feed(&shop.send(&[change])).await;
        bench.quiet(&config, &[&worker]).await;
        println!("{what}");
        verify(&bench, &config, &encoder, &shop).await;
    }

    bench.feed(&[Record::null("a10")]).await;
    shop.articles.insert("a10".to_owned(), Default::default());
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    let lists = published(&bench.topic("similar").await);
    assert_eq!(lists["a10"], None, "its key is a tombstone");
    let holds =
        |id: &str| lists[id].iter().flat_map(|list| &list.neighbours).any(|one| one.article_id == "a10");
    assert!(lists.keys().all(|id| !holds(id)), "no list holds it any more");
    worker.stop().await;
    with_filters(&bench, &mut shop).await;
    for method in Method::ALL.into_iter().filter(|method| *method != Method::Greedy) {
        with_method(&bench, &mut shop, method).await;
    }
    with_variants(&bench, &mut shop).await;
    bench.close().await;
}

/// The same events once more, matched otherwise; then one image changes.
async fn with_method(bench: &Bench, shop: &mut Shop, method: Method) {
    let name = method.as_str();
    let changes = json!({
        "kafka": {"group_prefix": name, "topics": {"rank": format!("rank.{name}"), "similar": format!("similar.{name}")}},
        "qdrant": {"prefix": name},
        "ranking": {"method": name, "threshold": 0.3, "coverage_weight": 0.5},
        "encoder": {"max_batch_size": 1},
    });
    let (config, encoder) = (bench.config(&changes), bench.encoder());
    let worker = bench.worker(&changes).await;
    bench.quiet(&config, &[&worker]).await;
    println!("{name}");
    verify(bench, &config, &encoder, shop).await;
    let picture = bench.draw(&format!("{name}.png"), 2, 11);
    bench.feed(&shop.send(&[image("a02", "i0", &picture)])).await;
    bench.quiet(&config, &[&worker]).await;
    verify(bench, &config, &encoder, shop).await;
    worker.stop().await;
}

/// The same events once more with stored variants; then one image changes.
async fn with_variants(bench: &Bench, shop: &mut Shop) {
    let changes = json!({
        "kafka": {"group_prefix": "variants", "topics": {"rank": "rank.variants", "similar": "similar.variants"}},
        "qdrant": {"prefix": "variants"},
        "encoder": {"max_batch_size": 1, "vision": {"augmentations": ["rotate-180", "flip"]}},
    });
    let (config, plain) = (bench.config(&changes), bench.encoder());
    let encoder = Encoder::load(&config.encoder).unwrap();
    assert_ne!(encoder.fingerprint(), plain.fingerprint());
    let worker = bench.worker(&changes).await;
    bench.quiet(&config, &[&worker]).await;
    verify(bench, &config, &encoder, shop).await;
    let picture = bench.draw("variants.png", 5, 3);
    bench.feed(&shop.send(&[image("a02", "i0", &picture)])).await;
    bench.quiet(&config, &[&worker]).await;
    verify(bench, &config, &encoder, shop).await;
    worker.stop().await;
}

/// The same events again under other rules, into other collections and topics.
async fn with_filters(bench: &Bench, shop: &mut Shop) {
    let changes = json!({
        "kafka": {"group_prefix": "second", "topics": {"rank": "rank.2", "similar": "similar.2"}},
        "qdrant": {"prefix": "second"},
        "ranking": {"k": 3, "threshold": 0.4, "min_matches": 1, "max_matches": 2, "coverage_weight": 0.5,
                    "text_weight": 0.6, "same": ["categories"], "different": ["group"]},
    });
    let (config, encoder) = (bench.config(&changes), bench.encoder());
    let worker = bench.worker(&changes).await;
    bench.quiet(&config, &[&worker]).await;
    verify(bench, &config, &encoder, shop).await;
    for change in [
        text("a00", "red mug number 0", &["boot"], Some("group 0")),
        text("a07", "blue chair number 1", &["chair", "mug"], Some("group 1")),
        // Among the boots is one that looks like it.
        text("a11", "blue lamp number 2", &["boot"], Some("group 2")),
    ] {
        bench.feed(&shop.send(&[change])).await;
        bench.quiet(&config, &[&worker]).await;
        verify(bench, &config, &encoder, shop).await;
    }
    let lists = published(&bench.topic("similar.2").await);
    let like_it = lists["a06"].as_ref().unwrap().neighbours.iter().any(|one| one.article_id == "a11");
    assert!(like_it, "a change of category moved it: {:?}", lists["a06"]);
    worker.stop().await;
}
