//! JPEG, strict about the picture itself.
//!
//! The lenient mode of the decoder fills what is missing with grey and reports
//! success. Here the file must reach its end-of-image marker and its
//! entropy-coded data must decode; oddities between header segments, which
//! every viewer accepts, are accepted.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{ImageLimits, ImageRejected};

const FORMAT: &str = "JPEG";

/// Decodes to grey or RGB8 pixels as stored; CMYK and YCCK become RGB.
pub(super) fn decode(
    bytes: &[u8],
    limits: &ImageLimits,
) -> Result<(DynamicImage, Orientation), ImageRejected> {
    let lenient =
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), lenient);
    decoder.decode_headers().map_err(|error| {
        if reaches_end_of_image(bytes) {
            rejected(&error)
        } else {
            ImageRejected::Truncated { format: FORMAT }
        }
    })?;
    let info = decoder.info().ok_or_else(|| corrupt("no frame header"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    if width == 0 || height == 0 {
        return Err(corrupt("a side of zero pixels"));
    }
    limits.check_dimensions(width, height)?;
    if !reaches_end_of_image(bytes) {
        return Err(ImageRejected::Truncated { format: FORMAT });
    }
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif))
        .unwrap_or(Orientation::NoTransforms);

    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (colours, channels) = if grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(decoder.options().set_strict_mode(true).jpeg_set_out_colorspace(colours));
    let size = u64::from(width) * u64::from(height) * channels;
    limits.check_decoded(size)?;
    let pixels = decoder.decode().map_err(|error| rejected(&error))?;
    let picture = if grey {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    let picture = picture.ok_or_else(|| corrupt("fewer pixels than its header says"))?;
    Ok((picture, orientation))
}

fn corrupt(reason: &str) -> ImageRejected {
    ImageRejected::Corrupt { format: FORMAT, reason: reason.to_owned() }
}

fn rejected(error: &DecodeErrors) -> ImageRejected {
    match error {
        DecodeErrors::Unsupported(scheme) => ImageRejected::UnsupportedFormat {
            reason: format!("this kind of JPEG is not supported: {scheme:?}"),
        },
        DecodeErrors::ExhaustedData => ImageRejected::Truncated { format: FORMAT },
        other => corrupt(&format!("{other:?}")),
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
