//! AVX-512 with VBMI and VNNI: products of bytes, four of them added into 32 bits
//! (`vpdpbusd`), and bytes picked from anywhere in two registers (`vpermi2b`).
//!
//! A weight is `d₂ × 2¹⁶ + d₁ × 2⁸ + d₀` with digits from −128 to 127, which holds for
//! weights within ±1.99 (a test shows that none is beyond ±1.5). The instruction adds its
//! four products to a sum, wrapping.

mod long;
mod short;

use std::arch::x86_64::*;

use crate::weights::{HALF, PRECISION_BITS, Weights};

const DIGITS: usize = 3;
/// Source pixels whose products one instruction adds.
const TAPS: usize = 4;
const REGISTER: usize = 64;

/// The lowest first.
fn digits(weight: i32) -> [u8; DIGITS] {
    let lowest = weight as i8;
    let rest = (weight - i32::from(lowest)) >> 8;
    let middle = rest as i8;
    let highest = (rest - i32::from(middle)) >> 8;
    debug_assert!(i8::try_from(highest).is_ok(), "a weight of {weight}");
    [lowest as u8, middle as u8, highest as u8]
}

/// The first rows; how many, is returned.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vbmi,avx512vnni")]
pub(super) fn across(rows: &[u8], stride: usize, weights: &Weights, narrow: &mut [u8]) -> usize {
    match short::Plan::new(weights) {
        Some(plan) => plan.across(rows, stride, narrow),
        None => long::across(rows, stride, weights, narrow),
    }
}

/// How many rows a load of `read` bytes from the beginning of each stays inside of.
fn rows_inside(rows: &[u8], stride: usize, read: usize) -> usize {
    rows.len().checked_sub(read).map_or(0, |more| more / stride + 1).min(rows.len() / stride)
}

/// The whole of the digits' sums, as levels that may lie outside of a byte.
#[inline]
#[target_feature(enable = "avx512f")]
fn whole(sums: [__m512i; DIGITS]) -> __m512i {
    let [lowest, middle, highest] = sums;
    let upper = _mm512_add_epi32(_mm512_slli_epi32::<16>(highest), _mm512_slli_epi32::<8>(middle));
    _mm512_add_epi32(upper, lowest)
}

/// A computed row at a time, all of its bytes; their number is returned.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vnni")]
pub(super) fn down(rows: &[u8], width: usize, weights: &Weights, seen: &mut [u8]) -> usize {
    let first = weights.first();
    let mut groups = Vec::new();
    for ((reach, weights), to) in weights.each().zip(seen.chunks_exact_mut(width)) {
        groups.clear();
        groups.extend(weights.chunks(TAPS).map(|taps| {
            let digits: [_; TAPS] = std::array::from_fn(|tap| digits(taps.get(tap).copied().unwrap_or(0)));
            std::array::from_fn(|digit| i32::from_le_bytes(digits.map(|digits| digits[digit])))
        }));
        let rows = &rows[(reach.first - first) * width..][..reach.count * width];
        for (place, to) in to.chunks_mut(REGISTER).enumerate() {
            let mask = u64::MAX >> (REGISTER - to.len());
            // SAFETY: as many bytes as the mask has ones are inside each of the `count`
            // rows at this place, and inside `to`.
            unsafe {
                let first = rows.as_ptr().add(place * REGISTER);
                column(first, width, reach.count, &groups, mask, to.as_mut_ptr());
            }
        }
    }
    width
}

/// As many bytes of one computed row as the mask has ones.
///
/// # Safety
///
/// The bytes of the mask can be read at `first` and at each of the `count` rows behind
/// it, and written at `to`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vnni")]
unsafe fn column(
    first: *const u8,
    width: usize,
    count: usize,
    groups: &[[i32; DIGITS]],
    mask: u64,
    to: *mut u8,
) {
    let start = [_mm512_set1_epi32(HALF), _mm512_setzero_si512(), _mm512_setzero_si512()];
    let mut sums = [start; 4];
    for (place, group) in groups.iter().enumerate() {
        // SAFETY: the caller's promise; the last row once more where one is missing: its
        // weight is zero.
        let [a, b, c, d] = std::array::from_fn(|tap| unsafe {
            _mm512_maskz_loadu_epi8(mask, first.add((place * TAPS + tap).min(count - 1) * width).cast())
        });
        let (left, right) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
        let (next_left, next_right) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
        let levels = [
            _mm512_unpacklo_epi16(left, next_left),
            _mm512_unpackhi_epi16(left, next_left),
            _mm512_unpacklo_epi16(right, next_right),
            _mm512_unpackhi_epi16(right, next_right),
        ];
        for digit in 0..DIGITS {
            let weight = _mm512_set1_epi32(group[digit]);
            for part in 0..4 {
                sums[part][digit] = _mm512_dpbusd_epi32(sums[part][digit], levels[part], weight);
            }
        }
    }
    let [a, b, c, d] = sums.map(|sums| _mm512_srai_epi32::<PRECISION_BITS>(whole(sums)));
    // Packing undoes the order that unpacking made.
    let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
    // SAFETY: the caller's promise.
    unsafe { _mm512_mask_storeu_epi8(to.cast(), mask, bytes) };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::digits;

    proptest! {
        #[test]
        fn digits_make_up_the_weight(weight in -0x7F_0000i32..0x7F_0000) {
            let whole = digits(weight).iter().rev().fold(0, |sum, digit| (sum << 8) + i32::from(*digit as i8));
            prop_assert_eq!(whole, weight);
        }
    }
}
