//! Variants of a picture: mirrored and turned, so that articles are found that were
//! photographed the other way round.
//!
//! Guarantee: a variant has exactly the picture's pixels, in other places. Variants are
//! prepared in the order that was asked for, one in memory at a time.

use std::borrow::Cow;

use image::imageops::{flip_horizontal, rotate90, rotate180, rotate270};
use image::{ImageBuffer, Rgb};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{DecodedImage, InputTensor, Preprocessing};

/// How a variant is made of an upright picture. The order is the one in which variants
/// are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Augmentation {
    /// Left and right change places.
    Flip,
    /// Turned clockwise by so many degrees.
    Rotate90,
    Rotate180,
    Rotate270,
}

impl From<Augmentation> for &'static str {
    fn from(augmentation: Augmentation) -> Self {
        augmentation.as_str()
    }
}

/// Says what there is: the reader of configuration files does not.
impl TryFrom<String> for Augmentation {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|augmentation| augmentation.as_str() == name);
        named.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("{name:?} is no augmentation; there are {all}")
        })
    }
}

impl JsonSchema for Augmentation {
    fn schema_name() -> Cow<'static, str> {
        "Augmentation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}

impl Augmentation {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Flip, Self::Rotate90, Self::Rotate180, Self::Rotate270];

    /// Its name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Rotate90 => "rotate-90",
            Self::Rotate180 => "rotate-180",
            Self::Rotate270 => "rotate-270",
        }
    }

    /// The variant; as large as the picture, width and height changed over by a quarter
    /// turn.
    #[must_use]
    pub fn of(self, image: &DecodedImage) -> DecodedImage {
        let (width, height) = (image.width(), image.height());
        let pixels = ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, image.pixels())
            .expect("a decoded image has width × height pixels");
        match self {
            Self::Flip => flip_horizontal(&pixels),
            Self::Rotate90 => rotate90(&pixels),
            Self::Rotate180 => rotate180(&pixels),
            Self::Rotate270 => rotate270(&pixels),
        }
        .into()
    }
}

/// A picture ready for a network, with its variants.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedImage {
    pub own: InputTensor,
    /// In the order of the augmentations; none without them.
    pub variants: Vec<InputTensor>,
}

impl PreparedImage {
    /// Prepares a picture and its variants.
    pub fn of(image: &DecodedImage, preprocessing: &Preprocessing, augmentations: &[Augmentation]) -> Self {
        let variants = augmentations.iter().map(|augmentation| preprocessing.apply(&augmentation.of(image)));
        Self { variants: variants.collect(), own: preprocessing.apply(image) }
    }
}

/// Without variants.
impl From<InputTensor> for PreparedImage {
    fn from(own: InputTensor) -> Self {
        Self { own, variants: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture() -> impl Strategy<Value = DecodedImage> {
        (1u32..9, 1u32..9, proptest::collection::vec(any::<u8>(), 8 * 8 * 3)).prop_map(
            |(width, height, bytes)| {
                let colour = |x, y| {
                    let at = 3 * (y * width + x) as usize;
                    Rgb([bytes[at], bytes[at + 1], bytes[at + 2]])
                };
                ImageBuffer::from_fn(width, height, colour).into()
            },
        )
    }

    fn again(augmentation: Augmentation, times: usize, image: &DecodedImage) -> DecodedImage {
        (0..times).fold(image.clone(), |image, _| augmentation.of(&image))
    }

    fn pixel(image: &DecodedImage, x: u32, y: u32) -> &[u8] {
        let at = 3 * (y * image.width() + x) as usize;
        &image.pixels()[at..at + 3]
    }

    proptest! {
        #[test]
        fn every_pixel_is_where_the_definition_has_it(image in picture()) {
            let (width, height) = (image.width(), image.height());
            for augmentation in Augmentation::ALL {
                let variant = augmentation.of(&image);
                let turned = matches!(augmentation, Augmentation::Rotate90 | Augmentation::Rotate270);
                let size = if turned { (height, width) } else { (width, height) };
                prop_assert_eq!((variant.width(), variant.height()), size);
                for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                    let (right, down) = (width - 1 - x, height - 1 - y);
                    let (to_x, to_y) = match augmentation {
                        Augmentation::Flip => (right, y),
                        Augmentation::Rotate90 => (down, x),
                        Augmentation::Rotate180 => (right, down),
                        Augmentation::Rotate270 => (y, right),
                    };
                    prop_assert_eq!(pixel(&variant, to_x, to_y), pixel(&image, x, y), "{:?}", augmentation);
                }
            }
        }

        #[test]
        fn variants_compose_as_turns_and_mirrors_do(image in picture()) {
            let [flip, quarter, half, three_quarters] = Augmentation::ALL;
            prop_assert_eq!(&again(flip, 2, &image), &image);
            prop_assert_eq!(&again(quarter, 4, &image), &image);
            prop_assert_eq!(again(quarter, 2, &image), half.of(&image));
            prop_assert_eq!(again(quarter, 3, &image), three_quarters.of(&image));
            // A mirror turns the other way round.
            prop_assert_eq!(quarter.of(&flip.of(&image)), flip.of(&three_quarters.of(&image)));
        }
    }

    #[test]
    fn names_are_those_of_the_settings() {
        for augmentation in Augmentation::ALL {
            let named = serde_json::to_value(augmentation).unwrap();
            assert_eq!(named, augmentation.as_str());
        }
        assert!(Augmentation::ALL.is_sorted());
    }

    #[test]
    fn a_picture_is_prepared_with_its_variants_in_order() {
        let preprocessing = Preprocessing::from_json(
            br#"{"image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": {"shortest_edge": 2},
                 "do_center_crop": true, "crop_size": 2, "do_rescale": true, "do_normalize": false, "resample": 3}"#,
        )
        .unwrap();
        let image: DecodedImage =
            ImageBuffer::from_fn(2, 2, |x, y| Rgb([(100 * x + 50 * y) as u8; 3])).into();
        let prepared = PreparedImage::of(&image, &preprocessing, &Augmentation::ALL);
        let red = |tensor: &InputTensor| {
            tensor.values()[..4].iter().map(|value| (value * 255.0).round() as u8).collect::<Vec<_>>()
        };
        assert_eq!(red(&prepared.own), [0, 100, 50, 150]);
        let variants: Vec<_> = prepared.variants.iter().map(red).collect();
        assert_eq!(variants, [[100, 0, 150, 50], [50, 0, 150, 100], [150, 50, 100, 0], [100, 150, 0, 50]]);
        assert_eq!(PreparedImage::of(&image, &preprocessing, &[]), prepared.own.into());
    }
}
