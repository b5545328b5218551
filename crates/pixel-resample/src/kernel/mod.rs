//! Weighted sums along rows and columns: the loops that cost.
//!
//! Guarantee: the same bytes with every set of instructions; the crate's documentation
//! says why. Rows that a wide load would read beyond are left to the portable loops.

mod portable;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

use super::CHANNELS;
use super::weights::Weights;

/// Instructions that this processor was found to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// F, VL, BW, VBMI and VNNI: Ice Lake (2019), Zen 4 and later.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl InstructionSet {
    /// All that this processor has, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vector = {
            let avx2 = is_x86_feature_detected!("avx2");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("avx512vnni");
            [avx512.then_some(Kind::Avx512), avx2.then_some(Kind::Avx2)]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let vector: [Option<Kind>; 0] = [];
        vector.into_iter().flatten().chain([Kind::Portable]).map(Self)
    }

    /// The fastest that this processor has.
    pub fn fastest() -> Self {
        Self::available().next().unwrap_or(Self(Kind::Portable))
    }

    /// Name in benchmarks and logs.
    pub fn as_str(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Portable => "portable",
        }
    }
}

/// Rows of `stride` bytes, each made as many pixels long as there are weights.
pub(crate) fn across(with: InstructionSet, rows: &[u8], stride: usize, weights: &Weights) -> Vec<u8> {
    let width = weights.len() * CHANNELS;
    let mut narrow = vec![0; rows.len() / stride * width];
    // How many of the rows are done.
    let done = match with.0 {
        // SAFETY: the instructions were found on this processor.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::across(rows, stride, weights, &mut narrow) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::across(rows, stride, weights, &mut narrow) },
        Kind::Portable => 0,
    };
    portable::across(&rows[done * stride..], stride, weights, &mut narrow[done * width..]);
    narrow
}

/// As many rows of `width` bytes as there are weights; the first of `rows` is the first
/// that any of them counts.
pub(crate) fn down(with: InstructionSet, rows: &[u8], width: usize, weights: &Weights) -> Vec<u8> {
    let mut seen = vec![0; weights.len() * width];
    // How many bytes of each row are done.
    let done = match with.0 {
        // SAFETY: the instructions were found on this processor.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::down(rows, width, weights, &mut seen) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::down(rows, width, weights, &mut seen) },
        Kind::Portable => 0,
    };
    portable::down(rows, width, weights, done, &mut seen);
    seen
}
