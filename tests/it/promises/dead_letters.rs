//! G1 and G5: what can never work is moved aside with its reason and its bytes, and
//! everything around it is done.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::bench::{Bench, EVENTS};
use crate::support::pictures;
use crate::support::shop::{Record, Shop, image, text};
use crate::support::verify::verify;

struct Bad {
    record: Record,
    /// Class, code and stage of the dead letter.
    reason: [&'static str; 3],
}

fn bad(record: Record, class: &'static str, code: &'static str, stage: &'static str) -> Bad {
    Bad { record, reason: [class, code, stage] }
}

/// Every kind of record that can never be applied, under the keys of good articles.
fn bad_records(bench: &Bench) -> Vec<Bad> {
    let folder = bench.pictures();
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.join(name), bytes).unwrap();
        pictures::uri(&folder.join(name))
    };
    let mut jpeg = std::io::Cursor::new(Vec::new());
    pictures::picture(2, 2).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let truncated = file("truncated.jpg", &jpeg[..jpeg.len() / 2]);
    let words = file("words.jpg", b"these are words, not a picture\n");
    let empty = file("empty.png", b"");
    let upsert = |key: &str, id: &str, uri: &str| Record::event(&image(key, id, uri));
    let outside = bench.folder().join("outside.png");
    pictures::picture(1, 1).save(&outside).unwrap();
    let base = pictures::uri(&folder);
    let mut no_key = upsert("a1", "x", &truncated);
    no_key.key = None;
    let mut other_key = upsert("a2", "x", &truncated);
    other_key.key = Some(b"a3".to_vec());
    let mut headers = Record::raw("a4", b"{\"type\": \"image.upserted\", \"article_id\": \"a4\"");
    headers.headers = vec![("trace".to_owned(), b"kept".to_vec())];
    let dead = "dead_letter";
    vec![
        bad(upsert("a0", "bad", &truncated), dead, "truncated", "decode"),
        bad(upsert("a1", "bad", &words), dead, "unsupported_format", "decode"),
        bad(upsert("a2", "bad", &empty), dead, "unsupported_format", "decode"),
        bad(upsert("a3", "bad", &pictures::uri(&outside)), dead, "forbidden_uri", "fetch"),
        bad(upsert("a0", "bad", &format!("{base}/../outside.png")), dead, "forbidden_uri", "fetch"),
        bad(upsert("a1", "bad", "http://169.254.169.254/latest"), dead, "forbidden_uri", "fetch"),
        bad(upsert("a2", "bad", &format!("{base}/nowhere.png")), "later", "missing", "fetch"),
        bad(no_key, dead, "key", "receive"),
        bad(other_key, dead, "key", "receive"),
        bad(headers, dead, "schema", "receive"),
        bad(Record::raw("a5", &[0xff, 0x00, b'{']), dead, "schema", "receive"),
        bad(Record::raw("a0", b""), dead, "schema", "receive"),
        bad(
            Record::raw("a1", b"{\"type\":\"image.upserted\",\"article_id\":\"a1\",\"image_id\":\"i\"}"),
            dead,
            "schema",
            "receive",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_works_is_moved_aside_untouched() {
    let bench = Bench::start(&json!({"k": 3})).await;
    let (encoder, config, mut shop) = (bench.encoder(), bench.config(&json!({})), Shop::default());
    let all = bad_records(&bench);
    let mut records = Vec::new();
    let mut bad_ones = all.iter();
    for at in 0..6 {
        let id = format!("a{at}");
        let uri = bench.draw(&format!("{at}.png"), at % 3, at);
        let good = [text(&id, &format!("article {at}"), &["thing"], None), image(&id, "good", &uri)];
        for record in shop.send(&good) {
            records.extend(bad_ones.next().map(|bad| bad.record.clone()));
            records.push(record);
        }
    }
    records.extend(bad_ones.map(|bad| bad.record.clone()));
    bench.feed(&records).await;
    // Requests that no worker of ours wrote.
    let foreign = [
        Record::raw("a1", b"no request"),
        Record::raw("a2", br#"{"type":"article.changed","article_id":"a3","cause":"a3"}"#),
    ];
    bench.produce("rank", &foreign).await;
    let worker = bench.worker(&json!({})).await;
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    worker.stop().await;

    let origins: BTreeMap<(i32, i64), _> =
        bench.topic(EVENTS).await.into_iter().map(|read| ((read.partition, read.offset), read)).collect();
    let (of_rank, of_events): (Vec<_>, Vec<_>) =
        bench.topic("dead").await.into_iter().partition(|letter| letter.header("dlq.topic") == "rank");
    assert_eq!(of_rank.len(), foreign.len());
    for record in foreign {
        let letter = of_rank.iter().find(|letter| letter.value == record.value).unwrap();
        let reason = ["dlq.class", "dlq.code", "dlq.stage"].map(|name| letter.header(name));
        assert_eq!((reason, &letter.key), (["dead_letter", "schema", "rank"], &record.key));
    }
    assert_eq!(of_events.len(), all.len(), "one for each: {of_events:?}");
    for Bad { record, reason } in all {
        let letter =
            of_events.iter().find(|letter| (&letter.key, &letter.value) == (&record.key, &record.value));
        let letter = letter.unwrap_or_else(|| panic!("no dead letter has the bytes of {record:?}"));
        assert_eq!(["dlq.class", "dlq.code", "dlq.stage"].map(|name| letter.header(name)), reason);
        assert!(!letter.header("dlq.message").is_empty() && letter.header("dlq.schema") == "1");
        let place =
            (letter.header("dlq.partition").parse().unwrap(), letter.header("dlq.offset").parse().unwrap());
        let origin = &origins[&place];
        assert_eq!(
            (letter.header("dlq.topic"), &origin.key, &origin.value),
            (EVENTS, &record.key, &record.value)
        );
        assert_eq!(letter.header("trace"), origin.header("trace"), "its own headers are kept");
    }
    bench.close().await;
}

/// A uri that leads to a folder, or through a file, is no object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_no_file_stops_nothing() {
    let bench = Bench::start(&json!({"k": 3})).await;
    let (encoder, config, mut shop) = (bench.encoder(), bench.config(&json!({})), Shop::default());
    let uri = bench.draw("folder/good.png", 1, 1);
    let base = pictures::uri(&bench.pictures());
    let odd =
        [image("a", "folder", &format!("{base}/folder")), image("b", "through", &format!("{uri}/x.png"))];
    bench.feed(&odd.iter().map(Record::event).collect::<Vec<_>>()).await;
    bench.feed(&shop.send(&[image("a", "good", &uri), image("b", "good", &uri)])).await;
    let worker = bench.worker(&json!({})).await;
    bench.quiet(&config, &[&worker]).await;
    verify(&bench, &config, &encoder, &shop).await;
    assert_eq!(bench.topic("dead").await.len(), 2);
    worker.stop().await;
    bench.close().await;
}
