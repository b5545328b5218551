//! `check`: one line each, and whose fault it is.

use lookalike::adapters::qdrant::VectorShape;
use serde_json::{Value, json};

use crate::support::bench::Bench;
use crate::support::process::{Finished, lookalike, lookalike_with};

async fn check(bench: &Bench, name: &str, changes: &Value) -> Finished {
    let file = bench.config_file(name, changes);
    lookalike(&["check", "-c", file.to_str().unwrap()]).await
}

/// Its line about a dependency.
fn line<'o>(checked: &'o Finished, name: &str) -> &'o str {
    let start = format!("{name}: ");
    let named =
        |line: &&str| line.split_once(' ').is_some_and(|(_, rest)| rest.trim_start().starts_with(&start));
    let mut lines = checked.out.lines().filter(named);
    let line = lines.next().unwrap_or_else(|| panic!("nothing about {name}: {checked:?}"));
    assert_eq!(lines.next(), None, "one line: {checked:?}");
    line
}

fn assert_fails(checked: &Finished, code: i32, name: &str, words: &[&str]) {
    assert_eq!(checked.code, Some(code), "{checked:?}");
    let line = line(checked, name);
    assert!(line.starts_with("fail "), "{line}");
    assert!(words.iter().all(|word| line.contains(word)), "{words:?} in {line}");
    assert_eq!(checked.out.lines().filter(|line| line.starts_with("fail ")).count(), 1, "{checked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_configuration_gets_one_clear_line() {
    let bench = Bench::start(&json!({})).await;
    let all_well = check(&bench, "good", &json!({})).await;
    assert_eq!(all_well.code, Some(0), "{all_well:?}");
    assert!(all_well.out.lines().count() == 5 && all_well.out.lines().all(|line| line.starts_with("ok ")));
    assert!(line(&all_well, "encoder").contains("128 dimensions"));
    assert!(line(&all_well, "qdrant").contains("will be created"));

    let unknown = check(&bench, "unknown", &json!({"kafka": {"bootstrap_server": "k:9092"}})).await;
    assert_fails(
        &unknown,
        78,
        "configuration",
        &["kafka.bootstrap_server;", "did you mean kafka.bootstrap_servers?"],
    );
    assert_eq!(unknown.out.lines().count(), 1, "nothing else can be said: {unknown:?}");
    let missing = check(&bench, "missing", &json!({"qdrant": {"url": null}})).await;
    assert_fails(&missing, 78, "configuration", &["qdrant.url is missing", "LOOKALIKE__QDRANT__URL"]);
    let range = check(&bench, "range", &json!({"ranking": {"text_weight": 2}})).await;
    assert_fails(&range, 78, "configuration", &["ranking.text_weight", "0 to 1"]);
    let kind = check(&bench, "kind", &json!({"ranking": {"k": "many"}})).await;
    assert_fails(&kind, 78, "configuration", &["ranking.k"]);

    let library = json!({"encoder": {"library": "/no/such/libonnxruntime.so"}});
    let library = check(&bench, "library", &library).await;
    assert_fails(
        &library,
        78,
        "encoder",
        &["/no/such/libonnxruntime.so", "make onnxruntime", "encoder.library"],
    );
    let scheme = json!({"objects": {"stores": [{"uri": "ftp://host/"}]}});
    assert_fails(&check(&bench, "scheme", &scheme).await, 78, "object stores", &["ftp", "s3, gs, az, file"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_checked_for_what_they_have() {
    let bench = Bench::start(&json!({})).await;
    let topic = json!({"kafka": {"topics": {"similar": "no-such-topic"}}});
    assert_fails(
        &check(&bench, "topic", &topic).await,
        78,
        "kafka",
        &["no-such-topic", "create it", "compact"],
    );

    // The file's address is overridden from the environment.
    let file = bench.config_file("environment", &json!({}));
    let nobody = [("LOOKALIKE__QDRANT__URL", "http://127.0.0.1:1")];
    let down = lookalike_with(&["check", "-c", file.to_str().unwrap()], &nobody).await;
    assert_fails(&down, 69, "qdrant", &[]);
    let kafka = json!({"kafka": {"bootstrap_servers": "127.0.0.1:1"}});
    let down = check(&bench, "kafka", &kafka).await;
    assert_fails(&down, 69, "kafka", &["127.0.0.1:1", "does not answer"]);
    assert!(line(&down, "qdrant").starts_with("ok "), "the others are checked all the same");
    let file = bench.config_file("offline", &kafka);
    let offline = lookalike(&["check", "--offline", "-c", file.to_str().unwrap()]).await;
    assert_eq!((offline.code, offline.out.lines().count()), (Some(0), 3), "{offline:?}");

    let config = bench.config(&json!({}));
    bench
        .catalogue(&config)
        .prepare(&config.qdrant, VectorShape { dimension: 64, variants: false })
        .await
        .unwrap();
    let wrong = check(&bench, "dimension", &json!({})).await;
    assert_fails(&wrong, 78, "qdrant", &["64 dimensions", "128 dimensions", "qdrant.prefix"]);
    // The worker refuses it as well, before it consumes anything.
    let file = bench.config_file("dimension", &json!({}));
    let run = lookalike(&["run", "-c", file.to_str().unwrap()]).await;
    assert_eq!(run.code, Some(78), "{run:?}");
    assert!(run.err.lines().last().unwrap().contains("64 dimensions"), "{run:?}");
    bench.close().await;
}
