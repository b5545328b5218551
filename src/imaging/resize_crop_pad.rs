//! A size of the configuration's own in place of the network's usual one.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::preprocessing::Size;
use super::preprocessor_file::MAX_OUTPUT_SIDE;

/// Brings every picture to `size` with its aspect ratio kept: it is resized, and
/// what is too much is cut, what is missing is padded, around the centre.
///
/// Resampling filter and numbers stay those of `preprocessor_config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResizeCropPad {
    /// Without one, pictures get the size that `preprocessor_config.json` says.
    #[schemars(with = "Option<String>")]
    pub size: Option<PixelSize>,
    pub fit: Fit,
    /// Colour of the padding, RGB.
    pub pad_value: [u8; 3],
}

impl Default for ResizeCropPad {
    fn default() -> Self {
        // White, as what is transparent becomes white.
        Self { size: None, fit: Fit::Contain, pad_value: [255; 3] }
    }
}

/// Which of two sides decides about the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The whole picture is seen, and the rest is padding.
    Contain,
    /// The picture fills the size, and what is beyond is cut.
    Cover,
}

/// Width × height in pixels, each 1 to 4096; written `240x180`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelSize(pub(super) Size);

impl FromStr for PixelSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_OUTPUT_SIDE).contains(side));
        let size = text
            .split_once('x')
            .and_then(|(width, height)| Some(Size { width: side(width)?, height: side(height)? }));
        size.map(Self).ok_or_else(|| {
            format!(
                "{text:?} is no size; write width and height in pixels, 1 to {MAX_OUTPUT_SIDE}, as 240x180"
            )
        })
    }
}

impl fmt::Display for PixelSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.0.width, self.0.height)
    }
}

impl Serialize for PixelSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PixelSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_width_by_height() {
        let size: PixelSize = "240x180".parse().unwrap();
        assert_eq!((size.0.width, size.0.height), (240, 180));
        assert_eq!(size.to_string(), "240x180");
        for wrong in ["240", "240 x 180", "0x180", "240x4097", "240x", "-1x2", "240×180"] {
            let message = wrong.parse::<PixelSize>().unwrap_err();
            assert!(message.contains("240x180"), "{message}");
        }
    }
}
