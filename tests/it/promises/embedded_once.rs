//! Same bytes and same encoder: no second embedding. Counted by the process itself.

use serde_json::{Value, json};

use crate::support::bench::Bench;
use crate::support::process::Process;
use crate::support::shop::{Shop, image, text, with};
use crate::support::verify::verify;

/// Images embedded, and inputs that went through either network.
async fn work(worker: &Process) -> [f64; 3] {
    let inference = "lookalike_encoder_inference_duration_seconds_count";
    [
        worker.metric("lookalike_images_embedded_total", &[]).await,
        worker.metric("lookalike_encoder_batch_inputs_sum", &[]).await,
        worker.metric(inference, &[]).await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_are_never_embedded_twice() {
    let bench = Bench::start(&json!({"k": 3})).await;
    let (encoder, config, mut shop) = (bench.encoder(), bench.config(&json!({})), Shop::default());
    let first = bench.draw("first.png", 1, 1);
    let copy = bench.draw("folder/copy.png", 1, 1);
    let mut opening = vec![
        text("once", "a red mug", &["mug"], Some("g")),
        with(image("once", "front", &first), &json!({"view": "front", "position": 1, "etag": "\"one\""})),
        image("once", "back", &bench.draw("back.png", 1, 5)),
    ];
    opening.extend(
        (0..3).map(|at| image(&format!("other{at}"), "front", &bench.draw(&format!("{at}.png"), at, 2))),
    );
    bench.feed(&shop.send(&opening)).await;
    let worker = bench.process("worker", &json!({}), &[]).await;
    bench.quiet(&config, &[&worker]).await;
    assert_eq!(worker.metric("lookalike_images_embedded_total", &[]).await, 5.0);

    let steps: [(&str, Vec<Value>); 6] = [
        ("the same event again", vec![opening[1].clone(), opening[2].clone()]),
        ("the same bytes under another uri", vec![image("once", "front", &copy)]),
        ("another view", vec![with(image("once", "front", &copy), &json!({"view": "side"}))]),
        (
            "another order",
            vec![
                with(image("once", "front", &copy), &json!({"position": 2})),
                with(image("once", "back", opening[2]["uri"].as_str().unwrap()), &json!({"position": 1})),
            ],
        ),
        (
            "the same etag, unread",
            vec![
                with(image("once", "front", &first), &json!({"etag": "W1"})),
                with(image("once", "front", &first), &json!({"etag": "W1", "view": "top"})),
            ],
        ),
        (
            "another group and attributes, the same text",
            vec![with(
                text("once", "a red mug", &["mug"], Some("h")),
                &json!({"attributes": {"material": "clay"}}),
            )],
        ),
    ];
    let before = work(&worker).await;
    for (what, events) in steps {
        bench.feed(&shop.send(&events)).await;
        bench.quiet(&config, &[&worker]).await;
        assert_eq!(work(&worker).await, before, "{what}");
    }
    let state = bench.catalogue(&config).state("once").await.unwrap();
    let front = &state.images["front"];
    assert_eq!((front.view.as_deref(), front.etag.as_deref()), (Some("top"), Some("W1")));
    assert_eq!(state.images["back"].position, Some(1), "the changes were stored");

    bench.feed(&shop.send(&[text("once", "a blue cup", &["mug"], None)])).await;
    bench.quiet(&config, &[&worker]).await;
    let [images, inputs, batches] = work(&worker).await;
    assert_eq!([images, inputs, batches], [before[0], before[1] + 1.0, before[2] + 1.0], "only the text");
    verify(&bench, &config, &encoder, &shop).await;
    worker.terminate();
    assert_eq!(worker.ended().await.0, Some(0));
    bench.close().await;
}
