//! Any processor: eight sums side by side in plain Rust, which compilers turn into
//! whatever vector instructions the target always has.

use half::f16;

use super::lanes::{Ahead, Block, Cells, Lanes, Load, all_tiles, entry_points, tile, tiles};

macro_rules! eight_sums {
    ($lanes:ident of $number:ty; $($stored:ty as $widened:expr),*) => {
        #[derive(Clone, Copy)]
        pub(super) struct $lanes([$number; 8]);

        impl Lanes for $lanes {
            type Sum = $number;
            const STEP: usize = 8;

            tiles!(2 by 2; (1, 1), (1, 2), (2, 1), (2, 2));

            #[inline(always)]
            unsafe fn zero() -> Self {
                Self([0 as $number; 8])
            }

            #[inline(always)]
            unsafe fn add_product(mut self, a: Self, b: Self) -> Self {
                for lane in 0..8 {
                    self.0[lane] += a.0[lane] * b.0[lane];
                }
                self
            }

            #[inline(always)]
            unsafe fn sum(self) -> $number {
                let [a, b, c, d, e, f, g, h] = self.0;
                ((a + e) + (c + g)) + ((b + f) + (d + h))
            }
        }

        $(impl Load<$stored> for $lanes {
            #[inline(always)]
            unsafe fn load(at: *const $stored) -> Self {
                Self(unsafe { *at.cast::<[$stored; 8]>() }.map($widened))
            }
        })*
    };
}

eight_sums!(Single of f32; f32 as |number| number, f16 as f16::to_f32);
eight_sums!(Double of f64; f32 as f64::from, f16 as f64::from);
eight_sums!(Integer of i32; i16 as i32::from, i8 as i32::from);

entry_points!();
