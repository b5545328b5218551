//! Compressed bytes to upright RGB8.

use std::io::Cursor;
use std::panic::catch_unwind;

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, RgbImage};

use super::{ImageLimits, ImageRejected, buffers, colour, jpeg, webp};

/// An upright picture: 8 bits a channel, RGB, rows from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedImage {
    pixels: RgbImage,
}

impl DecodedImage {
    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.pixels.height()
    }

    /// `height` rows of `width` pixels of red, green, blue.
    pub fn pixels(&self) -> &[u8] {
        self.pixels.as_raw()
    }
}

impl Drop for DecodedImage {
    fn drop(&mut self) {
        buffers::keep(std::mem::take(&mut self.pixels).into_raw());
    }
}

impl From<RgbImage> for DecodedImage {
    fn from(pixels: RgbImage) -> Self {
        Self { pixels }
    }
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
}

impl Format {
    /// The format by the file's first bytes; names and content types may lie.
    fn recognise(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
        }
    }
}

/// Decodes a JPEG, PNG, WebP or GIF file (of an animation the first frame).
///
/// # Errors
///
/// [`ImageRejected`] when the file is over a limit, of another format,
/// truncated or damaged. Trying again cannot help.
pub fn decode(bytes: &[u8], limits: &ImageLimits) -> Result<DecodedImage, ImageRejected> {
    // The decoders are foreign code fed with foreign bytes: should one of them
    // panic, that picture is damaged, and the worker lives on.
    catch_unwind(|| decode_unguarded(bytes, limits)).unwrap_or_else(|_| {
        Err(ImageRejected::Corrupt {
            format: Format::recognise(bytes).map_or("image", Format::name),
            reason: "the decoder failed on it".to_owned(),
        })
    })
}

fn decode_unguarded(bytes: &[u8], limits: &ImageLimits) -> Result<DecodedImage, ImageRejected> {
    limits.check_compressed(bytes.len())?;
    let format = Format::recognise(bytes).ok_or_else(|| ImageRejected::UnsupportedFormat {
        reason: if bytes.is_empty() {
            "the file is empty".to_owned()
        } else {
            "the first bytes belong to no supported image format".to_owned()
        },
    })?;
    let name = format.name();
    let sorted = |error: image::ImageError| ImageRejected::from_image(name, &error);
    let input = Cursor::new(bytes);
    let (picture, orientation) = match format {
        Format::Jpeg => jpeg::decode(bytes, limits)?,
        Format::Png => {
            check_png_header(bytes, limits)?;
            let mut metadata = image::Limits::no_limits();
            metadata.max_alloc = Some(PNG_METADATA_BYTES);
            let decoder = PngDecoder::with_limits(input, metadata);
            read(name, decoder.map_err(sorted)?, limits)?
        }
        Format::WebP => {
            webp::check(bytes, limits)?;
            read(name, WebPDecoder::new(input).map_err(sorted)?, limits)?
        }
        Format::Gif => read(name, GifDecoder::new(input).map_err(sorted)?, limits)?,
    };
    let mut upright = DynamicImage::ImageRgb8(colour::to_rgb8(picture));
    upright.apply_orientation(orientation);
    Ok(upright.into_rgb8().into())
}

/// Reads the pixels once the header has passed the limits.
fn read<D: ImageDecoder>(
    format: &'static str,
    mut decoder: D,
    limits: &ImageLimits,
) -> Result<(DynamicImage, Orientation), ImageRejected> {
    let sorted = |error: image::ImageError| ImageRejected::from_image(format, &error);
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(ImageRejected::Corrupt { format, reason: "a side of zero pixels".to_owned() });
    }
    limits.check_dimensions(width, height)?;
    limits.check_decoded(decoder.total_bytes())?;
    decoder.set_limits(limits.for_decoder()).map_err(sorted)?;
    let orientation = orientation(decoder.exif_metadata().map_err(sorted)?);
    let picture = DynamicImage::from_decoder(decoder).map_err(sorted)?;
    Ok((picture, orientation))
}

/// What turns the picture upright, from its EXIF block. Some programs write the
/// mark that precedes the block in JPEG into other formats, too.
pub(super) fn orientation(exif: Option<Vec<u8>>) -> Orientation {
    let block = exif.as_deref().map(|block| block.strip_prefix(b"Exif\0\0").unwrap_or(block));
    block.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// Most memory for what precedes the pixels in a PNG (colour profile, texts),
/// which may be compressed: the default of the `png` crate.
const PNG_METADATA_BYTES: u64 = 64 * 1024 * 1024;

/// Width and height stand at fixed places; the decoder's constructor reads on
/// to the first pixels, so they are looked at before it.
fn check_png_header(bytes: &[u8], limits: &ImageLimits) -> Result<(), ImageRejected> {
    let number = |at: usize| {
        let field = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(field))
    };
    match (number(16), number(20)) {
        (Some(width), Some(height)) => limits.check_dimensions(width, height),
        _ => Err(ImageRejected::Truncated { format: "PNG" }),
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
