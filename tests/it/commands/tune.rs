//! `tune-encoder` on the demo encoder: what it prints can be configured.

use lookalike::encoder::EncoderSettings;
use serde_json::Value;

use crate::support::process::lookalike;

const FAST: [&str; 5] = ["tune-encoder", "--seconds", "0.01", "--max-sessions", "2"];

#[tokio::test]
async fn tune_encoder_recommends_one_of_what_it_measured() {
    let tuned = lookalike(&[FAST.as_slice(), &["--json"]].concat()).await;
    assert_eq!(tuned.code, Some(0), "{tuned:?}");
    let report: Value = serde_json::from_str(&tuned.out).unwrap();
    let measured = report["measured"].as_array().unwrap();
    let best = &report["best"];
    let names = ["sessions", "threads", "max_batch_size"];
    assert!(measured.iter().any(|one| names.iter().all(|name| one[name] == best[name])), "{report}");
    for one in measured {
        assert!(one["images_per_second"].as_f64().unwrap() > 0.0, "{one}");
        assert!(one["lone_milliseconds"].as_f64().unwrap() > 0.0, "{one}");
        let threads = one["sessions"].as_u64().unwrap() * one["threads"].as_u64().unwrap();
        assert!(threads <= report["cores"].as_u64().unwrap(), "{one}");
    }
    let settings: EncoderSettings = serde_json::from_value(best.clone()).unwrap();
    settings.validate().unwrap();
}

#[tokio::test]
async fn tune_encoder_prints_lines_for_the_configuration() {
    let tuned = lookalike(&FAST).await;
    assert_eq!(tuned.code, Some(0), "{tuned:?}");
    assert!(tuned.out.starts_with("sessions  threads  batch  images/s"), "{}", tuned.out);
    let (_, lines) = tuned.out.split_once("\nencoder:\n").expect("the configuration");
    let names: Vec<&str> = lines.lines().map(|line| line.split(':').next().unwrap().trim()).collect();
    assert_eq!(names, ["execution_provider", "sessions", "threads", "max_batch_size"]);
}

#[tokio::test]
async fn tune_encoder_refuses_a_provider_that_is_not_there() {
    let refused = lookalike(&["tune-encoder", "--execution-provider", "tensorrt"]).await;
    if refused.code != Some(0) {
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(refused.err.contains("encoder.execution_provider is tensorrt"), "{}", refused.err);
    }
    let refused = lookalike(&["tune-encoder", "--seconds", "0"]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
}
