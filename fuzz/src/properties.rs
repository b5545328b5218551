//! What holds for any bytes whatsoever. The fuzz targets run it on what libFuzzer
//! finds, and `tests/it/hostile.rs` on a small corpus.

use std::io::Cursor;

use image::ImageReader;
use serde_json::json;

use super::imaging::{DecodedImage, ImageLimits, ImageRejected, Preprocessing};

/// Small, so that a file which claims much takes microseconds, too.
pub const LIMITS: ImageLimits = ImageLimits {
    max_compressed_bytes: 1 << 20,
    max_pixels: 1 << 20,
    max_side: 4096,
    max_decoded_bytes: 8 << 20,
};

/// A file is a picture of the size it declares, or rejected with a reason.
/// It was decoded within [`LIMITS`].
///
/// # Panics
///
/// When that does not hold.
pub fn decoded(bytes: &[u8], decoded: &Result<DecodedImage, ImageRejected>) {
    match decoded {
        Ok(image) => {
            let (width, height) = (image.width(), image.height());
            let pixels = u64::from(width) * u64::from(height);
            assert!(pixels > 0 && pixels <= LIMITS.max_pixels && width.max(height) <= LIMITS.max_side);
            assert_eq!(image.pixels().len() as u64, pixels * 3);
            let declared = declared_size(bytes).expect("an accepted file declares a size");
            // It may stand on its side.
            assert!(declared == (width, height) || declared == (height, width), "{declared:?} is declared");
        }
        Err(rejected) => {
            let message = rejected.to_string();
            assert!(!message.is_empty());
            // Says the guard around the decoders, when one of them panics.
            assert!(!message.contains("the decoder failed on it"), "a decoder panicked");
        }
    }
}

/// As another reader finds it: the one of `image`, and of JPEG, where that is the
/// less patient one, the first frame header.
fn declared_size(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(b"\xFF\xD8") {
        return frame_size(bytes);
    }
    ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?.into_dimensions().ok()
}

/// Height and width behind the marker, length and precision of a frame
/// (ITU T.81, B.2.2), found by going from segment to segment.
fn frame_size(jpeg: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u16::from_be_bytes(jpeg.get(at..at + 2)?.try_into().ok()?));
    let mut at = 2;
    loop {
        at += jpeg.get(at..)?.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
        match jpeg[at + 1] {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB => {
                return Some((number(at + 7)?.into(), number(at + 5)?.into()));
            }
            // Without a length.
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => at += 2 + usize::from(number(at + 2)?),
        }
    }
}

/// Any picture and any settings give a tensor of the size that was asked for.
/// The first bytes choose sizes, filter and fit; the others are the picture.
///
/// # Panics
///
/// When that does not hold.
pub fn preparing(bytes: &[u8]) {
    let [width, height, edge, across, down, filter, fit, colours @ ..] = bytes else {
        return;
    };
    let side = |byte: &u8| u32::from(*byte) + 1;
    let (width, height, edge, across, down) =
        (side(width), side(height), side(edge), side(across), side(down));
    let colour = |at: usize| colours.get(at % colours.len().max(1)).copied().unwrap_or(128);
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([0, 1, 2].map(|channel| colour((y * width + x) as usize * 3 + channel)))
    });
    let levels = json!({"do_rescale": false, "do_normalize": false, "resample": filter % 6});
    let mut settings = match fit % 4 {
        0 => json!({"size": {"shortest_edge": edge}, "crop_size": {"height": down, "width": across}}),
        1 => json!({"size": {"longest_edge": edge}, "pad_size": {"height": down, "width": across}}),
        2 => json!({"size": {"height": down, "width": across}}),
        _ => {
            let fit = if fit & 4 == 0 { "cover" } else { "contain" };
            json!({
                "image_processor_type": "resize-crop-pad", "fit": fit,
                "size": {"height": down, "width": across},
            })
        }
    };
    let (settings, levels) =
        (settings.as_object_mut().expect("an object"), levels.as_object().expect("an object"));
    settings.extend(levels.clone());
    let settings = serde_json::to_vec(&settings).expect("JSON");
    let preprocessing = Preprocessing::from_json(&settings).expect("settings as they are documented");
    let tensor = preprocessing.apply(&picture.into());
    assert_eq!((tensor.width(), tensor.height()), (across, down));
    assert_eq!(tensor.values().len() as u64, 3 * u64::from(across) * u64::from(down));
    assert!(tensor.values().iter().all(|value| (0.0..=255.0).contains(value)));
}
