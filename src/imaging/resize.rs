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
    let source = Size { width: image.width(), height: image.height() };
    let output = preprocessing.size;
    let (width, height) = resized(source, preprocessing);
    let across = axis(source.width, width, output.width);
    let down = axis(source.height, height, output.height);
    let seen = resample(image, across, down, preprocessing.filter);
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
pub(super) fn axis(source: u32, resized: u64, output: u32) -> Axis {
    let seen = resized.min(output.into());
    let cut = (resized - seen) / 2;
    // Multiplied before it is divided: the whole axis comes out exact, so that
    // `from + length` never exceeds the source by a rounding error.
    let in_source = |length: u64| length as f64 * f64::from(source) / resized as f64;
    // `seen` is at most `output`, so both fit in 32 bits.
    Axis {
        from: in_source(cut),
        length: in_source(seen),
        to: (u64::from(output) - seen).div_ceil(2) as u32,
        seen: seen as u32,
    }
}

/// Computes the part that is seen, rows first and then columns, as Pillow does.
///
/// The library can do both in one call, but then takes the first and the last
/// output pixel to reach furthest into the source. That is wrong when an
/// enlarged picture is cut so that such a pixel falls exactly on a source
/// pixel: its index arithmetic underflows. One axis a call avoids that code.
fn resample(image: &DecodedImage, across: Axis, down: Axis, filter: Filter) -> RgbImage {
    let (kernel, support) = match filter {
        Filter::Nearest => (ResizeAlg::Nearest, 0.0),
        Filter::Lanczos => (ResizeAlg::Convolution(FilterType::Lanczos3), 3.0),
        Filter::Bilinear => (ResizeAlg::Convolution(FilterType::Bilinear), 1.0),
        Filter::Bicubic => (ResizeAlg::Convolution(FilterType::CatmullRom), 2.0),
        Filter::Box => (ResizeAlg::Convolution(FilterType::Box), 0.5),
        Filter::Hamming => (ResizeAlg::Convolution(FilterType::Hamming), 1.0),
    };
    // The source rows that the filter can reach from the part that is seen.
    let reach = support * (down.length / f64::from(down.seen)).max(1.0) + 1.0;
    let first = (down.from - reach).floor().max(0.0);
    let last = (down.from + down.length + reach).ceil();
    let rows = last.min(image.height().into()) - first;

    let options = ResizeOptions::new().resize_alg(kernel);
    let source = ImageRef::new(image.width(), image.height(), image.pixels(), PixelType::U8x3)
        .expect("an RGB8 picture has three bytes a pixel");
    let mut narrow = Image::new(across.seen, rows as u32, PixelType::U8x3);
    let columns = options.crop(across.from, first, across.length, rows);
    let mut seen = Image::new(across.seen, down.seen, PixelType::U8x3);
    let window = options.crop(0.0, down.from - first, across.seen.into(), down.length);
    let mut resizer = Resizer::new();
    resizer
        .resize(&source, &mut narrow, &columns)
        .and_then(|()| resizer.resize(&narrow, &mut seen, &window))
        .expect("the part that is seen lies inside the picture and all are RGB8");
    RgbImage::from_raw(across.seen, down.seen, seen.into_vec())
        .expect("an RGB8 picture has three bytes a pixel")
}
