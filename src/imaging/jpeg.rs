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

use std::ops::RangeInclusive;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use super::decode::orientation;
use super::{ImageLimits, ImageRejected, buffers};

const FORMAT: &str = "JPEG";
/// Most scans of a progressive file; real ones have about ten. A file of a few
/// kilobytes with thousands of scans would decode for minutes.
const MAX_SCANS: usize = 100;
/// Ones, which begin no Huffman code (ITU T.81, C), enough for what a code may
/// be followed by and one more code; each FF stuffed.
const GUARD: [u8; 16] = [0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0];

/// Decodes to grey or RGB8 pixels as stored; CMYK and YCCK become RGB.
pub(super) fn decode(
    bytes: &[u8],
    limits: &ImageLimits,
) -> Result<(DynamicImage, Orientation), ImageRejected> {
    let guarded = with_guards(bytes);
    let truncated = ImageRejected::Truncated { format: FORMAT };
    let rejected = |error| if guarded.is_some() { rejected(error) } else { truncated.clone() };
    // The limits on size are checked below, where they are named.
    let scans = DecodeLimits { max_scans: MAX_SCANS, ..DecodeLimits::default() };
    let mut decoder =
        Decoder::new_with_limits(guarded.as_deref().unwrap_or(bytes), scans).map_err(rejected)?;
    let frame = decoder.header();
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    if width == 0 || height == 0 {
        return Err(corrupt("a side of zero pixels"));
    }
    limits.check_dimensions(width, height)?;
    if guarded.is_none() {
        return Err(truncated);
    }
    if frame.precision != 8 || frame.is_lossless || decoder.is_arithmetic() {
        return Err(unsupported("lossless, arithmetic coding, or more than 8 bits a channel"));
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
    let mut levels = buffers::any_bytes(decoder.output_buffer_size().map_err(rejected)?);
    let decoded = decoder.decode_image_into(&mut levels).map_err(rejected)?;
    levels.truncate(decoded.bytes_written);
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

/// The file with bits that are no Huffman code behind every stretch of
/// entropy-coded data, so that data which ends too early is an error: the
/// decoder would go on with zeros there, and paint the rest grey. It never
/// reads that far in a picture that is whole. (The bare bits that refine a
/// progressive file's means are the one thing that can be missing unseen.)
///
/// `None` when the markers cannot be followed to the end-of-image marker. A
/// file cut anywhere fails: inside a segment the length runs out, and
/// entropy-coded data cannot hold the marker (a byte FF is always followed by
/// 00 there).
fn with_guards(bytes: &[u8]) -> Option<Vec<u8>> {
    const START_OF_SCAN: u8 = 0xDA;
    const END_OF_IMAGE: u8 = 0xD9;
    const RESTART: RangeInclusive<u8> = 0xD0..=0xD7;
    let mut guarded = Vec::with_capacity(bytes.len() + GUARD.len());
    let mut copied = 0;
    let mut at = 2; // behind the start-of-image marker
    let mut in_scan = false;
    loop {
        let (marker, behind) = next_marker(bytes, at)?;
        if in_scan {
            guarded.extend_from_slice(&bytes[copied..behind - 2]);
            guarded.extend_from_slice(&GUARD);
            if !RESTART.contains(&marker) {
                // For a decoder that looks for a further stretch.
                guarded.extend_from_slice(&[0xFF, *RESTART.start()]);
                guarded.extend_from_slice(&GUARD);
            }
            copied = behind - 2;
        }
        match marker {
            END_OF_IMAGE => {
                guarded.extend_from_slice(&bytes[copied..]);
                return Some(guarded);
            }
            // Markers without a length: TEM, restart, start of image.
            0x01 | 0xD0..=0xD8 => at = behind,
            _ => {
                let length = bytes.get(behind..behind + 2)?.try_into().ok()?;
                // Behind a start-of-scan header lies entropy-coded data, which
                // next_marker passes over like any other non-marker bytes.
                at = behind + usize::from(u16::from_be_bytes(length)).max(2);
            }
        }
        in_scan = marker == START_OF_SCAN || (in_scan && RESTART.contains(&marker));
    }
}

/// The first marker at or behind `at`, and the offset behind it.
fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let mut at = at;
    loop {
        at = without_markers(bytes, at);
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        match *bytes.get(at + 1)? {
            0xFF => at += 1, // fill byte
            0x00 => at += 2, // a stuffed FF inside entropy-coded data
            marker => return Some((marker, at + 2)),
        }
    }
}

/// Behind as many whole stretches from `at` on as have no FF but stuffed ones. It looks
/// at all bytes of a stretch alike, which costs less than finding each FF.
fn without_markers(bytes: &[u8], mut at: usize) -> usize {
    const STRETCH: usize = 64;
    while let (Some(here), Some(next)) = (bytes.get(at..at + STRETCH), bytes.get(at + 1..at + STRETCH + 1)) {
        let begins = |(byte, next): (&u8, &u8)| u8::from(*byte == 0xFF) & u8::from(*next != 0);
        if here.iter().zip(next).map(begins).fold(0, std::ops::BitOr::bitor) != 0 {
            break;
        }
        at += STRETCH;
    }
    at
}
