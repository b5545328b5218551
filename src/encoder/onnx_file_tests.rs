use std::fs;
use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/encoders", name].iter().collect()
}

/// What is left of a fixture for one output, read again.
fn part(name: &str, output: &str) -> OnnxFile {
    let part = OnnxFile::open(&fixture(name)).unwrap().part(output).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), part).unwrap();
    OnnxFile::open(file.path()).unwrap()
}

#[test]
fn the_outline_names_what_goes_in_and_out() {
    let joint = OnnxFile::open(&fixture("joint.onnx")).unwrap();
    assert_eq!(joint.inputs().unwrap(), ["input_ids", "attention_mask", "pixel_values"]);
    let outputs = ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"];
    assert_eq!(joint.outputs().unwrap(), outputs);
    assert!(joint.weight_files().unwrap().is_empty());
    let external = OnnxFile::open(&fixture("classifier_external.onnx")).unwrap();
    assert_eq!(external.weight_files().unwrap(), ["classifier_external.weights"]);
}

#[test]
fn a_part_has_only_what_its_output_needs() {
    let whole = OnnxFile::open(&fixture("joint.onnx")).unwrap();
    let image = part("joint.onnx", "image_embeds");
    assert_eq!(image.inputs().unwrap(), ["pixel_values"]);
    assert_eq!(image.outputs().unwrap(), ["image_embeds"]);
    let text = part("joint.onnx", "text_embeds");
    assert_eq!(text.inputs().unwrap(), ["input_ids", "attention_mask"]);
    for tower in [&image, &text] {
        assert!(!tower.values().unwrap().iter().any(|value| value.starts_with("logits")));
        assert!(tower.of(INITIALIZER).count() < whole.of(INITIALIZER).count());
        assert_eq!(tower.model.len(), whole.model.len(), "versions and names stay");
    }
    let both = image.of(NODE).count() + text.of(NODE).count();
    assert_eq!(both + 3, whole.of(NODE).count(), "two products and a transposition join them");
}

#[test]
fn a_value_inside_becomes_the_output() {
    let file = OnnxFile::open(&fixture("classifier.onnx")).unwrap();
    assert_eq!(file.values().unwrap().last().unwrap(), "logits");
    let features = part("classifier.onnx", "features");
    assert_eq!(features.outputs().unwrap(), ["features"]);
    assert_eq!(features.values().unwrap().last().unwrap(), "features");
}

#[test]
fn branches_take_names_from_outside() {
    let node = |inputs: &[&str], output: &str| Node {
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: Vec::new(),
    };
    let inner = Subgraph { nodes: vec![node(&["outside"], "inner")], outputs: Vec::new() };
    let passed = Subgraph { nodes: Vec::new(), outputs: vec![Named { name: "passed".to_owned() }] };
    let mut branch = node(&["condition"], "chosen");
    branch.attributes =
        [inner, passed].map(|graph| Attribute { graph: Some(graph), graphs: Vec::new() }).into();
    let nodes = [node(&["x"], "outside"), node(&["x"], "passed"), node(&["x"], "idle"), branch];
    let (names, kept) = needed(&nodes, "chosen");
    assert_eq!(kept, [true, true, false, true]);
    assert!(names.contains("x") && names.contains("condition") && !names.contains("idle"));
}

#[test]
fn other_and_damaged_files_are_no_networks() {
    let whole = fs::read(fixture("classifier.onnx")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let cut = &whole[..whole.len() / 2];
    for bytes in [b"not a network".as_slice(), b"", b"\x08", &[0xFF; 64], cut] {
        fs::write(file.path(), bytes).unwrap();
        let error = OnnxFile::open(file.path()).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
}
