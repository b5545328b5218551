//! Every shape of network, each against vectors that are computed here: an image's is,
//! for each colour, the sum over its 4 × 2 places of the value times
//! 1 + column + 4 · row, a text's the sum of (id, id² / 100, 1) over its tokens.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::try_join_all;
use image::{ImageFormat, Rgb, RgbImage};
use lookalike::domain::embedding::Embedding;
use lookalike::encoder::{Encoder, EncoderSettings};
use serde_json::{Value, json};
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/encoders");
const WIDTH: u32 = 4;
const HEIGHT: u32 = 2;
const PAD: i64 = 200;
const CONTEXT: usize = 16;

/// Words and their ids; any other is 1.
const WORDS: [(&str, i64); 4] = [("red", 7), ("mug", 19), ("blue", 4), ("cup", 31)];

/// A model directory: fixtures under the names that they have there.
fn directory(networks: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (fixture, name) in networks {
        fs::copy(Path::new(FIXTURES).join(fixture), folder.path().join(name)).unwrap();
    }
    // Bytes reach the network as they are.
    let preprocessor = json!({
        "do_resize": false, "crop_size": {"height": HEIGHT, "width": WIDTH},
        "do_rescale": false, "do_normalize": false,
    });
    write(&folder, "preprocessor_config.json", &preprocessor);
    let mut vocabulary: serde_json::Map<String, Value> =
        WORDS.iter().map(|(word, id)| ((*word).to_owned(), (*id).into())).collect();
    vocabulary.insert("<other>".to_owned(), 1.into());
    vocabulary.insert("<pad>".to_owned(), PAD.into());
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<other>"},
    });
    write(&folder, "tokenizer.json", &tokenizer);
    write(&folder, "config.json", &config("clip_text_model"));
    folder
}

fn config(model_type: &str) -> Value {
    json!({"text_config":
        {"max_position_embeddings": CONTEXT, "pad_token_id": PAD, "model_type": model_type}})
}

fn write(folder: &TempDir, name: &str, value: &Value) {
    fs::write(folder.path().join(name), value.to_string()).unwrap();
}

fn vision(fixture: &str) -> TempDir {
    directory(&[(fixture, "model.onnx")])
}

fn with_text(fixture: &str) -> TempDir {
    directory(&[("channels_first.onnx", "vision_model.onnx"), (fixture, "text_model.onnx")])
}

/// Settings over the defaults, for batches of several inputs.
fn settings(folder: &TempDir, over: &Value) -> EncoderSettings {
    let over: EncoderSettings = serde_json::from_value(over.clone()).unwrap();
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    EncoderSettings {
        directory: folder.path().to_path_buf(),
        max_batch_delay: Duration::from_millis(20),
        ..over.or_library(library)
    }
}

fn load(folder: &TempDir, over: &Value) -> Encoder {
    Encoder::load(&settings(folder, over)).unwrap()
}

fn refused(folder: &TempDir, over: &Value) -> String {
    let error = Encoder::load(&settings(folder, over)).unwrap_err();
    error.to_string()
}

fn picture(seed: u32) -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        Rgb([0, 1, 2].map(|channel: u32| ((x * 37 + y * 91 + channel * (53 + seed) + seed * 29) % 256) as u8))
    })
}

/// The pixels of one colour, each times the weight of its place.
fn weighted(picture: &RgbImage, channel: usize) -> Vec<f64> {
    let value =
        |(x, y, pixel): (u32, u32, &Rgb<u8>)| f64::from((1 + x + 4 * y) * u32::from(pixel.0[channel]));
    picture.enumerate_pixels().map(value).collect()
}

fn each_colour(picture: &RgbImage, reduce: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    (0..3).map(|channel| reduce(&weighted(picture, channel))).collect()
}

fn sums(picture: &RgbImage) -> Vec<f64> {
    each_colour(picture, |values| values.iter().sum())
}

#[track_caller]
fn assert_same(actual: &Embedding, expected: &[f64], what: &str) {
    let length = expected.iter().map(|value| value * value).sum::<f64>().sqrt();
    assert_eq!(actual.dimension(), expected.len(), "{what}");
    for (actual, expected) in actual.as_slice().iter().zip(expected) {
        // The precision of 16 bits.
        assert!((f64::from(*actual) - expected / length).abs() < 5e-4, "{what}: {actual:?}, {expected}");
    }
}

async fn embed_all(encoder: &Encoder, pictures: &[RgbImage]) -> Vec<Embedding> {
    let embedding = pictures.iter().map(|picture| {
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).unwrap();
        encoder.embed_image(encoder.preprocess(png.get_ref()).unwrap())
    });
    try_join_all(embedding).await.unwrap().into_iter().map(|embedding| embedding.own).collect()
}

/// Five images, which share batches, against what `expected` makes of each.
async fn check_images(folder: &TempDir, over: Value, expected: impl Fn(&RgbImage) -> Vec<f64>) {
    let pictures: Vec<RgbImage> = (0..5).map(picture).collect();
    let embeddings = embed_all(&load(folder, &over), &pictures).await;
    for (seed, (picture, embedding)) in pictures.iter().zip(embeddings).enumerate() {
        assert_same(&embedding, &expected(picture), &format!("picture {seed}, {over}"));
    }
}

#[tokio::test]
async fn images_in_any_layout_batch_and_kind_of_number() {
    for (fixture, over) in [
        ("channels_first.onnx", json!({})),
        ("channels_last.onnx", json!({})),
        ("any_size.onnx", json!({"vision": {"layout": "nchw"}})),
        ("fixed_batch.onnx", json!({})),
        ("half.onnx", json!({})),
        ("quantised.onnx", json!({})),
        ("pooled_map.onnx", json!({})),
        ("centred_by_batch.onnx", json!({"max_batch_size": 1})),
    ] {
        let folder = vision(fixture);
        if fixture == "centred_by_batch.onnx" {
            check_images(&folder, over, centred).await;
        } else {
            check_images(&folder, over, sums).await;
        }
    }
}

fn centred(picture: &RgbImage) -> Vec<f64> {
    let bytes = picture.as_raw();
    let mean = bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / bytes.len() as f64;
    // All weights together are 1 + 2 + … + 8.
    sums(picture).into_iter().map(|sum| sum - 36.0 * mean).collect()
}

#[tokio::test]
async fn tokens_are_pooled_as_configured() {
    let folder = vision("tokens.onnx");
    let row = |picture: &RgbImage, row: usize| -> Vec<f64> {
        each_colour(picture, |values| values[4 * row..4 * row + 4].iter().sum())
    };
    check_images(&folder, json!({"vision": {"pooling": "cls"}}), |picture| row(picture, 0)).await;
    check_images(&folder, json!({"vision": {"pooling": "mean"}}), sums).await;
    check_images(&folder, json!({"vision": {"pooling": "max"}}), |picture| {
        row(picture, 0).into_iter().zip(row(picture, 1)).map(|(a, b)| a.max(b)).collect()
    })
    .await;
    let message = refused(&folder, &json!({}));
    assert!(message.contains("last_hidden_state") && message.contains("encoder.vision.pooling"), "{message}");
}

#[tokio::test]
async fn maps_are_pooled_as_configured() {
    let folder = vision("feature_map.onnx");
    check_images(&folder, json!({"vision": {"pooling": "mean"}}), sums).await;
    check_images(&folder, json!({"vision": {"pooling": "max"}}), |picture| {
        each_colour(picture, |values| values.iter().copied().fold(0.0, f64::max))
    })
    .await;
    let message = refused(&folder, &json!({"vision": {"output": "feature_map"}}));
    assert!(message.contains("set the pooling to mean or max"), "{message}");
}

#[tokio::test]
async fn a_value_inside_a_classifier_is_its_feature() {
    let features = json!({"vision": {"output": "features"}, "sessions": 2});
    check_images(&vision("classifier.onnx"), features.clone(), sums).await;
    // Weights in a file beside it are found, though the network is changed in memory.
    let external = directory(&[
        ("classifier_external.onnx", "model.onnx"),
        ("classifier_external.weights", "classifier_external.weights"),
    ]);
    check_images(&external, features, sums).await;
    // The scores themselves only where they are asked for.
    check_images(&vision("classifier.onnx"), json!({"vision": {"output": "logits"}}), |picture| {
        let sums = sums(picture);
        (0..5).map(|class| (0..3).map(|c| sums[c] * ((5 * c + class) % 7) as f64).sum()).collect()
    })
    .await;
}

#[test]
fn weights_in_any_file_decide_the_fingerprint() {
    let external = directory(&[
        ("classifier_external.onnx", "model.onnx"),
        ("classifier_external.weights", "classifier_external.weights"),
    ]);
    let fingerprint = || Encoder::identify(&settings(&external, &json!({}))).unwrap().0;
    let before = fingerprint();
    let weights = external.path().join("classifier_external.weights");
    let mut bytes = fs::read(&weights).unwrap();
    bytes[0] ^= 1;
    fs::write(weights, bytes).unwrap();
    assert_ne!(fingerprint(), before);
}

#[tokio::test]
async fn a_size_of_the_configuration_takes_the_place_of_the_files() {
    let folder = vision("channels_first.onnx");
    let clip = json!({
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224},
        "crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "resample": 3,
        "do_rescale": false, "do_normalize": false,
    });
    write(&folder, "preprocessor_config.json", &clip);
    let message = refused(&folder, &json!({}));
    assert!(message.contains("[3, 224, 224]") && message.contains("resize_crop_pad"), "{message}");
    let small = RgbImage::from_fn(2, 2, |x, y| picture(3).get_pixel(x, y).to_owned());
    // A white column on each side of the two.
    let padded = RgbImage::from_fn(4, 2, |x, y| match x {
        1 | 2 => small.get_pixel(x - 1, y).to_owned(),
        _ => Rgb([255; 3]),
    });
    let own = json!({"vision": {"resize_crop_pad": {"size": "4x2"}}});
    let embedding = embed_all(&load(&folder, &own), std::slice::from_ref(&small)).await.remove(0);
    assert_same(&embedding, &sums(&padded), "contain");
    let own = json!({"vision": {"resize_crop_pad": {"size": "4x2", "pad_value": [0, 90, 180]}}});
    let embedding = embed_all(&load(&folder, &own), &[small]).await.remove(0);
    let coloured = RgbImage::from_fn(4, 2, |x, y| match x {
        1 | 2 => padded.get_pixel(x, y).to_owned(),
        _ => Rgb([0, 90, 180]),
    });
    assert_same(&embedding, &sums(&coloured), "coloured padding");
}

fn ids(text: &str) -> Vec<i64> {
    let id = |word| WORDS.iter().find(|(known, _)| *known == word).map_or(1, |(_, id)| *id);
    text.split_whitespace().map(id).collect()
}

fn token_sums(ids: &[i64]) -> Vec<f64> {
    let sum = |number: fn(f64) -> f64| ids.iter().map(|id| number(*id as f64)).sum();
    vec![sum(|id| id), sum(|id| id * id / 100.0), sum(|_| 1.0)]
}

fn padded(ids: &[i64], length: usize) -> Vec<i64> {
    let mut ids = ids.to_vec();
    ids.resize(length, PAD);
    ids
}

/// Texts of several lengths, which share batches, against what `expected` makes of
/// their tokens.
async fn check_texts(folder: &TempDir, over: Value, expected: impl Fn(&[i64]) -> Vec<f64>) {
    let long = "red cup ".repeat(CONTEXT);
    let texts = ["mug", "blue cup", "red mug and blue mug", long.as_str(), "cup cup"];
    let encoder = load(folder, &over);
    let embeddings = try_join_all(texts.map(|text| encoder.embed_text(text))).await.unwrap();
    for (text, embedding) in texts.iter().zip(embeddings) {
        assert_same(&embedding, &expected(&ids(text)), &format!("{text}, {over}"));
    }
}

fn cut(ids: &[i64], length: usize) -> &[i64] {
    &ids[..ids.len().min(length)]
}

#[tokio::test]
async fn padding_counts_only_where_the_network_was_trained_so() {
    let masked = with_text("text_masked.onnx");
    check_texts(&masked, json!({}), |ids| token_sums(cut(ids, CONTEXT))).await;
    // Without a mask every text has the whole context, whatever shares its batch.
    let full = |ids: &[i64]| token_sums(&padded(cut(ids, CONTEXT), CONTEXT));
    check_texts(&with_text("text_unmasked.onnx"), json!({}), full).await;
    // SigLIP reads its padding, even where the export takes a mask.
    write(&masked, "config.json", &config("siglip_text_model"));
    check_texts(&masked, json!({}), full).await;
    // The tokenizer's own padding comes before that of config.json.
    let unmasked = with_text("text_unmasked.onnx");
    let mut other = config("clip_text_model");
    other["text_config"]["pad_token_id"] = json!(3);
    write(&unmasked, "config.json", &other);
    write(&unmasked, "tokenizer_config.json", &json!({"pad_token": "<pad>"}));
    check_texts(&unmasked, json!({}), full).await;
}

#[tokio::test]
async fn a_fixed_length_and_batch_are_kept() {
    // Twelve tokens, two texts.
    check_texts(&with_text("text_fixed.onnx"), json!({}), |ids| token_sums(cut(ids, 12))).await;
}

#[tokio::test]
async fn text_tokens_are_pooled_without_padding() {
    let folder = with_text("text_tokens.onnx");
    let token = |ids: &[i64], at: usize| vec![ids[at] as f64, 1.0 + at as f64, 1.0];
    let all = |ids: &[i64]| -> Vec<Vec<f64>> { (0..ids.len()).map(|at| token(ids, at)).collect() };
    let by = |ids: &[i64], reduce: fn(f64, f64) -> f64| -> Vec<f64> {
        let reduced =
            all(ids).into_iter().reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| reduce(a, b)).collect());
        reduced.unwrap()
    };
    let pooled = |how: &str| json!({"text": {"pooling": how}});
    check_texts(&folder, pooled("cls"), |ids| token(ids, 0)).await;
    check_texts(&folder, pooled("last"), |ids| token(cut(ids, CONTEXT), cut(ids, CONTEXT).len() - 1)).await;
    check_texts(&folder, pooled("mean"), |ids| by(cut(ids, CONTEXT), |a, b| a + b)).await;
    check_texts(&folder, pooled("max"), |ids| by(cut(ids, CONTEXT), f64::max)).await;
    let message = refused(&folder, &json!({}));
    assert!(message.contains("encoder.text.pooling"), "{message}");
}

#[tokio::test]
async fn a_prompt_stands_around_every_text() {
    let folder = with_text("text_masked.onnx");
    let encoder = load(&folder, &json!({"text": {"prompt": "red {text} cup"}}));
    let embedding = encoder.embed_text("blue mug").await.unwrap();
    assert_same(&embedding, &token_sums(&ids("red blue mug cup")), "prompt");
}

#[tokio::test]
async fn one_file_may_hold_both_networks() {
    let folder = vision("joint.onnx");
    check_images(&folder, json!({}), sums).await;
    check_texts(&folder, json!({}), |ids| token_sums(cut(ids, CONTEXT))).await;
    let loaded = load(&folder, &json!({}));
    let (fingerprint, _) = Encoder::identify(&settings(&folder, &json!({}))).unwrap();
    assert_eq!(loaded.fingerprint(), fingerprint);

    let message = refused(&folder, &json!({"vision": {"output": "logits_per_image"}}));
    assert!(message.contains("takes one input") && message.contains("input_ids"), "{message}");
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    assert!(refused(&folder, &json!({})).contains("tokenizer.json"));
}

#[test]
fn what_is_not_supported_is_refused_with_what_to_do() {
    for (fixture, over, expected) in [
        ("takes_bytes.onnx", json!({}), ["pixel_values (u8", "f32 or f16"]),
        ("gives_bfloat16.onnx", json!({}), ["image_embeds (bf16", "f32 or f16"]),
        ("any_size.onnx", json!({}), ["where the colours stand", "encoder.vision.layout"]),
        ("any_size.onnx", json!({"vision": {"layout": "nhwc"}}), ["self test", "image network"]),
        ("channels_first.onnx", json!({"vision": {"layout": "nhwc"}}), ["data", "encoder.vision.layout"]),
        (
            "classifier.onnx",
            json!({}),
            ["scores of classes", "the last values inside it are value_0, features"],
        ),
        ("classifier.onnx", json!({"vision": {"output": "fc1"}}), ["no value fc1", "features"]),
        ("centred_by_batch.onnx", json!({}), ["another vector in a batch", "encoder.max_batch_size"]),
        ("channels_first.onnx", json!({"vision": {"pooling": "mean"}}), ["output_0", "encoder.vision"]),
        ("text_masked.onnx", json!({}), ["input_ids", "vision_model.onnx"]),
    ] {
        let message = refused(&vision(fixture), &over);
        for part in expected {
            assert!(message.contains(part), "{fixture} {over}: {message}");
        }
    }
}

#[test]
fn text_networks_that_do_not_fit_are_refused() {
    let unmasked = with_text("text_unmasked.onnx");
    let mut config = config("clip_text_model");
    config["text_config"].as_object_mut().unwrap().remove("pad_token_id");
    write(&unmasked, "config.json", &config);
    let message = refused(&unmasked, &json!({}));
    assert!(message.contains("pad_token_id"), "{message}");

    let counted = with_text("text_tokens.onnx");
    write(&counted, "config.json", &self::config("xlm-roberta"));
    let message = refused(&counted, &json!({"text": {"pooling": "mean"}}));
    assert!(message.contains("position_ids") && message.contains("xlm-roberta"), "{message}");

    let named = vision("channels_first.onnx");
    write(&named, "config.json", &json!({"architectures": ["ResNetForImageClassification"]}));
    let message = refused(&named, &json!({}));
    assert!(message.contains("scores of classes") && message.contains("encoder.vision.output"), "{message}");
}
