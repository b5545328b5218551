//! Dot products of all vectors of two sets: the one loop that costs.
//!
//! Guarantee: sums in f64 are the same to the last bit with every instruction set:
//! products of two f32 are exact in f64, and every set of instructions adds them in
//! the same eight lanes. Sums in f32 differ by rounding only, by less than
//! [`rounding_bound`]. No allocation.

mod lanes;
mod portable;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

use half::f16;

pub(crate) use lanes::{Ahead, Block, Cells, LINE};

/// How the numbers of a vector are stored. Sums are never half as wide.
pub trait Element: sealed::Stored {}

impl Element for f32 {}
impl Element for f16 {}

/// In what the products of two vectors are summed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// In f64: exact far beyond what is stored, and the same everywhere.
    #[default]
    Double,
    /// In f32: about twice as fast, within [`rounding_bound`].
    Single,
}

/// Instructions that this processor was found to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// F, VL, BW and VNNI: Cascade Lake (2019), Zen 4 and later.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// With FMA and F16C, which every processor with AVX2 has had so far.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl InstructionSet {
    /// All that this processor has, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vector = {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
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

/// Most that a dot product in [`Precision::Single`] of two vectors of unit length
/// within 0.001 is off: γ of Higham, Accuracy and Stability of Numerical Algorithms,
/// section 3.1, for the longest chain of additions of any instruction set, a product
/// of its own rounded as well.
pub fn rounding_bound(dimension: usize) -> f64 {
    let additions = (dimension.div_ceil(8) + 5) as f64;
    let unit = f64::from(f32::EPSILON) / 2.0;
    1.01 * additions * unit / (1.0 - additions * unit)
}

/// Numbers that fill a block; zero bytes are zeros.
pub(crate) trait Number: Copy + std::fmt::Debug + Send + Sync + 'static {}

impl Number for f32 {}
impl Number for f16 {}
impl Number for i16 {}
impl Number for i8 {}

/// Whole numbers that vectors are rounded to.
pub(crate) trait Level: Number {
    /// The largest, and negated the smallest.
    const MOST: f32;
    /// Of a whole number in that range.
    fn from_whole(number: i32) -> Self;
}

impl Level for i8 {
    const MOST: f32 = 127.0;

    fn from_whole(number: i32) -> Self {
        number as Self
    }
}

/// Twelve bits: 8,192 products with an i8 stay below 2³¹.
impl Level for i16 {
    const MOST: f32 = 2047.0;

    fn from_whole(number: i32) -> Self {
        number as Self
    }
}

/// Most dimensions that sums of levels have room for.
pub const MAX_DIMENSION: usize = 8192;

/// Dot products of every row with every column.
///
/// # Safety
///
/// Both blocks hold as many vectors as they say, padded with zeros to whole cache lines,
/// of `dimension` numbers, at most [`MAX_DIMENSION`], none above [`Level::MOST`]; cells
/// has room for all products.
pub(crate) unsafe fn level_products(
    with: InstructionSet,
    rows: Block<i16>,
    columns: Block<i8>,
    dimension: usize,
    cells: Cells,
    ahead: Ahead,
) {
    let length = dimension.next_multiple_of(32);
    debug_assert!(length <= rows.stride && length <= columns.stride);
    unsafe {
        match with.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => avx512::integer(rows, columns, length, cells, ahead),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => avx2::integer(rows, columns, length, cells, ahead),
            Kind::Portable => portable::integer(rows, columns, length, cells, ahead),
        }
    }
}

pub(crate) mod sealed {
    use super::{Ahead, Block, Cells, InstructionSet, Number, Precision};

    /// Numbers that vectors are stored in.
    #[allow(private_bounds)]
    pub trait Stored: Number {
        /// The nearest number that can be stored.
        fn rounded(number: f32) -> Self;
        /// Exactly this number.
        fn widened(self) -> f32;

        /// Dot products of every row with every column.
        ///
        /// # Safety
        ///
        /// Both blocks hold as many vectors as they say, of `dimension` numbers and padded
        /// with zeros to whole cache lines; cells has room for all products.
        #[allow(private_interfaces)]
        unsafe fn dot_products(
            with: (InstructionSet, Precision),
            rows: Block<f32>,
            columns: Block<Self>,
            dimension: usize,
            cells: Cells,
            ahead: Ahead,
        );
    }
}

macro_rules! stored {
    ($element:ty, $rounded:expr, $widened:expr) => {
        impl sealed::Stored for $element {
            fn rounded(number: f32) -> Self {
                $rounded(number)
            }

            fn widened(self) -> f32 {
                $widened(self)
            }

            #[allow(private_interfaces)]
            unsafe fn dot_products(
                with: (InstructionSet, Precision),
                rows: Block<f32>,
                columns: Block<Self>,
                dimension: usize,
                cells: Cells,
                ahead: Ahead,
            ) {
                use Kind::*;
                use Precision::*;
                let length = dimension.next_multiple_of(16);
                debug_assert!(length <= rows.stride && length <= columns.stride);
                unsafe {
                    match (with.0.0, with.1) {
                        #[cfg(target_arch = "x86_64")]
                        (Avx512, Single) => avx512::single(rows, columns, length, cells, ahead),
                        #[cfg(target_arch = "x86_64")]
                        (Avx512, Double) => avx512::double(rows, columns, length, cells, ahead),
                        #[cfg(target_arch = "x86_64")]
                        (Avx2, Single) => avx2::single(rows, columns, length, cells, ahead),
                        #[cfg(target_arch = "x86_64")]
                        (Avx2, Double) => avx2::double(rows, columns, length, cells, ahead),
                        (Portable, Single) => portable::single(rows, columns, length, cells, ahead),
                        (Portable, Double) => portable::double(rows, columns, length, cells, ahead),
                    }
                }
            }
        }
    };
}

stored!(f32, |number| number, |number| number);
stored!(f16, f16::from_f32, f16::to_f32);
