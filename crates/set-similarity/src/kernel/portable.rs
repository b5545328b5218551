//! Any processor: eight sums side by side in plain Rust, which compilers turn into
//! whatever vector instructions the target always has.

use half::f16;

use super::lanes::{Ahead, Block, Cells, Lanes, Load, all_tiles, tile, tiles};

#[derive(Clone, Copy)]
pub(super) struct Single([f32; 8]);

impl Lanes for Single {
    type Sum = f32;
    const STEP: usize = 8;
    tiles!(2 by 2; (1, 1), (1, 2), (2, 1), (2, 2));

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; 8])
    }

    #[inline(always)]
    unsafe fn add_product(mut self, a: Self, b: Self) -> Self {
        for lane in 0..8 {
            self.0[lane] += a.0[lane] * b.0[lane];
        }
        self
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

impl Load<f32> for Single {
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        Self(unsafe { *at.cast::<[f32; 8]>() })
    }
}

impl Load<f16> for Single {
    #[inline(always)]
    unsafe fn load(at: *const f16) -> Self {
        Self(unsafe { *at.cast::<[f16; 8]>() }.map(f16::to_f32))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Double([f64; 8]);

impl Lanes for Double {
    type Sum = f64;
    const STEP: usize = 8;
    tiles!(2 by 2; (1, 1), (1, 2), (2, 1), (2, 2));

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; 8])
    }

    #[inline(always)]
    unsafe fn add_product(mut self, a: Self, b: Self) -> Self {
        for lane in 0..8 {
            self.0[lane] += a.0[lane] * b.0[lane];
        }
        self
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

impl Load<f32> for Double {
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        Self(unsafe { *at.cast::<[f32; 8]>() }.map(f64::from))
    }
}

impl Load<f16> for Double {
    #[inline(always)]
    unsafe fn load(at: *const f16) -> Self {
        Self(unsafe { *at.cast::<[f16; 8]>() }.map(f64::from))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Integer([i32; 8]);

impl Lanes for Integer {
    type Sum = i32;
    const STEP: usize = 8;

    tiles!(2 by 2; (1, 1), (1, 2), (2, 1), (2, 2));

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0; 8])
    }

    #[inline(always)]
    unsafe fn add_product(mut self, a: Self, b: Self) -> Self {
        for lane in 0..8 {
            self.0[lane] += a.0[lane] * b.0[lane];
        }
        self
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        self.0.iter().sum()
    }
}

impl Load<i16> for Integer {
    #[inline(always)]
    unsafe fn load(at: *const i16) -> Self {
        Self(unsafe { *at.cast::<[i16; 8]>() }.map(i32::from))
    }
}

impl Load<i8> for Integer {
    #[inline(always)]
    unsafe fn load(at: *const i8) -> Self {
        Self(unsafe { *at.cast::<[i8; 8]>() }.map(i32::from))
    }
}

/// Sums in f32; `length` is a multiple of 8.
///
/// # Safety
///
/// As [`tile`]; every processor has the instructions.
pub(super) unsafe fn single<E>(rows: Block<f32>, columns: Block<E>, length: usize, cells: Cells, ahead: Ahead)
where
    Single: Load<E>,
{
    unsafe { all_tiles::<Single, f32, E>(rows, columns, length, cells, ahead) }
}

/// Sums in f64; `length` is a multiple of 8.
///
/// # Safety
///
/// As [`tile`]; every processor has the instructions.
pub(super) unsafe fn double<E>(rows: Block<f32>, columns: Block<E>, length: usize, cells: Cells, ahead: Ahead)
where
    Double: Load<E>,
{
    unsafe { all_tiles::<Double, f32, E>(rows, columns, length, cells, ahead) }
}

/// Sums of whole numbers; `length` is a multiple of 8.
///
/// # Safety
///
/// As [`tile`], and no sum leaves i32.
pub(super) unsafe fn integer(
    rows: Block<i16>,
    columns: Block<i8>,
    length: usize,
    cells: Cells,
    ahead: Ahead,
) {
    unsafe { all_tiles::<Integer, i16, i8>(rows, columns, length, cells, ahead) }
}
