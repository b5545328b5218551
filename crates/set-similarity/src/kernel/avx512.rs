//! AVX-512: sixteen sums in f32 or eight in f64 a register, five by five registers a
//! tile (25 sums, 5 columns and a row fill 31 of 32 registers).

use std::arch::x86_64::*;

use half::f16;

use super::lanes::{Ahead, Block, Cells, Lanes, Load, all_tiles, entry_points, tile, tiles};

#[derive(Clone, Copy)]
pub(super) struct Single(__m512);

impl Lanes for Single {
    type Sum = f32;
    const STEP: usize = 16;
    tiles!(5 by 5;
        (1, 1), (1, 2), (1, 3), (1, 4), (1, 5),
        (2, 1), (2, 2), (2, 3), (2, 4), (2, 5),
        (3, 1), (3, 2), (3, 3), (3, 4), (3, 5),
        (4, 1), (4, 2), (4, 3), (4, 4), (4, 5),
        (5, 1), (5, 2), (5, 3), (5, 4), (5, 5),
    );

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm512_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(a.0, b.0, self.0)) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
}

impl Load<f32> for Single {
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { Self(_mm512_loadu_ps(at)) }
    }
}

impl Load<f16> for Single {
    #[inline(always)]
    unsafe fn load(at: *const f16) -> Self {
        unsafe { Self(_mm512_cvtph_ps(_mm256_loadu_si256(at.cast()))) }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Double(__m512d);

impl Lanes for Double {
    type Sum = f64;
    const STEP: usize = 8;
    tiles!(5 by 5;
        (1, 1), (1, 2), (1, 3), (1, 4), (1, 5),
        (2, 1), (2, 2), (2, 3), (2, 4), (2, 5),
        (3, 1), (3, 2), (3, 3), (3, 4), (3, 5),
        (4, 1), (4, 2), (4, 3), (4, 4), (4, 5),
        (5, 1), (5, 2), (5, 3), (5, 4), (5, 5),
    );

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm512_setzero_pd()) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm512_fmadd_pd(a.0, b.0, self.0)) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        unsafe {
            let four = _mm256_add_pd(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0));
            super::avx2::sum_of_four(four)
        }
    }
}

impl Load<f32> for Double {
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { Self(_mm512_cvtps_pd(_mm256_loadu_ps(at))) }
    }
}

impl Load<f16> for Double {
    #[inline(always)]
    unsafe fn load(at: *const f16) -> Self {
        unsafe { Self(_mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(at.cast())))) }
    }
}

/// Thirty-two products of i16, added in pairs into sixteen i32.
#[derive(Clone, Copy)]
pub(super) struct Integer(__m512i);

impl Lanes for Integer {
    type Sum = i32;
    const STEP: usize = 32;

    tiles!(5 by 5;
        (1, 1), (1, 2), (1, 3), (1, 4), (1, 5),
        (2, 1), (2, 2), (2, 3), (2, 4), (2, 5),
        (3, 1), (3, 2), (3, 3), (3, 4), (3, 5),
        (4, 1), (4, 2), (4, 3), (4, 4), (4, 5),
        (5, 1), (5, 2), (5, 3), (5, 4), (5, 5),
    );

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm512_setzero_si512()) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm512_dpwssd_epi32(self.0, a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        unsafe { _mm512_reduce_add_epi32(self.0) }
    }
}

impl Load<i16> for Integer {
    #[inline(always)]
    unsafe fn load(at: *const i16) -> Self {
        unsafe { Self(_mm512_loadu_si512(at.cast())) }
    }
}

impl Load<i8> for Integer {
    #[inline(always)]
    unsafe fn load(at: *const i8) -> Self {
        unsafe { Self(_mm512_cvtepi8_epi16(_mm256_loadu_si256(at.cast()))) }
    }
}

entry_points!(#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512vnni,avx2,fma,f16c")]);
