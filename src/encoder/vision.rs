//! Pictures to vectors.

use std::iter;

use super::graph::{self, ImageInput, OutputRules};
use super::network_settings::{Layout, Pooling};
use super::pooling::{self, Given};
use super::provider::DeviceSession;
use super::session::{self, Network};
use crate::imaging::InputTensor;

/// Outputs that hold the vector of an image, the best first.
pub(super) const USUAL_OUTPUTS: &[&str] =
    &["image_embeds", "image_features", "sentence_embedding", "pooler_output"];

pub(super) struct VisionNetwork {
    session: DeviceSession,
    input: ImageInput,
    output: String,
    pooling: Option<Pooling>,
}

impl VisionNetwork {
    /// Wraps a session that takes pictures of this width and height.
    pub(super) fn new(
        session: DeviceSession,
        layout: Option<Layout>,
        size: (u32, u32),
        rules: &OutputRules<'_>,
    ) -> Result<Self, String> {
        let input = ImageInput::find(&session::declared(session.inputs()), layout, size)?;
        let output = graph::output(&session::declared(session.outputs()), rules)?;
        Ok(Self { session, input, output, pooling: rules.pooling })
    }
}

impl Network for VisionNetwork {
    type Input = InputTensor;
    const TOWER: &'static str = "image";

    fn largest_batch(&self) -> Option<usize> {
        self.input.batch
    }

    fn run(&mut self, inputs: &[&InputTensor]) -> Result<Vec<Vec<f32>>, String> {
        let last = inputs.last().ok_or("an empty batch")?;
        let (width, height) = (last.width() as usize, last.height() as usize);
        let layout = self.input.layout;
        let batch = self.input.batch.unwrap_or(inputs.len());
        let mut values = Vec::with_capacity(batch * last.values().len());
        // A fixed batch is filled up with copies; what comes of them is dropped.
        for input in inputs.iter().chain(iter::repeat(last)).take(batch) {
            match layout {
                Layout::Nchw => values.extend_from_slice(input.values()),
                Layout::Nhwc => extend_channels_last(&mut values, input.values()),
            }
        }
        let shape = match layout {
            Layout::Nchw => [batch, 3, height, width],
            Layout::Nhwc => [batch, height, width, 3],
        };
        let tensor = session::floats(&self.session, self.input.element, shape, &values)?;
        let output = self.session.run(&[(&self.input.name, tensor)], &self.output)?;
        let (shape, values) = session::numbers(&output)?;
        let given = Given { shape, values: &values, layout, lengths: None };
        pooling::vectors(&given, inputs.len(), self.pooling)
    }
}

/// Red, green and blue of each pixel together, from one plane for each.
fn extend_channels_last(values: &mut Vec<f32>, planes: &[f32]) {
    let (red, rest) = planes.split_at(planes.len() / 3);
    let (green, blue) = rest.split_at(red.len());
    for ((red, green), blue) in red.iter().zip(green).zip(blue) {
        values.extend([red, green, blue]);
    }
}
