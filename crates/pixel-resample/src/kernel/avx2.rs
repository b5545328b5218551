//! AVX2: products of 16 bits, two of them added into 32 (`pmaddwd`).
//!
//! A weight is `high × 2¹² + low` with `low` from −2¹¹ to 2¹¹ − 1; a weight below 2²⁷ has
//! a `high` of 16 bits. Two products of such a part with a byte are below 2²⁵, so the
//! instruction's own addition never wraps; every other one may (see the crate).

use std::arch::x86_64::*;

use crate::CHANNELS;
use crate::weights::{HALF, PRECISION_BITS, Weights};

const LOW_BITS: u32 = 12;
/// Source pixels whose products one instruction takes.
const TAPS: usize = 4;
/// Rows that share the weights in registers.
const ROWS: usize = 4;
/// Bytes that a load of four pixels reads.
const LOADED: usize = 16;
const SHIFT: i32 = PRECISION_BITS as i32;
const LOW_SHIFT: i32 = LOW_BITS as i32;

/// `(high, low)`.
fn parts(weight: i32) -> (i16, i16) {
    let low = (weight << (32 - LOW_BITS)) >> (32 - LOW_BITS);
    ((weight.wrapping_sub(low) >> LOW_BITS) as i16, low as i16)
}

/// Four weights: of the first two in each number of the lower half, of the others in the upper.
#[derive(Clone, Copy)]
struct Group {
    high: [i16; 16],
    low: [i16; 16],
}

/// The groups of each computed pixel, each as many; zeros fill them up.
fn groups(weights: &Weights) -> (usize, Vec<Group>) {
    let each = weights.longest().div_ceil(TAPS);
    let mut found = Vec::with_capacity(each * weights.len());
    for (_, weights) in weights.each() {
        for group in 0..each {
            let part = |tap: usize| parts(weights.get(group * TAPS + tap).copied().unwrap_or(0));
            let at = |place: usize| part(place / 8 * 2 + place % 2);
            found.push(Group {
                high: std::array::from_fn(|place| at(place).0),
                low: std::array::from_fn(|place| at(place).1),
            });
        }
    }
    (each, found)
}

/// The first rows; how many, is returned.
#[target_feature(enable = "avx2")]
pub(super) fn across(rows: &[u8], stride: usize, weights: &Weights, narrow: &mut [u8]) -> usize {
    let width = weights.len() * CHANNELS;
    let (each, groups) = groups(weights);
    // Behind what the loads of a row read, from its beginning.
    let last = weights.each().map(|(reach, _)| reach.first).max().unwrap_or(0);
    let read = (last + (each - 1) * TAPS) * CHANNELS + LOADED;
    let blocks = if rows.len() < read { 0 } else { ((rows.len() - read) / stride + 1) / ROWS };
    for block in 0..blocks {
        let rows = &rows[block * ROWS * stride..];
        let to = &mut narrow[block * ROWS * width..][..ROWS * width];
        for (place, ((reach, _), groups)) in weights.each().zip(groups.chunks_exact(each)).enumerate() {
            // SAFETY: the fourth row's last load ends `3 × stride + read` bytes from the
            // block's beginning at most, which is inside by the choice of `blocks`.
            let bytes = unsafe { pixel(rows.as_ptr().add(reach.first * CHANNELS), stride, groups) };
            for (row, pixel) in bytes.as_chunks::<4>().0.iter().enumerate() {
                to[row * width + place * CHANNELS..][..CHANNELS].copy_from_slice(&pixel[..CHANNELS]);
            }
        }
    }
    blocks * ROWS
}

/// One computed pixel of four rows, four bytes each.
///
/// # Safety
///
/// Of each row, `LOADED` bytes can be read from every fourth pixel on, for each group.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn pixel(first: *const u8, stride: usize, groups: &[Group]) -> [u8; 16] {
    // Each level of two pixels as 16 bits, side by side: red, green, blue, nothing.
    let spread = _mm256_setr_epi8(
        0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
        6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1,
    );
    let mut highs = [_mm256_setzero_si256(); ROWS];
    let mut lows = highs;
    for (place, group) in groups.iter().enumerate() {
        // SAFETY: a group holds 2 × 32 bytes.
        let (high, low) = unsafe {
            (_mm256_loadu_si256(group.high.as_ptr().cast()), _mm256_loadu_si256(group.low.as_ptr().cast()))
        };
        for row in 0..ROWS {
            // SAFETY: the caller's promise.
            let four = unsafe { _mm_loadu_si128(first.add(row * stride + place * TAPS * CHANNELS).cast()) };
            let levels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(four), spread);
            highs[row] = _mm256_add_epi32(highs[row], _mm256_madd_epi16(levels, high));
            lows[row] = _mm256_add_epi32(lows[row], _mm256_madd_epi16(levels, low));
        }
    }
    let mut sums = [_mm_setzero_si128(); ROWS];
    for row in 0..ROWS {
        let both = _mm256_add_epi32(_mm256_slli_epi32::<LOW_SHIFT>(highs[row]), lows[row]);
        let sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256::<1>(both));
        sums[row] = _mm_srai_epi32::<SHIFT>(_mm_add_epi32(sum, _mm_set1_epi32(HALF)));
    }
    let (upper, lower) = (_mm_packs_epi32(sums[0], sums[1]), _mm_packs_epi32(sums[2], sums[3]));
    let mut bytes = [0; 16];
    // SAFETY: the array has 16 bytes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm_packus_epi16(upper, lower)) };
    bytes
}

/// Bytes of a row that are computed at a time.
const WIDE: usize = 32;

/// The first bytes of every computed row; how many, is returned.
#[target_feature(enable = "avx2")]
pub(super) fn down(rows: &[u8], width: usize, weights: &Weights, seen: &mut [u8]) -> usize {
    let first = weights.first();
    let mut pairs = Vec::new();
    for ((reach, weights), to) in weights.each().zip(seen.chunks_exact_mut(width)) {
        pairs.clear();
        pairs.extend(weights.chunks(2).map(|two| {
            let (high, low) = parts(two[0]);
            let (next_high, next_low) = two.get(1).map_or((0, 0), |weight| parts(*weight));
            (side_by_side(high, next_high), side_by_side(low, next_low))
        }));
        let rows = &rows[(reach.first - first) * width..][..reach.count * width];
        for (place, to) in to.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
            // SAFETY: 32 bytes at this place are inside each of the `count` rows.
            unsafe { column(rows.as_ptr().add(place * WIDE), width, reach.count, &pairs, to) };
        }
    }
    width / WIDE * WIDE
}

fn side_by_side(first: i16, second: i16) -> i32 {
    i32::from(first as u16) | i32::from(second) << 16
}

/// 32 bytes of one computed row.
///
/// # Safety
///
/// 32 bytes can be read at `first`, and at each of the `count` rows behind it.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn column(first: *const u8, width: usize, count: usize, pairs: &[(i32, i32)], to: &mut [u8; WIDE]) {
    let zero = _mm256_setzero_si256();
    let (mut highs, mut lows) = ([zero; 4], [zero; 4]);
    for (place, (high, low)) in pairs.iter().enumerate() {
        // The last row once more where its fellow is missing: its weight is zero.
        let next = (2 * place + 1).min(count - 1);
        // SAFETY: the caller's promise, as both rows are below `count`.
        let (upper, lower) = unsafe {
            (
                _mm256_loadu_si256(first.add(2 * place * width).cast()),
                _mm256_loadu_si256(first.add(next * width).cast()),
            )
        };
        let (high, low) = (_mm256_set1_epi32(*high), _mm256_set1_epi32(*low));
        let (left, right) = (_mm256_unpacklo_epi8(upper, lower), _mm256_unpackhi_epi8(upper, lower));
        let levels = [
            _mm256_unpacklo_epi8(left, zero),
            _mm256_unpackhi_epi8(left, zero),
            _mm256_unpacklo_epi8(right, zero),
            _mm256_unpackhi_epi8(right, zero),
        ];
        for part in 0..4 {
            highs[part] = _mm256_add_epi32(highs[part], _mm256_madd_epi16(levels[part], high));
            lows[part] = _mm256_add_epi32(lows[part], _mm256_madd_epi16(levels[part], low));
        }
    }
    let mut sums = [zero; 4];
    for part in 0..4 {
        let sum = _mm256_add_epi32(_mm256_slli_epi32::<LOW_SHIFT>(highs[part]), lows[part]);
        sums[part] = _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(sum, _mm256_set1_epi32(HALF)));
    }
    // Packing undoes the order that unpacking made.
    let (left, right) = (_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    // SAFETY: `to` has 32 bytes.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_packus_epi16(left, right)) };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parts;

    proptest! {
        #[test]
        fn parts_make_up_the_weight(weight in -(1 << 26)..1 << 26) {
            let (high, low) = parts(weight);
            prop_assert_eq!((i32::from(high) << super::LOW_BITS) + i32::from(low), weight);
        }
    }
}
