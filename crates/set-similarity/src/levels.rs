//! Vectors rounded to few levels: enough to prove that two sets cannot score high, from
//! a quarter of the bytes and with integers only.
//!
//! Guarantee: the cosine of two vectors is within [`cell_error`] of what their levels
//! say. Sums of integers are exact.

use crate::block::VectorBlock;
use crate::kernel::{Element, Level};

/// Longest vector of a set.
const LONGEST: f64 = 1.001;
/// More than rounding a unit, its multiples (each by 2⁻²⁴ of itself, so all together by
/// 2⁻²⁴ of the vector's length) and their products can add.
const SLACK: f64 = 1e-6;
/// More than a sum of 512 squares loses in f32, the most for one lane of [`round`].
const SUMMED_IN_SINGLE: f64 = 1.001;

/// Vectors in whole multiples of `unit`.
#[derive(Debug, Clone)]
pub(crate) struct Levels<L> {
    pub(crate) vectors: VectorBlock<L>,
    pub(crate) unit: f64,
    /// Length of the longest difference between a vector and its levels.
    rounding: f64,
}

impl<L: Level> Levels<L> {
    pub(crate) fn of<E: Element>(vectors: &VectorBlock<E>) -> Self {
        let mut levels = VectorBlock::zeros(vectors.count(), vectors.dimension());
        let largest = (0..vectors.count()).map(|at| largest(vectors.row(at))).fold(0.0, f32::max);
        let unit = if largest > 0.0 { largest / L::MOST } else { 1.0 };
        let mut rounding = 0.0_f64;
        for at in 0..vectors.count() {
            rounding = rounding.max(round(vectors.row(at), unit, levels.row_mut(at)));
        }
        Self { vectors: levels, unit: f64::from(unit), rounding: rounding.sqrt() }
    }
}

/// Largest absolute value. Positive floats are ordered as their bits are.
fn largest<E: Element>(numbers: &[E]) -> f32 {
    let bits = numbers.iter().map(|number| number.widened().abs().to_bits());
    f32::from_bits(bits.fold(0, u32::max))
}

/// Fills in the levels, and answers no less than the square of the length of what that
/// changed.
fn round<E: Element, L: Level>(numbers: &[E], unit: f32, levels: &mut [L]) -> f64 {
    // Sums side by side, for vector instructions.
    let mut squares = [0.0_f32; 16];
    for (numbers, levels) in numbers.chunks(16).zip(levels.chunks_mut(16)) {
        for ((number, level), square) in numbers.iter().zip(levels).zip(&mut squares) {
            let number = number.widened();
            // Halves away from zero; whatever it rounds to, the difference is measured.
            let whole = (number / unit + 0.5_f32.copysign(number)) as i32;
            *level = L::from_whole(whole);
            let change = number - unit * whole as f32;
            *square += change * change;
        }
    }
    SUMMED_IN_SINGLE * squares.iter().map(|square| f64::from(*square)).sum::<f64>()
}

/// Most that a cosine differs from what the levels say: â·b̂ = a·b − (a − â)·b −
/// â·(b − b̂), and no product of two vectors is above that of their lengths.
pub(crate) fn cell_error<L, M>(left: &Levels<L>, right: &Levels<M>) -> f64 {
    left.rounding * LONGEST + (LONGEST + left.rounding) * right.rounding + SLACK
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block::Arithmetic;
    use crate::kernel::{InstructionSet, Precision};

    proptest! {
        #[test]
        fn cosines_are_within_the_error(
            dimension in prop_oneof![1usize..70, Just(512)],
            numbers in proptest::collection::vec(-1.0f32..1.0, 101), outlier in 0.0f32..30.0,
        ) {
            let unit_vectors = |offset: usize| {
                let mut block = VectorBlock::<f32>::zeros(3, dimension);
                for at in 0..3 {
                    let mut row: Vec<f32> = (0..dimension).map(|i| numbers[(i * (at + 1) + offset) % 101]).collect();
                    row[0] += outlier;
                    let length = row.iter().map(|number| number * number).sum::<f32>().sqrt();
                    row.iter_mut().for_each(|number| *number /= length);
                    block.row_mut(at).copy_from_slice(&row);
                }
                block
            };
            let (left, right) = (unit_vectors(0), unit_vectors(17));
            prop_assume!((0..3).all(|at| left.row(at).iter().chain(right.row(at)).all(|number| number.is_finite())));
            let mut exact = [0.0; 9];
            Arithmetic::fastest(Precision::Double).dot_products(&left, &right, false, &mut exact);
            let (rows, columns) = (Levels::<i16>::of(&left), Levels::<i8>::of(&right));
            let error = cell_error(&rows, &columns);
            let mut first: Option<[f64; 9]> = None;
            for instructions in InstructionSet::available() {
                let mut near = [0.0; 9];
                Arithmetic { instructions, ..Arithmetic::fastest(Precision::Double) }.near_cosines(&rows, &columns, &mut near);
                for (near, exact) in near.iter().zip(exact) {
                    prop_assert!((near - exact).abs() <= error, "{near} for {exact}, error {error}");
                }
                prop_assert_eq!(*first.get_or_insert(near), near, "{}", instructions.as_str());
            }
        }
    }

    #[test]
    fn sums_have_room_for_the_longest_vectors() {
        // All levels at their most, with one sign: no sum can be larger.
        let mut rows = VectorBlock::<f32>::zeros(1, crate::MAX_DIMENSION);
        rows.row_mut(0).fill((crate::MAX_DIMENSION as f32).sqrt().recip());
        let (left, right) = (Levels::<i16>::of(&rows), Levels::<i8>::of(&rows));
        for instructions in InstructionSet::available() {
            let mut cell = [0.0];
            Arithmetic { instructions, ..Arithmetic::fastest(Precision::Double) }
                .near_cosines(&left, &right, &mut cell);
            assert!((cell[0] - 1.0).abs() < 1e-4, "{} with {}", cell[0], instructions.as_str());
        }
    }
}
