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

fn fingerprint_of(directory: &Path) -> String {
    ModelDirectory::read(directory).unwrap().fingerprint
}

#[test]
fn reads_the_demo_encoder() {
    let directory = ModelDirectory::read(Path::new(DEMO)).unwrap();
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
    let directory = ModelDirectory::read(copy.path()).unwrap();
    assert!(directory.vision.ends_with("onnx/vision_model.onnx"));
    assert_eq!(directory.fingerprint, before, "the place of a file is no content");
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
fn what_is_missing_is_named() {
    for (name, expected) in [
        ("vision_model.onnx", "no vision_model.onnx or model.onnx"),
        ("preprocessor_config.json", "preprocessor_config.json"),
        ("tokenizer.json", "tokenizer.json"),
        ("config.json", "max_position_embeddings"),
    ] {
        let copy = copy_of_demo();
        fs::remove_file(copy.path().join(name)).unwrap();
        let message = ModelDirectory::read(copy.path()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let copy = copy_of_demo();
    fs::remove_file(copy.path().join("text_model.onnx")).unwrap();
    assert!(ModelDirectory::read(copy.path()).unwrap().text.is_none());
    let message = ModelDirectory::read(Path::new("/no/such")).unwrap_err().to_string();
    assert!(message.contains("does not exist"), "{message}");
}
