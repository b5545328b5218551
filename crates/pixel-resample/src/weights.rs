//! How much each source pixel counts for each pixel that is computed.

use std::f64::consts::PI;

use super::{Axis, Filter};

/// Fractional bits of a weight: 32, less 8 of a level and 2 for weights below zero and
/// above one (`PRECISION_BITS` of Pillow's Resample.c).
pub(crate) const PRECISION_BITS: u32 = 32 - 8 - 2;
const ONE: f64 = (1 << PRECISION_BITS) as f64;
/// What a sum begins with, so that the shift rounds.
pub(crate) const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// The source pixels of one computed pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) first: usize,
    pub(crate) count: usize,
}

/// The weights of one axis.
#[derive(Debug)]
pub(crate) struct Weights {
    reaches: Vec<Reach>,
    /// For each computed pixel as many as the longest reach has; zeros fill them up.
    values: Vec<i32>,
    longest: usize,
}

impl Weights {
    /// As `precompute_coeffs` and `normalize_coeffs_8bpc` of Resample.c.
    pub(crate) fn new(axis: Axis, filter: Filter) -> Self {
        let (kernel, reach_of_one) = kernel(filter);
        let scale = axis.scale();
        // Enlarging interpolates; reducing widens the filter.
        let widened = scale.max(1.0);
        let (support, narrowed) = (reach_of_one * widened, 1.0 / widened);
        // Never shorter than Pillow's own table, never longer than the source.
        let longest = axis.sources().min(support.ceil() as usize * 2 + 1);
        let mut reaches = Vec::with_capacity(axis.places());
        let mut values = vec![0; axis.places() * longest];
        let mut exact = Vec::with_capacity(longest);
        for (place, row) in values.chunks_exact_mut(longest).enumerate() {
            let center = ((axis.from + place as u64) as f64 + 0.5) * scale;
            // A number below zero becomes zero.
            let first = (center - support + 0.5) as usize;
            let behind = ((center + support + 0.5) as usize).min(axis.sources());
            exact.clear();
            exact.extend((first..behind).map(|pixel| kernel((pixel as f64 - center + 0.5) * narrowed)));
            // One after the other, as Pillow adds them.
            let sum: f64 = exact.iter().fold(0.0, |sum, weight| sum + weight);
            for (value, weight) in row.iter_mut().zip(&exact) {
                *value = rounded(if sum == 0.0 { *weight } else { weight / sum });
            }
            reaches.push(Reach { first, count: exact.len() });
        }
        Self { reaches, values, longest }
    }

    /// How many pixels are computed.
    pub(crate) fn len(&self) -> usize {
        self.reaches.len()
    }

    /// Most source pixels of one computed pixel.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The first source pixel that any computed pixel rests on.
    pub(crate) fn first(&self) -> usize {
        self.reaches.first().map_or(0, |reach| reach.first)
    }

    /// Behind the last source pixel that any computed pixel rests on.
    pub(crate) fn behind(&self) -> usize {
        self.reaches.last().map_or(0, |reach| reach.first + reach.count)
    }

    /// Of each computed pixel the reach, and a weight for each source pixel in it.
    pub(crate) fn each(&self) -> impl ExactSizeIterator<Item = (Reach, &[i32])> {
        let rows = self.values.chunks_exact(self.longest);
        self.reaches.iter().zip(rows).map(|(reach, row)| (*reach, &row[..reach.count]))
    }
}

/// To multiples of 2⁻²², halves away from zero.
fn rounded(weight: f64) -> i32 {
    let half = if weight < 0.0 { -0.5 } else { 0.5 };
    (half + weight * ONE) as i32
}

/// A filter as a function of the distance in pixels, and the distance it reaches.
fn kernel(filter: Filter) -> (fn(f64) -> f64, f64) {
    match filter {
        // Nearest has no weights; a box as wide as a pixel comes nearest to it.
        Filter::Nearest | Filter::Box => (box_filter, 0.5),
        Filter::Bilinear => (bilinear, 1.0),
        Filter::Hamming => (hamming, 1.0),
        Filter::Bicubic => (bicubic, 2.0),
        Filter::Lanczos => (lanczos, 3.0),
    }
}

fn box_filter(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn bilinear(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    // Pillow's constants are single precision.
    let (base, height) = (f64::from(0.54_f32), f64::from(0.46_f32));
    let x = x * PI;
    x.sin() / x * (base + height * x.cos())
}

/// Cubic convolution (Keys 1981) with a = −0.5.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}
