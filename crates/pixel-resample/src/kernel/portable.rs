//! The sums in plain code.

use crate::CHANNELS;
use crate::weights::{HALF, PRECISION_BITS, Weights};

/// Bytes of a row whose sums are kept at a time.
const TOGETHER: usize = 64;

/// All rows, made as many pixels long as there are weights.
pub(super) fn across(rows: &[u8], stride: usize, weights: &Weights, narrow: &mut [u8]) {
    let width = weights.len() * CHANNELS;
    for (row, to) in rows.chunks_exact(stride).zip(narrow.chunks_exact_mut(width)) {
        for ((reach, weights), to) in weights.each().zip(to.as_chunks_mut::<CHANNELS>().0) {
            let pixels = &row[reach.first * CHANNELS..(reach.first + reach.count) * CHANNELS];
            let mut sums = [HALF; CHANNELS];
            for (pixel, weight) in pixels.as_chunks::<CHANNELS>().0.iter().zip(weights) {
                for (sum, level) in sums.iter_mut().zip(pixel) {
                    *sum = added(*sum, *level, *weight);
                }
            }
            *to = sums.map(level);
        }
    }
}

/// All computed rows, their bytes from `from` on.
pub(super) fn down(rows: &[u8], width: usize, weights: &Weights, from: usize, seen: &mut [u8]) {
    let first = weights.first();
    for ((reach, weights), to) in weights.each().zip(seen.chunks_exact_mut(width)) {
        let rows = &rows[(reach.first - first) * width..];
        for (place, to) in to[from..].chunks_mut(TOGETHER).enumerate() {
            let mut sums = [HALF; TOGETHER];
            let start = from + place * TOGETHER;
            for (row, weight) in rows.chunks_exact(width).zip(weights) {
                for (sum, level) in sums.iter_mut().zip(&row[start..start + to.len()]) {
                    *sum = added(*sum, *level, *weight);
                }
            }
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = level(sum));
        }
    }
}

fn added(sum: i32, level: u8, weight: i32) -> i32 {
    sum.wrapping_add(i32::from(level).wrapping_mul(weight))
}

/// The whole levels of a sum, cut to what a byte holds.
fn level(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}
