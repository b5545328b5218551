//! AVX2 with FMA: eight sums in f32 a register, or eight in f64 in two.

use std::arch::x86_64::*;

use half::f16;

use super::lanes::{Ahead, Block, Cells, Lanes, Load, all_tiles, entry_points, tile, tiles};

#[derive(Clone, Copy)]
pub(super) struct Single(__m256);

impl Lanes for Single {
    type Sum = f32;
    const STEP: usize = 8;
    // 12 sums and 3 or 4 columns: all 16 registers, the row comes from memory.
    tiles!(3 by 4;
        (1, 1), (1, 2), (1, 3), (1, 4),
        (2, 1), (2, 2), (2, 3), (2, 4),
        (3, 1), (3, 2), (3, 3), (3, 4),
    );

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm256_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0)) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
}

impl Load<f32> for Single {
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(at)) }
    }
}

impl Load<f16> for Single {
    #[inline(always)]
    unsafe fn load(at: *const f16) -> Self {
        unsafe { Self(_mm256_cvtph_ps(_mm_loadu_si128(at.cast()))) }
    }
}

/// Lanes 0 to 3 and 4 to 7.
#[derive(Clone, Copy)]
pub(super) struct Double(__m256d, __m256d);

impl Lanes for Double {
    type Sum = f64;
    const STEP: usize = 8;
    // Two registers a sum: 8 of them, 4 for the columns, 2 for the row.
    tiles!(2 by 2; (1, 1), (1, 2), (2, 1), (2, 2));

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm256_setzero_pd(), _mm256_setzero_pd()) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm256_fmadd_pd(a.0, b.0, self.0), _mm256_fmadd_pd(a.1, b.1, self.1)) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        unsafe { sum_of_four(_mm256_add_pd(self.0, self.1)) }
    }
}

/// (0 + 2) + (1 + 3), as every instruction set adds the last four lanes in f64.
#[inline(always)]
pub(super) unsafe fn sum_of_four(lanes: __m256d) -> f64 {
    unsafe {
        let two = _mm_add_pd(_mm256_castpd256_pd128(lanes), _mm256_extractf128_pd::<1>(lanes));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    }
}

#[inline(always)]
unsafe fn widened(eight: __m256) -> Double {
    unsafe {
        Double(
            _mm256_cvtps_pd(_mm256_castps256_ps128(eight)),
            _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(eight)),
        )
    }
}

impl Load<f32> for Double {
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { widened(_mm256_loadu_ps(at)) }
    }
}

impl Load<f16> for Double {
    #[inline(always)]
    unsafe fn load(at: *const f16) -> Self {
        unsafe { widened(_mm256_cvtph_ps(_mm_loadu_si128(at.cast()))) }
    }
}

/// Sixteen products of i16, added in pairs into eight i32.
#[derive(Clone, Copy)]
pub(super) struct Integer(__m256i);

impl Lanes for Integer {
    type Sum = i32;
    const STEP: usize = 16;

    // 12 sums and 3 or 4 columns: all 16 registers, the row comes from memory.
    tiles!(3 by 4;
        (1, 1), (1, 2), (1, 3), (1, 4),
        (2, 1), (2, 2), (2, 3), (2, 4),
        (3, 1), (3, 2), (3, 3), (3, 4),
    );

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm256_setzero_si256()) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(a.0, b.0))) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        unsafe {
            let four = _mm_add_epi32(_mm256_castsi256_si128(self.0), _mm256_extracti128_si256::<1>(self.0));
            let two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
            _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<1>(two)))
        }
    }
}

impl Load<i16> for Integer {
    #[inline(always)]
    unsafe fn load(at: *const i16) -> Self {
        unsafe { Self(_mm256_loadu_si256(at.cast())) }
    }
}

impl Load<i8> for Integer {
    #[inline(always)]
    unsafe fn load(at: *const i8) -> Self {
        unsafe { Self(_mm256_cvtepi8_epi16(_mm_loadu_si128(at.cast()))) }
    }
}

entry_points!(#[target_feature(enable = "avx2,fma,f16c")]);
