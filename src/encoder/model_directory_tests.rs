use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo-encoder");

fn copy_of_demo() -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in fs::read_dir(DEMO).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn read_from(directory: &Path) -> Result<ModelDirectory, EncoderError> {
    ModelDirectory::read(&EncoderSettings {
        directory: directory.to_path_buf(),
        ..EncoderSettings::default()
    })
}

fn fingerprint_of(directory: &Path) -> String {
    read_from(directory).unwrap().fingerprint
}

#[test]
fn reads_the_demo_encoder() {
    let directory = read_from(Path::new(DEMO)).unwrap();
    assert_eq!(directory.declared_dimension, Some(128));
    assert_eq!(directory.preprocessing.width(), 64);
    let text = directory.text.unwrap();
    assert_eq!((text.context_length, text.pad_id), (256, Some(256)));
    assert_eq!(directory.fingerprint.len(), FINGERPRINT_DIGITS);
}

#[test]
fn models_may_lie_under_onnx() {
    let copy = copy_of_demo();
    let before = fingerprint_of(copy.path());
    fs::create_dir(copy.path().join("onnx")).unwrap();
    for name in ["vision_model.onnx", "text_model.onnx"] {
        fs::rename(copy.path().join(name), copy.path().join("onnx").join(name)).unwrap();
    }
    let directory = read_from(copy.path()).unwrap();
    assert!(directory.vision.ends_with("onnx/vision_model.onnx"));
    assert_eq!(directory.fingerprint, before, "the place of a file is no content");
}

#[test]
fn without_settings_the_fingerprint_is_that_of_pixels_and_files() {
    // Collections are named by it: it changes with the program only where pixels do.
    let mut hash = Sha256::new();
    let file = |name: &str| fs::read(Path::new(DEMO).join(name)).unwrap();
    let text = read_from(Path::new(DEMO)).unwrap().text.unwrap();
    let limits = format!("{} {:?}", text.context_length, text.pad_id).into_bytes();
    for part in [
        imaging::REVISION.into(),
        file("vision_model.onnx"),
        file("preprocessor_config.json"),
        file("text_model.onnx"),
        file("tokenizer.json"),
        limits,
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digits: String = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(fingerprint_of(Path::new(DEMO)), digits);
}

#[test]
fn every_byte_that_decides_changes_the_fingerprint() {
    let original = fingerprint_of(Path::new(DEMO));
    let change = |name: &str, from: &str, to: &str| {
        let copy = copy_of_demo();
        let path = copy.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        fingerprint_of(copy.path())
    };
    assert_ne!(change("preprocessor_config.json", "\"resample\": 3", "\"resample\": 2"), original);
    assert_ne!(change("tokenizer.json", "NFKC", "NFKD"), original);
    let shorter =
        change("config.json", "\"max_position_embeddings\": 256", "\"max_position_embeddings\": 77");
    assert_ne!(shorter, original);
    assert_eq!(change("config.json", "\"model_type\": \"clip\"", "\"model_type\": \"x\""), original);

    for name in ["vision_model.onnx", "text_model.onnx"] {
        let copy = copy_of_demo();
        let path = copy.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_ne!(fingerprint_of(copy.path()), original, "{name}");
    }
    let copy = copy_of_demo();
    fs::write(copy.path().join("vision_model.onnx_data"), b"weights").unwrap();
    assert_ne!(fingerprint_of(copy.path()), original);
}

#[test]
fn every_setting_that_decides_changes_the_fingerprint() {
    let with = |json: &str| {
        let mut settings: EncoderSettings = serde_json::from_str(json).unwrap();
        settings.directory = DEMO.into();
        ModelDirectory::read(&settings).unwrap().fingerprint
    };
    let original = with("{}");
    assert_eq!(with(r#"{"threads": 3, "max_batch_size": 2}"#), original);
    assert_eq!(with(r#"{"vision": {"augmentations": []}}"#), original);
    let [some, reordered] = ["flip\", \"rotate-90", "rotate-90\", \"flip"]
        .map(|names| with(&format!(r#"{{"vision": {{"augmentations": ["{names}"]}}}}"#)));
    assert_eq!(some, reordered, "the order means nothing");
    let mut seen = vec![original];
    for settings in [
        r#"{"vision": {"output": "image_embeds"}}"#,
        r#"{"vision": {"pooling": "mean"}}"#,
        r#"{"vision": {"layout": "nchw"}}"#,
        r#"{"vision": {"augmentations": ["flip"]}}"#,
        r#"{"vision": {"augmentations": ["rotate-90"]}}"#,
        r#"{"vision": {"augmentations": ["flip", "rotate-90"]}}"#,
        r#"{"vision": {"resize_crop_pad": {"size": "240x180"}}}"#,
        r#"{"vision": {"resize_crop_pad": {"size": "180x240"}}}"#,
        r#"{"vision": {"resize_crop_pad": {"size": "240x180", "fit": "cover"}}}"#,
        r#"{"vision": {"resize_crop_pad": {"size": "240x180", "pad_value": [0, 0, 0]}}}"#,
        r#"{"text": {"output": "text_embeds"}}"#,
        r#"{"text": {"pooling": "mean"}}"#,
        r#"{"text": {"prompt": "a photo of {text}"}}"#,
    ] {
        let fingerprint = with(settings);
        assert!(!seen.contains(&fingerprint), "{settings}");
        seen.push(fingerprint);
    }
}

#[test]
fn files_beside_the_tokenizer_decide_too() {
    let copy = copy_of_demo();
    let original = fingerprint_of(copy.path());
    let path = copy.path().join("tokenizer_config.json");
    fs::write(&path, r#"{"model_max_length": 1000000000000000019884624838656}"#).unwrap();
    assert_eq!(fingerprint_of(copy.path()), original, "this is no limit");
    fs::write(&path, r#"{"model_max_length": 64, "pad_token": {"content": "<pad>"}}"#).unwrap();
    let text = read_from(copy.path()).unwrap().text.unwrap();
    assert_eq!((text.context_length, text.pad_token.as_deref()), (64, Some("<pad>")));
    let padded = fingerprint_of(copy.path());
    assert_ne!(padded, original);
    fs::write(&path, r#"{"model_max_length": 64, "pad_token": "!"}"#).unwrap();
    assert_ne!(fingerprint_of(copy.path()), padded);
    fs::write(&path, r#"{"padding_side": "left"}"#).unwrap();
    let message = read_from(copy.path()).unwrap_err().to_string();
    assert!(message.contains("padding_side"), "{message}");
}

#[test]
fn what_is_missing_is_named() {
    for (name, expected) in [
        ("vision_model.onnx", "no vision_model.onnx or model.onnx"),
        ("preprocessor_config.json", "preprocessor_config.json"),
        ("tokenizer.json", "tokenizer.json"),
        ("config.json", "max_position_embeddings"),
    ] {
        let copy = copy_of_demo();
        fs::remove_file(copy.path().join(name)).unwrap();
        let message = read_from(copy.path()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let copy = copy_of_demo();
    fs::remove_file(copy.path().join("text_model.onnx")).unwrap();
    assert!(read_from(copy.path()).unwrap().text.is_none());
    let message = read_from(Path::new("/no/such")).unwrap_err().to_string();
    assert!(message.contains("does not exist"), "{message}");
}
