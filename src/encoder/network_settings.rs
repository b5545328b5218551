//! What can be set about the two networks where their files leave it open.
//!
//! Guarantee: whatever here changes a vector also changes the fingerprint; the
//! defaults change neither.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EncoderError;
use crate::imaging::{Augmentation, ResizeCropPad};

/// Settings of the image network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VisionSettings {
    /// The output that is the vector, or a value inside the network. Without it, the
    /// output with a usual name, or the only one that can be meant.
    pub output: Option<String>,
    /// How the vectors of many tokens, or of many places, become one.
    pub pooling: Option<Pooling>,
    /// Where the colours stand in the input, if its shape does not say.
    pub layout: Option<Layout>,
    pub resize_crop_pad: ResizeCropPad,
    /// Variants of each picture that are embedded and stored besides itself; each at
    /// most once. The order means nothing.
    pub augmentations: Vec<Augmentation>,
}

/// Settings of the text network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextSettings {
    /// As for images.
    pub output: Option<String>,
    /// As for images.
    pub pooling: Option<Pooling>,
    /// What is embedded instead of the text alone; `{text}` stands in it once.
    pub prompt: String,
}

/// How many vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The first token.
    Cls,
    /// The mean over all tokens that are no padding, or over all places.
    Mean,
    /// The largest number of all of these, in each dimension.
    Max,
    /// The last token that is no padding: the end mark, where the tokenizer writes one.
    Last,
}

/// The order of an image input's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// [batch, 3, height, width]
    Nchw,
    /// [batch, height, width, 3]
    Nhwc,
}

/// What a prompt holds in place of the text.
const PLACE: &str = "{text}";

impl Default for TextSettings {
    fn default() -> Self {
        Self { output: None, pooling: None, prompt: PLACE.to_owned() }
    }
}

impl VisionSettings {
    pub(super) fn validate(&self) -> Result<(), EncoderError> {
        if self.pooling == Some(Pooling::Last) {
            return Err(choice("vision.pooling", "last", "be cls, mean or max: images have no last token"));
        }
        let variants = self.augmentations();
        if let Some(pair) = variants.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(choice("vision.augmentations", pair[0].as_str(), "be listed once"));
        }
        Ok(())
    }

    /// The augmentations in the order in which variants are stored.
    pub(super) fn augmentations(&self) -> Vec<Augmentation> {
        let mut augmentations = self.augmentations.clone();
        augmentations.sort_unstable();
        augmentations
    }

    /// What differs from the defaults, in words that stay the same between releases.
    pub(super) fn decisions(&self) -> Vec<String> {
        let own = &self.resize_crop_pad;
        let size = own.size.map(|size| format!("{size} {:?} {:?}", own.fit, own.pad_value));
        let names: Vec<&str> = self.augmentations().into_iter().map(Augmentation::as_str).collect();
        [
            ("vision.output", self.output.clone()),
            ("vision.pooling", self.pooling.map(|pooling| format!("{pooling:?}"))),
            ("vision.layout", self.layout.map(|layout| format!("{layout:?}"))),
            ("vision.resize_crop_pad", size),
            ("vision.augmentations", (!names.is_empty()).then(|| names.join(" "))),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect()
    }
}

impl TextSettings {
    pub(super) fn validate(&self) -> Result<(), EncoderError> {
        match self.prompt.matches(PLACE).count() {
            1 => Ok(()),
            _ => {
                Err(choice("text.prompt", &self.prompt, "hold {text} exactly once, as \"a photo of {text}\""))
            }
        }
    }

    /// What stands before and after the text.
    pub(super) fn around(&self) -> (&str, &str) {
        self.prompt.split_once(PLACE).unwrap_or_default()
    }

    /// As for images.
    pub(super) fn decisions(&self) -> Vec<String> {
        let prompt = (self.prompt != PLACE).then(|| self.prompt.clone());
        [
            ("text.output", self.output.clone()),
            ("text.pooling", self.pooling.map(|pooling| format!("{pooling:?}"))),
            ("text.prompt", prompt),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect()
    }
}

fn choice(name: &'static str, value: &str, must: &'static str) -> EncoderError {
    EncoderError::Choice { name, value: value.to_owned(), must }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_holds_the_text_once() {
        let with = |prompt: &str| TextSettings { prompt: prompt.to_owned(), ..TextSettings::default() };
        assert!(with("a photo of {text}.").validate().is_ok());
        assert_eq!(with("a photo of {text}.").around(), ("a photo of ", "."));
        assert_eq!(TextSettings::default().around(), ("", ""));
        for wrong in ["a photo", "{text} {text}", "{ text }", ""] {
            let message = with(wrong).validate().unwrap_err().to_string();
            assert!(message.contains("encoder.text.prompt"), "{message}");
        }
    }

    #[test]
    fn only_what_differs_from_the_defaults_decides() {
        assert!(VisionSettings::default().decisions().is_empty());
        assert!(TextSettings::default().decisions().is_empty());
        let vision: VisionSettings = serde_json::from_str(
            r#"{"output": "features", "pooling": "mean", "layout": "nhwc",
                "resize_crop_pad": {"size": "240x180"}, "augmentations": ["rotate-270", "flip"]}"#,
        )
        .unwrap();
        assert_eq!(
            vision.decisions(),
            [
                "vision.output features",
                "vision.pooling Mean",
                "vision.layout Nhwc",
                "vision.resize_crop_pad 240x180 Contain [255, 255, 255]",
                "vision.augmentations flip rotate-270",
            ]
        );
        let text = TextSettings { prompt: "my {text}".to_owned(), ..TextSettings::default() };
        assert_eq!(text.decisions(), ["text.prompt my {text}"]);
    }

    #[test]
    fn variants_are_listed_once_and_known_by_name() {
        let with =
            |list: &str| serde_json::from_str::<VisionSettings>(&format!(r#"{{"augmentations": {list}}}"#));
        assert!(with(r#"["rotate-90", "flip"]"#).unwrap().validate().is_ok());
        let twice = with(r#"["flip", "rotate-90", "flip"]"#).unwrap().validate().unwrap_err().to_string();
        assert_eq!(twice, r#"encoder.vision.augmentations is "flip"; it must be listed once"#);
        let unknown = with(r#"["rotate-45"]"#).unwrap_err().to_string();
        let allowed = "\"rotate-45\" is no augmentation; there are flip, rotate-90, rotate-180, rotate-270";
        assert!(unknown.starts_with(allowed), "{unknown}");
    }

    #[test]
    fn images_have_no_last_token() {
        let vision = VisionSettings { pooling: Some(Pooling::Last), ..VisionSettings::default() };
        let message = vision.validate().unwrap_err().to_string();
        assert!(message.contains("encoder.vision.pooling"), "{message}");
    }
}
