//! Resize, then cut or pad around the centre, in one step: only the part of the
//! resized picture that is seen is ever computed.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use image::imageops;

use super::DecodedImage;
use super::preprocessing::{Filter, Preprocessing, Resize, Size};

/// One axis of the plan, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// Where the part that is seen begins in the source, and how long it is.
    pub(super) from: f64,
    pub(super) length: f64,
    /// Where it goes in the output, and how long it is there.
    pub(super) to: u32,
    pub(super) seen: u32,
}

/// The picture at the output size.
pub(super) fn fit(image: &DecodedImage, preprocessing: &Preprocessing) -> RgbImage {
    let source = Size {
        width: image.width(),
        height: image.height(),
    };
    let output = preprocessing.size;
    let (width, height) = resized(source, preprocessing);
    let across = axis(source.width, width, output.width);
    let down = axis(source.height, height, output.height);
    let seen = resample(image, across, down, preprocessing.filter);
    if seen.width() == output.width && seen.height() == output.height {
        return seen;
    }
    let mut canvas =
        RgbImage::from_pixel(output.width, output.height, image::Rgb(preprocessing.fill));
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
        Resize::Exact => (out_width, out_height),
    }
}

/// Cuts or pads one axis around the centre, rounding as Hugging Face does: the
/// cut starts at the lower half pixel, the padding at the upper.
pub(super) fn axis(source: u32, resized: u64, output: u32) -> Axis {
    let seen = resized.min(output.into());
    let cut = (resized - seen) / 2;
    let scale = f64::from(source) / resized as f64;
    // `seen` is at most `output`, so both fit in 32 bits.
    Axis {
        from: cut as f64 * scale,
        length: seen as f64 * scale,
        to: (u64::from(output) - seen).div_ceil(2) as u32,
        seen: seen as u32,
    }
}

fn resample(image: &DecodedImage, across: Axis, down: Axis, filter: Filter) -> RgbImage {
    let kernel = match filter {
        Filter::Nearest => ResizeAlg::Nearest,
        Filter::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
        Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
        Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
        Filter::Box => ResizeAlg::Convolution(FilterType::Box),
        Filter::Hamming => ResizeAlg::Convolution(FilterType::Hamming),
    };
    let options = ResizeOptions::new().resize_alg(kernel).crop(
        across.from,
        down.from,
        across.length,
        down.length,
    );
    let source = ImageRef::new(
        image.width(),
        image.height(),
        image.pixels(),
        PixelType::U8x3,
    )
    .expect("an RGB8 picture has three bytes a pixel");
    let mut seen = Image::new(across.seen, down.seen, PixelType::U8x3);
    Resizer::new()
        .resize(&source, &mut seen, &options)
        .expect("the part that is seen lies inside the picture and both are RGB8");
    RgbImage::from_raw(across.seen, down.seen, seen.into_vec())
        .expect("an RGB8 picture has three bytes a pixel")
}
