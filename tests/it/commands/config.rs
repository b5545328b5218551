//! `config` and `topics`: what takes effect, what may be set, what is there.

use serde_json::{Value, json};

use crate::support::bench::Bench;
use crate::support::process::{lookalike, lookalike_with};

#[tokio::test]
async fn what_takes_effect_is_printed_with_its_origin_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lookalike.yaml");
    std::fs::write(
        &file,
        "kafka: {bootstrap_servers: 'k:9092'}\nqdrant: {url: 'http://q:6334', api_key: hidden}\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let environment =
        [("LOOKALIKE__RANKING__K", "20"), ("LOOKALIKE__KAFKA__PROPERTIES__SASL__PASSWORD", "hidden")];
    let printed = lookalike_with(&["config", "print", "-c", path], &environment).await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(!printed.out.contains("hidden") && printed.out.contains("api_key: \"***\""), "{}", printed.out);
    let line = |key: &str| {
        let found = printed.out.lines().find(|line| line.trim_start().starts_with(key));
        found.unwrap_or_else(|| panic!("{key} in {}", printed.out)).to_owned()
    };
    assert!(line("k:").contains("20") && line("k:").contains("# the environment"), "{}", line("k:"));
    assert!(line("bootstrap_servers:").ends_with("lookalike.yaml"), "{}", line("bootstrap_servers:"));
    assert!(!line("candidate_limit:").contains('#'), "a default has no origin");

    let json = lookalike(&["config", "print", "-c", path, "--format", "json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["ranking"]["k"], 10);
    // What is printed can be used as a configuration.
    let again = folder.path().join("again.yaml");
    std::fs::write(&again, &printed.out).unwrap();
    assert_eq!(lookalike(&["config", "print", "-c", again.to_str().unwrap()]).await.code, Some(0));

    std::fs::write(&file, "qdrant: {url: 'http://q:6334'}").unwrap();
    let bad = lookalike(&["config", "print", "-c", path]).await;
    assert_eq!((bad.code, bad.out.as_str()), (Some(78), ""), "{bad:?}");
    assert!(bad.err.contains("kafka.bootstrap_servers is missing"), "{bad:?}");
}

#[tokio::test]
async fn schema_and_example_need_no_configuration() {
    let schema = lookalike(&["config", "schema"]).await;
    let schema: Value = serde_json::from_str(&schema.out).unwrap();
    assert_eq!(schema["properties"]["ranking"]["properties"]["k"]["maximum"], 1000);
    let example = lookalike(&["config", "example"]).await;
    assert_eq!((example.code, example.out.as_str()), (Some(0), lookalike::config::DEFAULTS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_cannot_create_topics_is_told_apart_from_a_wrong_configuration() {
    let bench = Bench::start(&json!({})).await;
    let create = async |name: &str, changes: Value| {
        let file = bench.config_file(name, &changes);
        lookalike(&["topics", "create", "--dry-run", "-c", file.to_str().unwrap()]).await
    };
    let topics = json!({"events": "e", "rank": "r", "similar": "s", "dead_letters": "d"});
    let new = create("new", json!({"kafka": {"topics": topics}})).await;
    assert_eq!(new.code, Some(0), "{new:?}");
    let missing = |line: &str| line.starts_with("missing  ") && line.contains("cleanup.policy=");
    assert!(new.out.lines().count() == 4 && new.out.lines().all(missing), "{new:?}");
    assert!(
        new.out.contains("missing  s: would be created with 12 partitions, cleanup.policy=compact"),
        "{new:?}"
    );

    // The built-in Kafka has topics and cannot say how they are set.
    let mute = create("mute", json!({})).await;
    assert_eq!((mute.code, mute.out.as_str()), (Some(69), ""), "{mute:?}");
    assert!(mute.err.contains("about its topics"), "{mute:?}");
    let down = create("down", json!({"kafka": {"bootstrap_servers": "127.0.0.1:1"}})).await;
    assert_eq!(down.code, Some(69), "{down:?}");
    bench.close().await;
}
