//! Bytes to the numbers of the input tensor.

use image::RgbImage;

use super::Preprocessing;

/// One picture as a network reads it: 3 × `height` × `width` numbers, all red
/// ones first, then green, then blue (NCHW with N = 1).
#[derive(Debug, Clone, PartialEq)]
pub struct InputTensor {
    width: u32,
    height: u32,
    values: Vec<f32>,
}

impl InputTensor {
    /// A tensor of these numbers; `None` unless there are `3 × height × width`.
    pub fn new(width: u32, height: u32, values: Vec<f32>) -> Option<Self> {
        let numbers = 3 * u64::from(width) * u64::from(height);
        (values.len() as u64 == numbers).then_some(Self { width, height, values })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The numbers, `3 × height × width` of them.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// `level × scale + offset` for each channel, from a table of its 256 levels.
pub(super) fn tensor(pixels: &RgbImage, preprocessing: &Preprocessing) -> InputTensor {
    let (width, height) = pixels.dimensions();
    let levels = pixels.as_raw().as_chunks::<3>().0;
    let mut values = Vec::with_capacity(pixels.as_raw().len());
    for channel in 0..3 {
        let (scale, offset) = (preprocessing.scale[channel], preprocessing.offset[channel]);
        let table: [f32; 256] = std::array::from_fn(|level| level as f32 * scale + offset);
        values.extend(levels.iter().map(|pixel| table[usize::from(pixel[channel])]));
    }
    InputTensor { width, height, values }
}
