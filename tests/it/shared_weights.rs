//! Sessions that share weights, on a network written here: its weights are large enough
//! to be shared, which from three sessions on they are.

use std::path::PathBuf;

use futures::future::try_join_all;
use image::{Rgb, RgbImage};
use lookalike::encoder::{Encoder, EncoderSettings};
use lookalike::imaging::Preprocessing;
use prost::Message;

const PREPROCESSOR: &str = r#"{"image_processor_type": "resize-crop-pad",
    "size": {"height": 16, "width": 16}, "resample": 2, "do_normalize": false}"#;

/// The parts of onnx/onnx.proto that such a network needs.
mod onnx {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Model {
        #[prost(int64, tag = "1")]
        pub(super) ir_version: i64,
        #[prost(message, optional, tag = "7")]
        pub(super) graph: Option<Graph>,
        #[prost(message, repeated, tag = "8")]
        pub(super) opset: Vec<Opset>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Opset {
        #[prost(int64, tag = "2")]
        pub(super) version: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Graph {
        #[prost(message, repeated, tag = "1")]
        pub(super) nodes: Vec<Node>,
        #[prost(string, tag = "2")]
        pub(super) name: String,
        #[prost(message, repeated, tag = "5")]
        pub(super) initializers: Vec<Initializer>,
        #[prost(message, repeated, tag = "11")]
        pub(super) inputs: Vec<Value>,
        #[prost(message, repeated, tag = "12")]
        pub(super) outputs: Vec<Value>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Node {
        #[prost(string, repeated, tag = "1")]
        pub(super) inputs: Vec<String>,
        #[prost(string, repeated, tag = "2")]
        pub(super) outputs: Vec<String>,
        #[prost(string, tag = "4")]
        pub(super) operator: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Initializer {
        #[prost(int64, repeated, tag = "1")]
        pub(super) shape: Vec<i64>,
        #[prost(int32, tag = "2")]
        pub(super) element: i32,
        #[prost(string, tag = "8")]
        pub(super) name: String,
        #[prost(bytes = "vec", tag = "9")]
        pub(super) values: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Value {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, optional, tag = "2")]
        pub(super) kind: Option<Kind>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Kind {
        #[prost(message, optional, tag = "1")]
        pub(super) tensor: Option<Tensor>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Tensor {
        #[prost(int32, tag = "1")]
        pub(super) element: i32,
        #[prost(message, optional, tag = "2")]
        pub(super) shape: Option<Shape>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Shape {
        #[prost(message, repeated, tag = "1")]
        pub(super) dimensions: Vec<Dimension>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Dimension {
        #[prost(int64, optional, tag = "1")]
        pub(super) size: Option<i64>,
        #[prost(string, optional, tag = "2")]
        pub(super) name: Option<String>,
    }
}

/// 32-bit floating-point numbers, in ONNX.
const FLOAT: i32 = 1;

/// A tensor of `[batch, …]`.
fn value(name: &str, rest: &[i64]) -> onnx::Value {
    let batch = onnx::Dimension { size: None, name: Some("batch".to_owned()) };
    let rest = rest.iter().map(|size| onnx::Dimension { size: Some(*size), name: None });
    let shape = onnx::Shape { dimensions: [batch].into_iter().chain(rest).collect() };
    let tensor = onnx::Tensor { element: FLOAT, shape: Some(shape) };
    onnx::Value { name: name.to_owned(), kind: Some(onnx::Kind { tensor: Some(tensor) }) }
}

fn node(operator: &str, inputs: &[&str], output: &str) -> onnx::Node {
    onnx::Node {
        inputs: inputs.iter().map(ToString::to_string).collect(),
        outputs: vec![output.to_owned()],
        operator: operator.to_owned(),
    }
}

/// Numbers between −1 and 1 that follow no simple rule.
fn weights(name: &str, rows: i64, columns: i64) -> onnx::Initializer {
    let numbers = (0..rows * columns).map(|at| ((at * at % 8_191) as f32 * 0.37).sin());
    onnx::Initializer {
        shape: vec![rows, columns],
        element: FLOAT,
        name: name.to_owned(),
        values: numbers.flat_map(f32::to_le_bytes).collect(),
    }
}

/// Two matrices with a bend between them.
fn network() -> onnx::Model {
    let graph = onnx::Graph {
        nodes: vec![
            node("Flatten", &["pixel_values"], "flat"),
            node("MatMul", &["flat", "first"], "hidden"),
            node("Tanh", &["hidden"], "bent"),
            node("MatMul", &["bent", "second"], "image_embeds"),
        ],
        name: "two matrices".to_owned(),
        initializers: vec![weights("first", 768, 96), weights("second", 96, 64)],
        inputs: vec![value("pixel_values", &[3, 16, 16])],
        outputs: vec![value("image_embeds", &[64])],
    };
    onnx::Model { ir_version: 8, graph: Some(graph), opset: vec![onnx::Opset { version: 17 }] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_share_weights_give_the_same_vectors() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.onnx"), network().encode_to_vec()).unwrap();
    std::fs::write(folder.path().join("preprocessor_config.json"), PREPROCESSOR).unwrap();
    let single = EncoderSettings {
        directory: folder.path().to_path_buf(),
        threads: 1,
        max_batch_size: 1,
        ..EncoderSettings::default()
    }
    .or_library(std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from));
    let alone = Encoder::load(&single).unwrap();
    let sharing = Encoder::load(&EncoderSettings { sessions: 4, ..single }).unwrap();
    let preprocessing = Preprocessing::from_json(PREPROCESSOR.as_bytes()).unwrap();
    let pictures = (0..64_u8).map(|at| RgbImage::from_pixel(16, 16, Rgb([at * 4, 255 - at * 3, at])));
    let tensors: Vec<_> = pictures.map(|picture| preprocessing.apply(&picture.into())).collect();
    // All at once, so that every session has its share.
    let shared =
        try_join_all(tensors.iter().map(|one| sharing.embed_image(one.clone().into()))).await.unwrap();
    for (tensor, shared) in tensors.into_iter().zip(shared) {
        assert_eq!(shared, alone.embed_image(tensor.into()).await.unwrap());
    }
}
