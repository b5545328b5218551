//! Weights that the sessions of one network share, so that a further session costs
//! little memory.
//!
//! Guarantee: a session with shared weights gives the vectors that it gives without.
//!
//! ONNX Runtime packs weights anew for its kernels, and one session keeps only what is
//! packed. It shares that between sessions only for weights that were handed to it from
//! outside (`SessionState::PrepackConstantInitializedTensors` in
//! onnxruntime/core/framework/session_state.cc), so they are read from the network's
//! file here. These originals stay in memory as well.

use std::sync::Arc;

use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{DynValue, Tensor};
use prost::Message as _;
use prost::bytes::Bytes;

use super::EncoderError;
use super::network_file::NetworkFile;

/// From so many sessions on it saves memory: one original and one packed copy, instead
/// of a packed copy each. Measured on a CLIP ViT-B/32 graph of 335 MiB with ONNX Runtime
/// 1.27: 1, 2 and 4 sessions take 595, 919 and 1,840 MiB alone, 766, 1,110 and 1,288
/// MiB shared.
const LEAST_SESSIONS: usize = 3;
/// Smaller weights stay in the network: they may be shapes that it is optimised by.
const LEAST_BYTES: usize = 4_096;
/// `TensorProto.DataType` of 32-bit floating-point numbers.
const FLOAT: i32 = 1;

/// What is read of `ModelProto` (onnx/onnx.proto); prost skips the other fields.
#[derive(Clone, PartialEq, prost::Message)]
struct ModelFile {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

/// Of `GraphProto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Graph {
    #[prost(message, repeated, tag = "5")]
    initializers: Vec<Initializer>,
}

/// Of `TensorProto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Initializer {
    #[prost(int64, repeated, tag = "1")]
    shape: Vec<i64>,
    #[prost(int32, tag = "2")]
    element: i32,
    #[prost(string, tag = "8")]
    name: String,
    /// Little-endian; empty when the values lie in another file.
    #[prost(bytes = "bytes", tag = "9")]
    values: Bytes,
}

/// The large weights of one network file.
pub(super) struct SharedWeights {
    packed: PrepackedWeights,
    originals: Vec<(String, Arc<DynValue>)>,
}

impl SharedWeights {
    /// Reads the weights of a network that so many sessions will run, if sharing saves
    /// memory.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] when the file cannot be read or is no network.
    pub(super) fn for_sessions(file: &NetworkFile, count: usize) -> Result<Option<Self>, EncoderError> {
        if count < LEAST_SESSIONS { Ok(None) } else { Self::read(file).map(Some) }
    }

    /// Weights in 16 or 8 bits, or in a file of their own, are left out: of them each
    /// session has its own.
    fn read(file: &NetworkFile) -> Result<Self, EncoderError> {
        let wrong = |reason: String| file.wrong(reason);
        let bytes = file.read().map_err(|source| EncoderError::File { path: file.path.clone(), source })?;
        let initializers = large(Bytes::from(bytes)).map_err(|error| wrong(error.to_string()))?;
        let originals = initializers
            .into_iter()
            .map(|one| {
                let numbers: Vec<f32> =
                    one.values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                let tensor = Tensor::<f32>::from_array((one.shape, numbers))?;
                Ok((one.name, Arc::new(tensor.into_dyn())))
            })
            .collect::<ort::Result<_>>()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { packed: PrepackedWeights::new(), originals })
    }

    /// Has a session use them.
    pub(super) fn lend(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        let mut builder = builder.with_prepacked_weights(&self.packed)?;
        for (name, value) in &self.originals {
            builder = builder.with_initializer(name, Arc::clone(value))?;
        }
        Ok(builder)
    }
}

/// The weights of a network file that are worth sharing.
fn large(file: Bytes) -> Result<Vec<Initializer>, prost::DecodeError> {
    let graph = ModelFile::decode(file)?.graph;
    let is_large = |one: &Initializer| one.element == FLOAT && one.values.len() >= LEAST_BYTES;
    Ok(graph.into_iter().flat_map(|graph| graph.initializers).filter(is_large).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_of_32_bits_are_shared() {
        let weights = |name: &str, element, bytes: usize| Initializer {
            shape: vec![bytes as i64 / 4],
            element,
            name: name.to_owned(),
            values: vec![0; bytes].into(),
        };
        let half = FLOAT + 9;
        let initializers = vec![
            weights("large", FLOAT, LEAST_BYTES),
            weights("small", FLOAT, LEAST_BYTES - 4),
            weights("half", half, LEAST_BYTES),
            weights("elsewhere", FLOAT, 0),
        ];
        let file = ModelFile { graph: Some(Graph { initializers: initializers.clone() }) };
        assert_eq!(large(file.encode_to_vec().into()).unwrap(), initializers[..1]);
        assert!(large(Bytes::from_static(b"not a network")).is_err());
    }
}
