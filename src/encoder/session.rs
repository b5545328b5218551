//! ONNX Runtime sessions: opening one, and tensors in and out of it.
//!
//! One session belongs to one thread: running it needs `&mut`.

use std::borrow::Cow;

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider as _};
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, ValueType};

use super::graph::{Float, Integer, Value};
use super::network_file::NetworkFile;
use super::{EncoderError, ExecutionProvider};

/// A network that turns a batch of inputs into one vector each.
pub(super) trait Network: Send + 'static {
    type Input: Send + 'static;
    /// Its name in errors and logs.
    const TOWER: &'static str;

    /// Most inputs it takes at once, where the network itself sets a limit.
    fn largest_batch(&self) -> Option<usize>;

    /// One vector for each input, in the same order, not yet of unit length.
    fn run(&mut self, inputs: &[&Self::Input]) -> Result<Vec<Vec<f32>>, String>;
}

/// Opens a network file in a session of its own.
pub(super) fn open(
    environment: &Environment,
    file: &NetworkFile,
    provider: ExecutionProvider,
    threads: usize,
) -> Result<Session, EncoderError> {
    let wrong = |error: ort::Error| file.wrong(error.to_string());
    let builder = Session::builder(environment)
        .and_then(|builder| {
            let builder = builder
                .with_optimization_level(GraphOptimizationLevel::Level3)?
                .with_intra_threads(threads)?
                .with_inter_threads(1)?
                // Idle threads that spin take the cores of the other sessions.
                .with_intra_op_spinning(false)?
                .with_inter_op_spinning(false)?;
            Ok(builder)
        })
        .map_err(wrong)?;
    let builder = match provider {
        ExecutionProvider::Cpu => builder,
        ExecutionProvider::Cuda => {
            let unusable =
                |reason: String| EncoderError::ExecutionProvider { provider: provider.name(), reason };
            let available = ep::CUDA::is_available().map_err(|e| unusable(e.to_string()))?;
            if !available {
                return Err(unusable("this build of ONNX Runtime was made without it".to_owned()));
            }
            // TF32 would round to 10 bits: vectors of CPU and GPU would differ.
            let cuda = ep::CUDA::default().with_tf32(false).build();
            builder
                .with_execution_providers([cuda.error_on_failure()])
                .map_err(|error| unusable(error.to_string()))?
        }
    };
    file.commit(builder).map_err(wrong)
}

/// Inputs or outputs as the network declares them.
pub(super) fn declared(outlets: &[Outlet]) -> Vec<Value> {
    let value = |outlet: &Outlet| {
        let (element, shape) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, .. } => (Some(*ty), shape.to_vec()),
            _ => (None, Vec::new()),
        };
        Value { name: outlet.name().to_owned(), element, shape }
    };
    outlets.iter().map(value).collect()
}

/// An input tensor of fractions.
pub(super) fn floats(element: Float, shape: [usize; 4], values: Vec<f32>) -> Result<DynValue, String> {
    let tensor = match element {
        Float::F32 => Tensor::from_array((shape, values)).map(Tensor::into_dyn),
        Float::F16 => {
            let mut halves = vec![f16::ZERO; values.len()];
            halves.convert_from_f32_slice(&values);
            Tensor::from_array((shape, halves)).map(Tensor::into_dyn)
        }
    };
    tensor.map_err(|error| error.to_string())
}

/// An input tensor of whole numbers; all that come fit in 31 bits.
pub(super) fn integers(element: Integer, shape: [usize; 2], values: Vec<i64>) -> Result<DynValue, String> {
    let tensor = match element {
        Integer::I64 => Tensor::from_array((shape, values)).map(Tensor::into_dyn),
        Integer::I32 => {
            let narrow: Vec<i32> = values.into_iter().map(|value| value as i32).collect();
            Tensor::from_array((shape, narrow)).map(Tensor::into_dyn)
        }
    };
    tensor.map_err(|error| error.to_string())
}

/// Shape and numbers of an output.
pub(super) fn numbers(output: &DynValue) -> Result<(&[i64], Cow<'_, [f32]>), String> {
    let half = matches!(output.dtype(), ValueType::Tensor { ty: TensorElementType::Float16, .. });
    let read = if half {
        output.try_extract_tensor::<f16>().map(|(shape, values)| (shape, Cow::Owned(values.to_f32_vec())))
    } else {
        output.try_extract_tensor::<f32>().map(|(shape, values)| (shape, Cow::Borrowed(values)))
    };
    read.map(|(shape, values)| (&**shape, values)).map_err(|error| error.to_string())
}
