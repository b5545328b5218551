//! JPEG, to the bit as libjpeg-turbo and so as Pillow decodes it, and strict
//! about the picture itself.
//!
//! Every pixel of a model's training pictures came out of libjpeg-turbo's exact
//! transform and its smooth upsampling of colour; a decoder that rounds
//! otherwise is off by several levels where pictures are enlarged.
//!
//! A lenient decoder fills what is missing with grey and reports success. Here
//! the file must reach its end-of-image marker and its entropy-coded data must
//! decode.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use super::decode::orientation;
use super::{ImageLimits, ImageRejected};

const FORMAT: &str = "JPEG";
/// Most scans of a progressive file; real ones have about ten. A file of a few
/// kilobytes with thousands of scans would decode for minutes.
const MAX_SCANS: usize = 100;

/// Decodes to grey or RGB8 pixels as stored; CMYK and YCCK become RGB.
pub(super) fn decode(
    bytes: &[u8],
    limits: &ImageLimits,
) -> Result<(DynamicImage, Orientation), ImageRejected> {
    let whole = reaches_end_of_image(bytes);
    let truncated = ImageRejected::Truncated { format: FORMAT };
    let rejected = |error| if whole { rejected(error) } else { truncated.clone() };
    // The limits on size are checked below, where they are named.
    let scans = DecodeLimits { max_scans: MAX_SCANS, ..DecodeLimits::default() };
    let mut decoder = Decoder::new_with_limits(bytes, scans).map_err(rejected)?;
    let frame = decoder.header();
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    if width == 0 || height == 0 {
        return Err(corrupt("a side of zero pixels"));
    }
    limits.check_dimensions(width, height)?;
    if !whole {
        return Err(truncated);
    }
    if frame.precision != 8 || frame.is_lossless {
        return Err(unsupported("only 8 bits a channel in the usual, lossy coding"));
    }
    let (format, channels) = match frame.components.len() {
        1 => (PixelFormat::Grayscale, 1),
        3 => (PixelFormat::Rgb, 3),
        4 => (PixelFormat::Cmyk, 4),
        count => return Err(unsupported(&format!("{count} channels"))),
    };
    limits.check_decoded(u64::from(width) * u64::from(height) * channels)?;
    decoder.set_output_format(format);
    decoder.set_stop_on_warning(true);
    let decoded = decoder.decode_image().map_err(rejected)?;
    let levels = decoded.data;
    let picture = match channels {
        1 => GrayImage::from_raw(width, height, levels).map(DynamicImage::ImageLuma8),
        3 => RgbImage::from_raw(width, height, levels).map(DynamicImage::ImageRgb8),
        _ => RgbImage::from_raw(width, height, rgb_of_cmyk(&levels)).map(DynamicImage::ImageRgb8),
    };
    let picture = picture.ok_or_else(|| corrupt("fewer pixels than its header says"))?;
    Ok((picture, orientation(decoded.exif_data)))
}

/// CMYK as it is stored in JPEG, with 255 for no ink, as Pillow converts it:
/// the paper that black leaves, less what the ink takes of it.
fn rgb_of_cmyk(levels: &[u8]) -> Vec<u8> {
    let pixels = levels.as_chunks::<4>().0.iter();
    pixels
        .flat_map(|&[cyan, magenta, yellow, black]| [cyan, magenta, yellow].map(|ink| left(ink, black)))
        .collect()
}

/// `black − ink × black ÷ 255`, the quotient rounded to nearest.
fn left(light: u8, black: u8) -> u8 {
    let taken = u32::from(255 - light) * u32::from(black);
    // At most `black`, so the difference is not below zero.
    black - ((taken + 127) / 255) as u8
}

fn corrupt(reason: &str) -> ImageRejected {
    ImageRejected::Corrupt { format: FORMAT, reason: reason.to_owned() }
}

fn unsupported(what: &str) -> ImageRejected {
    ImageRejected::UnsupportedFormat { reason: format!("this kind of JPEG is not supported: {what}") }
}

fn rejected(error: JpegError) -> ImageRejected {
    match error {
        JpegError::Unsupported(what) => unsupported(&what),
        other => corrupt(&other.to_string()),
    }
}

/// Whether the markers can be followed to the end-of-image marker. A file cut
/// anywhere fails: inside a segment the length runs out, and entropy-coded data
/// cannot hold the marker (a byte FF is always followed by 00 there).
fn reaches_end_of_image(bytes: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xD9;
    let mut at = 2; // behind the start-of-image marker
    while let Some((marker, behind)) = next_marker(bytes, at) {
        match marker {
            END_OF_IMAGE => return true,
            // Markers without a length: TEM, restart, start of image.
            0x01 | 0xD0..=0xD8 => at = behind,
            _ => {
                let Some(&[high, low]) = bytes.get(behind..behind + 2) else {
                    return false;
                };
                let length = usize::from(u16::from_be_bytes([high, low]));
                // Behind a start-of-scan header lies entropy-coded data, which
                // next_marker passes over like any other non-marker bytes.
                at = behind + length.max(2);
            }
        }
    }
    false
}

/// The first marker at or behind `at`, and the offset behind it.
fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let mut at = at;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        match *bytes.get(at + 1)? {
            0xFF => at += 1, // fill byte
            0x00 => at += 2, // a stuffed FF inside entropy-coded data
            marker => return Some((marker, at + 2)),
        }
    }
}
