//! The encoder that ships with the project, in the real ONNX Runtime.
//! `make test` provides the library; without it these tests fail and say so.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use image::{ImageFormat, Rgb, RgbImage, imageops};
use lookalike::domain::embedding::Embedding;
use lookalike::encoder::{Encoder, EncoderError, EncoderSettings, ExecutionProvider, VisionSettings};
use lookalike::imaging::{Augmentation, InputTensor, PreparedImage, Preprocessing};
use tempfile::TempDir;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo-encoder");
const RED: [u8; 3] = [210, 30, 25];
const BLUE: [u8; 3] = [25, 60, 200];

fn settings() -> EncoderSettings {
    EncoderSettings { directory: PathBuf::from(DEMO), ..EncoderSettings::default() }
        .or_library(std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from))
}

fn load(settings: &EncoderSettings) -> Encoder {
    Encoder::load(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn square(left: u32, colour: [u8; 3]) -> Vec<u8> {
    png(&RgbImage::from_fn(200, 200, |x, y| {
        let inside = (left..left + 100).contains(&x) && (50..150).contains(&y);
        Rgb(if inside { colour } else { [245; 3] })
    }))
}

fn disc(radius: u32, colour: [u8; 3]) -> Vec<u8> {
    png(&RgbImage::from_fn(200, 200, |x, y| {
        let (dx, dy) = (x.abs_diff(100), y.abs_diff(100));
        let inside = dx * dx + dy * dy < radius * radius;
        Rgb(if inside { colour } else { [245; 3] })
    }))
}

async fn embed(encoder: &Encoder, bytes: &[u8]) -> Embedding {
    let image = encoder.preprocess(bytes).unwrap();
    encoder.embed_image(image).await.unwrap().own
}

/// Pictures that all differ in colour and size.
fn many_pictures(encoder: &Encoder, count: u32) -> Vec<PreparedImage> {
    (0..count)
        .map(|index| {
            let colour = [(index * 67 % 256) as u8, (index * 29 % 256) as u8, (index * 4) as u8];
            encoder.preprocess(&disc(30 + index, colour)).unwrap()
        })
        .collect()
}

fn copy_of_demo() -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in fs::read_dir(DEMO).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn load_from(directory: &Path) -> Result<Encoder, EncoderError> {
    Encoder::load(&EncoderSettings { directory: directory.to_path_buf(), ..settings() })
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} lacks {from}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[tokio::test]
async fn images_and_texts_have_the_declared_dimension_and_unit_length() {
    let encoder = load(&settings());
    assert_eq!(encoder.dimension(), 128);
    assert_eq!(encoder.execution_provider(), "cpu");
    assert_eq!(encoder.image_size(), (64, 64));
    let image = embed(&encoder, &disc(60, BLUE)).await;
    let text = encoder.embed_text("blue disc").await.unwrap();
    for embedding in [image, text] {
        assert_eq!(embedding.dimension(), encoder.dimension());
        assert!((embedding.cosine(&embedding) - 1.0).abs() < 1e-5);
    }
}

#[tokio::test]
async fn similar_pictures_are_closer_than_different_ones() {
    let encoder = load(&settings());
    let red_square = embed(&encoder, &square(40, RED)).await;
    let shifted = embed(&encoder, &square(60, RED)).await;
    let blue_disc = embed(&encoder, &disc(60, BLUE)).await;
    let near = red_square.cosine(&shifted);
    let far = red_square.cosine(&blue_disc);
    assert!(near > 0.8, "shifted: {near}");
    assert!(far < near - 0.3, "another thing: {far}, shifted: {near}");
}

#[tokio::test]
async fn similar_texts_are_closer_than_different_ones() {
    let encoder = load(&settings());
    let texts = ["red leather ankle boot", "Ankle boot, red leather", "white porcelain cup"];
    let [boot, same, cup] =
        try_join_all(texts.map(|text| encoder.embed_text(text))).await.unwrap().try_into().unwrap();
    assert!(boot.cosine(&same) > boot.cosine(&cup) + 0.3);
}

#[tokio::test]
async fn texts_and_pictures_share_a_space() {
    let encoder = load(&settings());
    let pictures = [embed(&encoder, &disc(60, BLUE)).await, embed(&encoder, &disc(60, RED)).await];
    let texts = ["blue ball", "a red ball"].map(|text| encoder.embed_text(text));
    for (own, text) in try_join_all(texts).await.unwrap().iter().enumerate() {
        let [near, far] = [&pictures[own], &pictures[1 - own]].map(|picture| text.cosine(picture));
        assert!(near > far + 0.05, "its own picture: {near}, the other: {far}");
    }
}

#[tokio::test]
async fn a_text_beyond_the_context_is_cut() {
    let encoder = load(&settings());
    let long = "boot ".repeat(100_000);
    let cut = encoder.embed_text(&long[..2_000]).await.unwrap();
    let whole = encoder.embed_text(&long).await.unwrap();
    assert_eq!(cut, whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_keep_their_places_in_concurrent_batches() {
    let encoder = load(&settings());
    let pictures = many_pictures(&encoder, 64);
    let mut alone = Vec::new();
    for picture in &pictures {
        alone.push(encoder.embed_image(picture.clone()).await.unwrap().own);
    }
    let batching = load(&EncoderSettings {
        sessions: 2,
        max_batch_size: 16,
        max_batch_delay: Duration::from_millis(20),
        queue_capacity: 40,
        ..settings()
    });
    let together = join_all(pictures.into_iter().map(|picture| {
        let encoder = batching.clone();
        tokio::spawn(async move { encoder.embed_image(picture).await.unwrap().own })
    }))
    .await;
    for (index, together) in together.into_iter().enumerate() {
        let together = together.unwrap();
        assert!(together.cosine(&alone[index]) > 0.9999, "picture {index}");
        // The nearest of all single results is the own one.
        for (other, embedding) in alone.iter().enumerate() {
            let nearer = together.cosine(embedding) > together.cosine(&alone[index]) + 1e-6;
            assert!(!nearer, "picture {index} got the result of {other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variants_are_the_embeddings_of_the_turned_pictures_in_order() {
    let vision = VisionSettings {
        // In another order than they are stored.
        augmentations: vec![Augmentation::Rotate270, Augmentation::Flip, Augmentation::Rotate90],
        ..VisionSettings::default()
    };
    let augmenting = load(&EncoderSettings { vision, max_batch_size: 4, queue_capacity: 8, ..settings() });
    let plain = load(&settings());
    assert_ne!(augmenting.fingerprint(), plain.fingerprint());
    let pictures: Vec<RgbImage> = (0..12)
        .map(|at| {
            RgbImage::from_fn(150, 200, |x, y| {
                let stroke = (20..50).contains(&x) || ((20..60).contains(&y) && x < 60 + 6 * at);
                Rgb(if stroke { [200, 20 * at as u8, 90] } else { [245; 3] })
            })
        })
        .collect();
    // All at once, more inputs than the queue has places.
    let embedding = pictures.iter().map(|picture| {
        let encoder = augmenting.clone();
        let image = encoder.preprocess(&png(picture)).unwrap();
        tokio::spawn(async move { encoder.embed_image(image).await.unwrap() })
    });
    for (picture, embedding) in pictures.iter().zip(join_all(embedding).await) {
        let turned = [
            picture.clone(),
            imageops::flip_horizontal(picture),
            imageops::rotate90(picture),
            imageops::rotate270(picture),
        ];
        let embedding = embedding.unwrap();
        assert_eq!(embedding.variants.len(), 3);
        let mut alone = Vec::new();
        for turned in &turned {
            alone.push(embed(&plain, &png(turned)).await);
        }
        for (place, found) in embedding.all().enumerate() {
            let cosines: Vec<_> = alone.iter().map(|one| found.cosine(one)).collect();
            assert!(cosines[place] > 0.99999, "variant {place}: {cosines:?}");
            let others = cosines.iter().enumerate().filter(|(other, _)| *other != place);
            assert!(others.into_iter().all(|(_, cosine)| *cosine < 0.999), "variant {place}: {cosines:?}");
        }
    }
}

#[tokio::test]
async fn an_image_with_a_variant_that_fails_fails_alone() {
    let encoder = load(&settings());
    let good = encoder.preprocess(&disc(60, RED)).unwrap();
    let small = InputTensor::new(1, 1, vec![0.0; 3]).unwrap();
    let bad = PreparedImage { own: good.own.clone(), variants: vec![good.own.clone(), small] };
    let (bad, after) = tokio::join!(encoder.embed_image(bad), encoder.embed_image(good));
    assert!(bad.unwrap_err().to_string().contains("1x1"));
    assert!(after.is_ok());
}

#[tokio::test]
async fn texts_of_different_lengths_share_a_batch_unharmed() {
    let encoder = load(&EncoderSettings { max_batch_delay: Duration::from_millis(20), ..settings() });
    let texts: Vec<String> = (1..12).map(|words| "cup boot shirt ".repeat(words)).collect();
    let together = try_join_all(texts.iter().map(|text| encoder.embed_text(text))).await.unwrap();
    let single = load(&settings());
    for (text, together) in texts.iter().zip(together) {
        let alone = single.embed_text(text).await.unwrap();
        assert!(together.cosine(&alone) > 0.9999, "{text}");
    }
}

#[tokio::test]
async fn a_tensor_for_another_encoder_is_refused() {
    let encoder = load(&settings());
    let other = Preprocessing::from_json(
        br#"{"image_processor_type": "resize-crop-pad", "size": {"height": 32, "width": 64},
             "resample": 2, "do_normalize": false}"#,
    )
    .unwrap();
    let tensor = other.apply(&RgbImage::new(10, 10).into());
    let error = encoder.embed_image(tensor.into()).await.unwrap_err();
    assert!(error.to_string().contains("64x32"), "{error}");
}

#[test]
fn a_rejected_picture_keeps_its_reason() {
    let encoder = load(&settings());
    let whole = disc(60, RED);
    let rejected = encoder.preprocess(&whole[..whole.len() / 2]).unwrap_err();
    assert_eq!(rejected.code(), "truncated");
}

#[test]
fn a_wrong_library_says_what_to_do() {
    let error = Encoder::load(&EncoderSettings {
        library: Some(PathBuf::from("/no/such/libonnxruntime.so")),
        ..settings()
    })
    .unwrap_err()
    .to_string();
    for part in ["/no/such/libonnxruntime.so", "make onnxruntime", "encoder.library"] {
        assert!(error.contains(part), "{error}");
    }
    // One process has one ONNX Runtime: another file is refused, not ignored.
    drop(load(&settings()));
    let other = tempfile::NamedTempFile::new().unwrap();
    let error = Encoder::load(&EncoderSettings { library: Some(other.path().to_path_buf()), ..settings() })
        .unwrap_err();
    assert!(matches!(error, EncoderError::LibraryLoaded { .. }), "{error}");
}

#[test]
fn a_provider_that_cannot_be_used_is_never_replaced_silently() {
    for (provider, name) in [(ExecutionProvider::Cuda, "cuda"), (ExecutionProvider::TensorRt, "tensorrt")] {
        let gpu = EncoderSettings { execution_provider: provider, ..settings() };
        match Encoder::load(&gpu) {
            Ok(encoder) => assert_eq!(encoder.execution_provider(), name),
            Err(error) => {
                assert!(matches!(error, EncoderError::ExecutionProvider { .. }), "{error}");
                assert!(error.to_string().contains(&format!("is {name}")), "{error}");
            }
        }
    }
}

#[test]
fn the_fingerprint_follows_the_files() {
    let original = load(&settings());
    let copy = copy_of_demo();
    let same = load_from(copy.path()).unwrap();
    assert_eq!(same.fingerprint(), original.fingerprint());
    edit(&copy.path().join("preprocessor_config.json"), "\"resample\": 3", "\"resample\": 2");
    let changed = load_from(copy.path()).unwrap();
    assert_ne!(changed.fingerprint(), original.fingerprint());
    assert_eq!(original.fingerprint().len(), 16);
}

#[tokio::test]
async fn an_encoder_without_a_text_network_says_so() {
    let copy = copy_of_demo();
    fs::remove_file(copy.path().join("text_model.onnx")).unwrap();
    fs::rename(copy.path().join("vision_model.onnx"), copy.path().join("model.onnx")).unwrap();
    let encoder = load_from(copy.path()).unwrap();
    assert!(!encoder.has_text());
    let error = encoder.embed_text("boot").await.unwrap_err();
    assert!(matches!(error, EncoderError::NoTextNetwork), "{error}");
}

#[test]
fn files_that_contradict_each_other_are_refused() {
    let refused = |name: &str, from: &str, to: &str| {
        let copy = copy_of_demo();
        edit(&copy.path().join(name), from, to);
        load_from(copy.path()).unwrap_err().to_string()
    };
    let message = refused("config.json", "\"projection_dim\": 128", "\"projection_dim\": 512");
    assert!(message.contains("512") && message.contains("128"), "{message}");
    let message = refused("preprocessor_config.json", "\"height\": 64", "\"height\": 32");
    assert!(message.contains("[3, 32, 64]"), "{message}");
    let message = refused("preprocessor_config.json", "\"do_convert_rgb\"", "\"do_magic\"");
    assert!(message.contains("do_magic"), "{message}");

    let copy = copy_of_demo();
    fs::write(copy.path().join("vision_model.onnx"), b"not a network").unwrap();
    let message = load_from(copy.path()).unwrap_err().to_string();
    assert!(message.contains("vision_model.onnx"), "{message}");
    // A text network where the vision network should be.
    let copy = copy_of_demo();
    fs::copy(copy.path().join("text_model.onnx"), copy.path().join("vision_model.onnx")).unwrap();
    let message = load_from(copy.path()).unwrap_err().to_string();
    assert!(message.contains("input_ids"), "{message}");
}
