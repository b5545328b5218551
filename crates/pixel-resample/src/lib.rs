//! RGB pictures resized as Pillow resizes them, fast, and only the part that is seen.
//!
//! Guarantee: every byte is the one that `Image.resize(size, filter)` of Pillow 13 for
//! x86-64 gives at that place, with every filter, whatever part of the resized picture is
//! asked for, and with every instruction set of the processor. Sides are up to 2²⁴ pixels,
//! beyond which Pillow rounds them. Its sine and cosine are those of the C library, and
//! Rust's are, too: with a library that rounds them otherwise, a weight of Hamming or
//! Lanczos may be off by 2⁻²².
//!
//! What Pillow does (`src/libImaging/Resample.c`): the weights of the source pixels are
//! computed in f64, divided by their sum, and rounded to multiples of 2⁻²² (halves away
//! from zero). One axis is resized, then the other, with bytes in between: across first,
//! but down first where it loses more than twice as many pixels (since Pillow 13). Each sum
//! is an `i32` that starts at one half, is shifted down by 22 bits, and cut to 0 to 255.
//! Nearest goes another way (`ImagingScaleAffine` of `src/libImaging/Geometry.c`).
//!
//! Why another order of additions gives the same bytes: additions and multiplications
//! that wrap at 2³² can be done in any order and in any parts. A weight is split into
//! parts small enough for the processor's products, which are exact; their sums are
//! shifted and added, wrapping. No sum is cut before it is whole.
//!
//! This crate does no IO, depends on nothing, and allocates the intermediate and the
//! result alone, beside tables as long as a side.

mod kernel;
mod nearest;
mod weights;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use kernel::InstructionSet;

use weights::Weights;

/// Bytes of a pixel: red, green, blue.
const CHANNELS: usize = 3;

/// Resampling filter, with Pillow's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    Nearest,
    Box,
    Bilinear,
    Hamming,
    Bicubic,
    Lanczos,
}

/// One axis: the length before and after, and which part of the latter is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    source: u32,
    resized: u64,
    from: u64,
    length: u32,
}

impl Axis {
    /// Longest resized side in pixels: up to it an `f64` tells every half pixel.
    pub const LONGEST: u64 = 1 << 50;

    /// `source` pixels become `resized` ones, of which `length` are computed, beginning at
    /// the pixel `from`. `None` if there is nothing to compute, the part is not inside, or
    /// the resized side is longer than [`Axis::LONGEST`].
    pub fn new(source: u32, resized: u64, from: u64, length: u32) -> Option<Self> {
        let inside = from.checked_add(length.into())? <= resized && resized <= Self::LONGEST;
        (inside && source > 0 && length > 0).then_some(Self { source, resized, from, length })
    }

    /// How many pixels of the source make one resized pixel.
    fn scale(self) -> f64 {
        f64::from(self.source) / self.resized as f64
    }

    /// Whether the whole axis stays what it is.
    fn is_same(self) -> bool {
        u64::from(self.source) == self.resized
    }

    fn places(self) -> usize {
        self.length as usize
    }

    fn sources(self) -> usize {
        self.source as usize
    }
}

/// The part of a resized picture that the axes name: `down` × `across` pixels of red,
/// green, blue, rows from the top.
///
/// # Panics
///
/// When `pixels` is not a picture of the axes' source lengths, 3 bytes a pixel.
pub fn resize(pixels: &[u8], across: Axis, down: Axis, filter: Filter) -> Vec<u8> {
    resize_with(InstructionSet::fastest(), pixels, across, down, filter)
}

/// As [`resize`], with instructions of the caller's choice: the bytes are the same.
///
/// # Panics
///
/// As [`resize`].
pub fn resize_with(
    instructions: InstructionSet,
    pixels: &[u8],
    across: Axis,
    down: Axis,
    filter: Filter,
) -> Vec<u8> {
    assert_eq!(pixels.len(), across.sources() * down.sources() * CHANNELS, "3 bytes a pixel");
    if filter == Filter::Nearest {
        return nearest::resize(pixels, across, down);
    }
    let stride = across.sources() * CHANNELS;
    let column_weights = (!down.is_same()).then(|| Weights::new(down, filter));
    let row_weights = (!across.is_same()).then(|| Weights::new(across, filter));
    // The rows of the source that the part rests on.
    let first = column_weights.as_ref().map_or(down.from as usize, |weights| weights.first());
    let behind = column_weights.as_ref().map_or(first + down.places(), |weights| weights.behind());
    let rows = &pixels[first * stride..behind * stride];
    let resized_across = |rows: &[u8]| match &row_weights {
        Some(weights) => kernel::across(instructions, rows, stride, weights),
        None => cut(rows, stride, across),
    };
    match column_weights {
        Some(weights) if row_weights.is_some() && is_down_first(across, down) => {
            resized_across(&kernel::down(instructions, rows, stride, &weights))
        }
        Some(weights) => {
            kernel::down(instructions, &resized_across(rows), across.places() * CHANNELS, &weights)
        }
        None => resized_across(rows),
    }
}

/// As Pillow 13 decides it.
fn is_down_first(across: Axis, down: Axis) -> bool {
    let lost = |axis: Axis| i64::from(axis.source) - axis.resized as i64;
    lost(down) > 0 && lost(down) > 2 * lost(across)
}

/// The columns that are seen of rows that are not resized.
fn cut(rows: &[u8], stride: usize, across: Axis) -> Vec<u8> {
    let from = across.from as usize * CHANNELS;
    let seen = rows.chunks_exact(stride).map(|row| &row[from..from + across.places() * CHANNELS]);
    seen.collect::<Vec<_>>().concat()
}
