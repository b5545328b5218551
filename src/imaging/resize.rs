//! Resize, then cut or pad around the centre, in one step: only the part of the
//! resized picture that is seen is ever computed.

use image::RgbImage;
use image::imageops;
use pixel_resample::Axis;

use super::DecodedImage;
use super::preprocessing::{Preprocessing, Resize, Size};

/// One axis of the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    /// The part that is seen.
    pub(super) seen: Axis,
    /// How long it is and where it goes in the output, in pixels.
    pub(super) length: u32,
    pub(super) to: u32,
}

/// The picture at the output size.
pub(super) fn fit(image: &DecodedImage, preprocessing: &Preprocessing) -> RgbImage {
    let source = Size { width: image.width(), height: image.height() };
    let output = preprocessing.size;
    let (width, height) = resized(source, preprocessing);
    let across = placed(source.width, width, output.width);
    let down = placed(source.height, height, output.height);
    let pixels = pixel_resample::resize(image.pixels(), across.seen, down.seen, preprocessing.filter);
    let seen = RgbImage::from_raw(across.length, down.length, pixels)
        .expect("the part that is seen has three bytes a pixel");
    if seen.width() == output.width && seen.height() == output.height {
        return seen;
    }
    let mut canvas = RgbImage::from_pixel(output.width, output.height, image::Rgb(preprocessing.fill));
    imageops::replace(&mut canvas, &seen, across.to.into(), down.to.into());
    canvas
}

/// Size of the whole picture after resizing. Computed in 64 bits: 1 × 16384
/// pixels at a shortest edge of 4096 are 67 million pixels high.
pub(super) fn resized(source: Size, preprocessing: &Preprocessing) -> (u64, u64) {
    let (width, height) = (u64::from(source.width), u64::from(source.height));
    let output = preprocessing.size;
    let (out_width, out_height) = (u64::from(output.width), u64::from(output.height));
    // Hugging Face rounds the other side down.
    let by = |edge: u64, of: u64| ((width * edge / of).max(1), (height * edge / of).max(1));
    // Which side decides: compare width ÷ out_width with height ÷ out_height.
    let wide = width * out_height >= height * out_width;
    match preprocessing.resize {
        Resize::Keep => (width, height),
        Resize::ShortestEdge(edge) => by(edge.into(), width.min(height)),
        Resize::LongestEdge(edge) => by(edge.into(), width.max(height)),
        Resize::Contain if wide => (out_width, by(out_width, width).1),
        Resize::Contain => (by(out_height, height).0, out_height),
        Resize::Cover if wide => (by(out_height, height).0, out_height),
        Resize::Cover => (out_width, by(out_width, width).1),
        Resize::Exact(size) => (size.width.into(), size.height.into()),
    }
}

/// Cuts or pads one axis around the centre, rounding as Hugging Face does: the
/// cut starts at the lower half pixel, the padding at the upper.
pub(super) fn placed(source: u32, resized: u64, output: u32) -> Placed {
    // At most `output`, so it fits in 32 bits.
    let length = resized.min(output.into()) as u32;
    let cut = (resized - u64::from(length)) / 2;
    Placed {
        seen: Axis::new(source, resized, cut, length)
            .expect("sides are at least a pixel and below 2⁵⁰, and what is left of a cut is inside"),
        length,
        to: (output - length).div_ceil(2),
    }
}
