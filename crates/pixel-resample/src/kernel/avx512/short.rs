//! Rows whose computed pixels rest on few source pixels each: sixteen neighbouring bytes
//! of the result rest on at most 128 bytes of the source, two registers.
//!
//! Each of the sixteen sums picks its own four bytes of the two registers at a time.
//! Which, and their weights, are the same for every row.

use std::arch::x86_64::*;

use super::{DIGITS, REGISTER, TAPS, rows_inside, whole};
use crate::CHANNELS;
use crate::weights::{HALF, PRECISION_BITS, Weights};

/// Bytes of a row that are computed at a time.
const TOGETHER: usize = 16;
/// What two registers hold.
const WINDOW: usize = 2 * REGISTER;
/// Four source pixels each: so many find room in registers.
const MOST_GROUPS: usize = 6;
/// Rows that are done before the next bytes: their source stays in the nearest cache.
const STRIP: usize = 16;

/// Of four source pixels of sixteen sums: where in the window their bytes are, and the
/// digits of their weights.
#[derive(Clone)]
struct Group {
    picks: [u8; REGISTER],
    digits: [[u8; REGISTER]; DIGITS],
}

/// Sixteen neighbouring bytes of a computed row.
struct Block {
    /// Where the window begins in a row of the source.
    window: usize,
    /// One for each byte that belongs to the row.
    mask: u16,
    groups: Vec<Group>,
}

/// What is the same for every row.
pub(super) struct Plan {
    blocks: Vec<Block>,
    groups: usize,
    width: usize,
}

impl Plan {
    /// `None` when the reaches are too long for this way.
    pub(super) fn new(weights: &Weights) -> Option<Self> {
        let groups = weights.longest().div_ceil(TAPS);
        if groups > MOST_GROUPS {
            return None;
        }
        let each: Vec<_> = weights.each().collect();
        let width = each.len() * CHANNELS;
        let block = |start: usize| {
            let window = each[start / CHANNELS].0.first * CHANNELS;
            let mut block = Block { window, mask: 0, groups: vec![Group::EMPTY; groups] };
            for lane in 0..TOGETHER.min(width - start) {
                block.mask |= 1 << lane;
                let (pixel, channel) = ((start + lane) / CHANNELS, (start + lane) % CHANNELS);
                let (reach, weights) = each[pixel];
                for (tap, weight) in weights.iter().enumerate() {
                    let pick = (reach.first + tap) * CHANNELS + channel - window;
                    let group = &mut block.groups[tap / TAPS];
                    group.set(lane * TAPS + tap % TAPS, u8::try_from(pick).ok()?, *weight)?;
                }
            }
            Some(block)
        };
        let blocks = (0..width).step_by(TOGETHER).map(block).collect::<Option<_>>()?;
        Some(Self { blocks, groups, width })
    }

    /// The first rows; how many, is returned.
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vbmi,avx512vnni")]
    pub(super) fn across(&self, rows: &[u8], stride: usize, narrow: &mut [u8]) -> usize {
        let last = self.blocks.iter().map(|block| block.window).max().unwrap_or(0);
        let done = rows_inside(rows, stride, last + WINDOW);
        let mut from = 0;
        while from < done {
            let strip = STRIP.min(done - from);
            let (source, to) = (&rows[from * stride..], &mut narrow[from * self.width..]);
            for (place, block) in self.blocks.iter().enumerate() {
                let place = place * TOGETHER;
                // SAFETY: the windows of all rows up to `done` are inside of `rows`, and
                // so are the bytes of the mask inside each row of the result.
                unsafe {
                    let source = (source.as_ptr().add(block.window), stride);
                    let to = (to.as_mut_ptr().add(place), self.width);
                    match self.groups {
                        1 => strip_of::<1>(block, source, to, strip),
                        2 => strip_of::<2>(block, source, to, strip),
                        3 => strip_of::<3>(block, source, to, strip),
                        4 => strip_of::<4>(block, source, to, strip),
                        5 => strip_of::<5>(block, source, to, strip),
                        _ => strip_of::<MOST_GROUPS>(block, source, to, strip),
                    }
                }
            }
            from += strip;
        }
        done
    }
}

impl Group {
    const EMPTY: Self = Self { picks: [0; REGISTER], digits: [[0; REGISTER]; DIGITS] };

    /// `None` when the pick is beyond the window.
    fn set(&mut self, at: usize, pick: u8, weight: i32) -> Option<()> {
        self.picks[at] = (usize::from(pick) < WINDOW).then_some(pick)?;
        for (place, digit) in super::digits(weight).into_iter().enumerate() {
            self.digits[place][at] = digit;
        }
        Some(())
    }
}

/// One block of several rows.
///
/// # Safety
///
/// The block has as many groups. From the first pointer on, in so many rows as far apart
/// as the number beside it says, a window can be read; from the second on, likewise, the
/// bytes of the block's mask can be written.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vbmi,avx512vnni")]
unsafe fn strip_of<const GROUPS: usize>(
    block: &Block,
    (source, stride): (*const u8, usize),
    (to, width): (*mut u8, usize),
    rows: usize,
) {
    // SAFETY: each array is as long as a register.
    let register = |bytes: &[u8; REGISTER]| unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
    let picks: [_; GROUPS] = std::array::from_fn(|group| register(&block.groups[group].picks));
    let digits: [[_; DIGITS]; GROUPS] = std::array::from_fn(|group| {
        std::array::from_fn(|digit| register(&block.groups[group].digits[digit]))
    });
    for row in 0..rows {
        // The same place of the next strip; the address need not be valid.
        _mm_prefetch::<_MM_HINT_T0>(source.wrapping_add((row + STRIP) * stride).cast());
        // SAFETY: the caller's promise.
        let (left, right) = unsafe {
            let window = source.add(row * stride);
            (_mm512_loadu_si512(window.cast()), _mm512_loadu_si512(window.add(REGISTER).cast()))
        };
        let mut sums = [_mm512_set1_epi32(HALF), _mm512_setzero_si512(), _mm512_setzero_si512()];
        for group in 0..GROUPS {
            let levels = _mm512_permutex2var_epi8(left, picks[group], right);
            for digit in 0..DIGITS {
                sums[digit] = _mm512_dpbusd_epi32(sums[digit], levels, digits[group][digit]);
            }
        }
        let levels = _mm512_srai_epi32::<PRECISION_BITS>(whole(sums));
        let bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(levels, _mm512_setzero_si512()));
        // SAFETY: the caller's promise.
        unsafe { _mm_mask_storeu_epi8(to.add(row * width).cast(), block.mask, bytes) };
    }
}
