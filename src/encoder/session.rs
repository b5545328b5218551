//! What a network is to the batcher, and tensors in and out of its session.

use std::borrow::Cow;

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use ort::value::{DynValue, Outlet, TensorElementType, ValueType};

use super::graph::{Float, Integer, Value};
use super::provider::DeviceSession;

/// A network that turns a batch of inputs into one vector each.
pub(super) trait Network: Send + 'static {
    type Input: Send + Sync + 'static;
    /// Its name in errors and logs.
    const TOWER: &'static str;

    /// Most inputs it takes at once, where the network itself sets a limit.
    fn largest_batch(&self) -> Option<usize>;

    /// One vector for each input, in the same order, not yet of unit length.
    fn run(&mut self, inputs: &[&Self::Input]) -> Result<Vec<Vec<f32>>, String>;
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
pub(super) fn floats(
    session: &DeviceSession,
    element: Float,
    shape: [usize; 4],
    values: &[f32],
) -> Result<DynValue, String> {
    match element {
        Float::F32 => session.tensor::<f32>(&shape, |to| to.copy_from_slice(values)),
        Float::F16 => session.tensor::<f16>(&shape, |to| to.convert_from_f32_slice(values)),
    }
}

/// An input tensor of whole numbers; all that come fit in 31 bits.
pub(super) fn integers(
    session: &DeviceSession,
    element: Integer,
    shape: [usize; 2],
    values: &[i64],
) -> Result<DynValue, String> {
    match element {
        Integer::I64 => session.tensor::<i64>(&shape, |to| to.copy_from_slice(values)),
        Integer::I32 => session.tensor::<i32>(&shape, |to| {
            to.iter_mut().zip(values).for_each(|(to, value)| *to = *value as i32);
        }),
    }
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
