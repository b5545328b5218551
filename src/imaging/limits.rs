//! How large a picture may be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ImageRejected;

/// Limits that hold before memory is allocated for a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImageLimits {
    /// Largest file, in bytes.
    pub max_compressed_bytes: u64,
    /// Largest width × height, in pixels.
    pub max_pixels: u64,
    /// Largest width and largest height, in pixels.
    pub max_side: u32,
    /// Largest decoded picture in the file's own pixel format, in bytes.
    /// The default is `max_pixels` at 16 bits in four channels.
    pub max_decoded_bytes: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self {
            max_compressed_bytes: 25 * 1024 * 1024,
            max_pixels: 100_000_000,
            max_side: 16_384,
            max_decoded_bytes: 800_000_000,
        }
    }
}

impl ImageLimits {
    pub(super) fn check_compressed(&self, bytes: usize) -> Result<(), ImageRejected> {
        check("compressed bytes", bytes as u64, self.max_compressed_bytes)
    }

    pub(super) fn check_dimensions(&self, width: u32, height: u32) -> Result<(), ImageRejected> {
        let side = width.max(height);
        check("pixels a side", side.into(), self.max_side.into())?;
        let pixels = u64::from(width) * u64::from(height);
        check("pixels", pixels, self.max_pixels)
    }

    pub(super) fn check_decoded(&self, bytes: u64) -> Result<(), ImageRejected> {
        check("decoded bytes", bytes, self.max_decoded_bytes)
    }

    /// The same limits for the decoders of the `image` crate. Only some of them
    /// honour these, which is why the checks above come first.
    pub(super) fn for_decoder(&self) -> image::Limits {
        let mut limits = image::Limits::no_limits();
        limits.max_image_width = Some(self.max_side);
        limits.max_image_height = Some(self.max_side);
        limits.max_alloc = Some(self.max_decoded_bytes);
        limits
    }
}

fn check(what: &'static str, actual: u64, limit: u64) -> Result<(), ImageRejected> {
    if actual > limit {
        return Err(ImageRejected::TooLarge { what, actual, limit });
    }
    Ok(())
}
