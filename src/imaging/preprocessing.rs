//! What a vision network wants to see, and how to give it that.

use pixel_resample::Filter;
use serde_json::{Map, Value};

use super::preprocessor_file;
use super::{DecodedImage, InputTensor, ResizeCropPad, normalise, resize};

/// A picture of exactly `size` pixels, as numbers: resize, then cut or pad
/// around the centre, then `value × scale + offset` for each channel.
///
/// Read from a `preprocessor_config.json`; the output size is the same for
/// every picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessing {
    pub(super) resize: Resize,
    pub(super) size: Size,
    pub(super) filter: Filter,
    /// Colour of the padding, RGB.
    pub(super) fill: [u8; 3],
    pub(super) scale: [f32; 3],
    pub(super) offset: [f32; 3],
}

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

/// How large the whole picture becomes before it is cut or padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resize {
    /// Its own size.
    Keep,
    /// The shorter side becomes this long; the aspect ratio stays.
    ShortestEdge(u32),
    /// The longer side becomes this long; the aspect ratio stays.
    LongestEdge(u32),
    /// Just covers the output size, or just fits in; the aspect ratio stays.
    Cover,
    Contain,
    /// This very size: the one mode that may squash a picture.
    Exact(Size),
}

/// A `preprocessor_config.json` that cannot be followed to the letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreprocessingError {
    #[error("preprocessor_config.json is not a JSON object: {reason}")]
    NotAnObject { reason: String },
    #[error("preprocessor_config.json lacks \"{key}\": {needed}")]
    Missing { key: &'static str, needed: &'static str },
    #[error("preprocessor_config.json has \"{key}\": {value}, which is not supported; {supported}")]
    Unsupported { key: String, value: String, supported: &'static str },
}

impl Preprocessing {
    /// Reads the bytes of a `preprocessor_config.json`.
    ///
    /// # Errors
    ///
    /// [`PreprocessingError`] when something in it is missing or unknown:
    /// pictures prepared in another way than the network was trained with give
    /// wrong vectors without any sign of it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PreprocessingError> {
        Self::from_json_resized(bytes, &ResizeCropPad::default())
    }

    /// Reads the bytes of a `preprocessor_config.json`; where `own` has a size, it
    /// takes the place of what the file says about resizing, cutting and padding.
    ///
    /// # Errors
    ///
    /// As [`Preprocessing::from_json`].
    pub fn from_json_resized(bytes: &[u8], own: &ResizeCropPad) -> Result<Self, PreprocessingError> {
        let fields: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| PreprocessingError::NotAnObject { reason: error.to_string() })?;
        preprocessor_file::read(fields, own)
    }

    /// Width of the output in pixels.
    pub fn width(&self) -> u32 {
        self.size.width
    }

    /// Height of the output in pixels.
    pub fn height(&self) -> u32 {
        self.size.height
    }

    /// Prepares a picture. Memory and time depend on the sizes of the picture
    /// and of the output alone, whatever the picture's proportions.
    pub fn apply(&self, image: &DecodedImage) -> InputTensor {
        let pixels = resize::fit(image, self);
        normalise::tensor(&pixels, self)
    }
}

#[cfg(test)]
#[path = "preprocessing_tests.rs"]
mod tests;
