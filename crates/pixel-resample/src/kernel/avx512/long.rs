//! Rows whose computed pixels rest on many source pixels each, as where large pictures
//! become small: sixteen source pixels of one computed pixel at a time.

use std::arch::x86_64::*;

use super::{DIGITS, REGISTER, TAPS, rows_inside, whole};
use crate::CHANNELS;
use crate::weights::{HALF, PRECISION_BITS, Reach, Weights};

/// Source pixels that a register takes.
const PIXELS: usize = 16;
/// Rows that share the weights in registers.
const ROWS: usize = 4;
/// Rows that are done before the next pixels: their source stays in a near cache.
const STRIP: usize = 4 * ROWS;

/// The digits of sixteen weights: four in each quarter, four times over.
type Group = [[u8; REGISTER]; DIGITS];

fn group(weights: &[i32]) -> Group {
    let digits: [_; REGISTER] = std::array::from_fn(|at| {
        let tap = at / 16 * TAPS + at % TAPS;
        super::digits(weights.get(tap).copied().unwrap_or(0))
    });
    std::array::from_fn(|digit| digits.map(|digits| digits[digit]))
}

/// Of four pixels in each quarter: the reds, the greens, the blues, and anything.
fn picks() -> [u8; REGISTER] {
    std::array::from_fn(|at| {
        let (quarter, channel, tap) = (at / 16, at % 16 / TAPS, at % TAPS);
        ((quarter * TAPS + tap) * CHANNELS + channel % CHANNELS) as u8
    })
}

/// The first rows; how many, is returned.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vbmi,avx512vnni")]
pub(super) fn across(rows: &[u8], stride: usize, weights: &Weights, narrow: &mut [u8]) -> usize {
    let width = weights.len() * CHANNELS;
    // Behind what the loads of a row read, from its beginning.
    let behind = |(reach, weights): (Reach, &[i32])| {
        (reach.first + weights.len().saturating_sub(1) / PIXELS * PIXELS) * CHANNELS + REGISTER
    };
    let read = weights.each().map(behind).max().unwrap_or(0);
    let done = rows_inside(rows, stride, read) / ROWS * ROWS;
    let pixels: Vec<(usize, Vec<Group>)> = weights
        .each()
        .map(|(reach, weights)| (reach.first * CHANNELS, weights.chunks(PIXELS).map(group).collect()))
        .collect();
    for from in (0..done).step_by(STRIP) {
        for (place, (first, groups)) in pixels.iter().enumerate() {
            for row in (from..done.min(from + STRIP)).step_by(ROWS) {
                // SAFETY: the loads of all rows up to `done` are inside of `rows`.
                let bytes = unsafe { pixel(rows.as_ptr().add(row * stride + first), stride, groups) };
                let to = narrow[row * width..].chunks_exact_mut(width);
                for (to, pixel) in to.zip(bytes.as_chunks::<4>().0) {
                    to[place * CHANNELS..][..CHANNELS].copy_from_slice(&pixel[..CHANNELS]);
                }
            }
        }
    }
    done
}

/// One computed pixel of four rows, four bytes each.
///
/// # Safety
///
/// Of each row, a register can be read from every sixteenth pixel on, for each group.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vbmi,avx512vnni")]
unsafe fn pixel(first: *const u8, stride: usize, groups: &[Group]) -> [u8; 16] {
    // SAFETY: each array is as long as a register.
    let register = |bytes: &[u8; REGISTER]| unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
    let picks = register(&picks());
    let mut sums = [[_mm512_setzero_si512(); DIGITS]; ROWS];
    for (place, group) in groups.iter().enumerate() {
        let digits: [_; DIGITS] = std::array::from_fn(|digit| register(&group[digit]));
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let pixels =
                unsafe { _mm512_loadu_si512(first.add(row * stride + place * PIXELS * CHANNELS).cast()) };
            let levels = _mm512_permutexvar_epi8(picks, pixels);
            for digit in 0..DIGITS {
                sums[digit] = _mm512_dpbusd_epi32(sums[digit], levels, digits[digit]);
            }
        }
    }
    let [a, b, c, d] = sums.map(|sums| {
        let quarters = whole(sums);
        let halves =
            _mm256_add_epi32(_mm512_castsi512_si256(quarters), _mm512_extracti64x4_epi64::<1>(quarters));
        let sum = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
        _mm_srai_epi32::<{ PRECISION_BITS as i32 }>(_mm_add_epi32(sum, _mm_set1_epi32(HALF)))
    });
    let mut bytes = [0; 16];
    // SAFETY: the array has 16 bytes.
    unsafe {
        let packed = _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
        _mm_storeu_si128(bytes.as_mut_ptr().cast(), packed);
    }
    bytes
}
