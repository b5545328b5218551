//! Vectors in one aligned block of memory, the only shape the kernel reads.
//!
//! Guarantee: rows begin at cache lines and end with zeros up to a whole line, so a
//! full-width load never crosses a line or leaves the block.

use std::marker::PhantomData;

use crate::kernel::sealed::Stored;
use crate::kernel::{self, Ahead, Cells, InstructionSet, LINE, Number, Precision, level_products};
use crate::levels::Levels;

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u8; LINE]);

/// Vectors of one dimension, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct VectorBlock<E> {
    lines: Vec<CacheLine>,
    count: usize,
    dimension: usize,
    stride: usize,
    stored: PhantomData<E>,
}

impl<E: Number> VectorBlock<E> {
    const PER_LINE: usize = size_of::<CacheLine>() / size_of::<E>();

    /// Zeros.
    pub(crate) fn zeros(count: usize, dimension: usize) -> Self {
        let lines_per_vector = dimension.div_ceil(Self::PER_LINE);
        Self {
            lines: vec![CacheLine([0; LINE]); count * lines_per_vector],
            count,
            dimension,
            stride: lines_per_vector * Self::PER_LINE,
            stored: PhantomData,
        }
    }

    /// Number of vectors.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Numbers of a vector.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Bytes the vectors take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.lines.as_slice())
    }

    /// The numbers of one vector.
    pub(crate) fn row(&self, index: usize) -> &[E] {
        assert!(index < self.count, "vector {index} of {}", self.count);
        // The block holds count × stride numbers, and zero bytes are zero numbers.
        unsafe { std::slice::from_raw_parts(self.at(index), self.dimension) }
    }

    /// The numbers of one vector, to be filled.
    pub(crate) fn row_mut(&mut self, index: usize) -> &mut [E] {
        assert!(index < self.count, "vector {index} of {}", self.count);
        let at = self.lines.as_mut_ptr().cast::<E>();
        // As above, and borrowed as a whole.
        unsafe { std::slice::from_raw_parts_mut(at.add(index * self.stride), self.dimension) }
    }

    /// Only for indices below the count.
    unsafe fn at(&self, index: usize) -> *const E {
        unsafe { self.lines.as_ptr().cast::<E>().add(index * self.stride) }
    }

    /// To be read next.
    pub(crate) fn ahead(&self) -> Ahead {
        Ahead::of(&self.lines)
    }

    fn as_kernel_block(&self) -> kernel::Block<E> {
        kernel::Block { at: self.lines.as_ptr().cast(), count: self.count, stride: self.stride }
    }
}

impl<E: Stored> VectorBlock<E> {
    /// The same vectors stored otherwise.
    pub(crate) fn stored_as<F: Stored>(&self) -> VectorBlock<F> {
        let mut block = VectorBlock::zeros(self.count, self.dimension);
        for index in 0..self.count {
            for (to, from) in block.row_mut(index).iter_mut().zip(self.row(index)) {
                *to = F::rounded(from.widened());
            }
        }
        block
    }
}

/// Asks for a value to come nearer to the processor, a line of the cache after the other.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "only asked for there"))]
pub(crate) fn prefetch<T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of_val(value)).step_by(size_of::<CacheLine>()) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // A hint: no memory is read, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast::<i8>().add(offset)) }
    }
}

/// How dot products are computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arithmetic {
    pub(crate) instructions: InstructionSet,
    pub(crate) precision: Precision,
    /// Asked for meanwhile.
    pub(crate) ahead: Ahead,
}

impl Arithmetic {
    /// The fastest instructions with this precision.
    pub(crate) fn fastest(precision: Precision) -> Self {
        Self { instructions: InstructionSet::fastest(), precision, ahead: Ahead::default() }
    }

    /// Dot products of every row with every column, row by row, or column by column
    /// when `transposed`, into the first rows × columns cells.
    pub(crate) fn dot_products<E: Stored>(
        self,
        rows: &VectorBlock<f32>,
        columns: &VectorBlock<E>,
        transposed: bool,
        cells: &mut [f64],
    ) {
        let cells = cells_of(rows, columns, transposed, cells);
        // Blocks hold what they say, and there is a cell for each product.
        unsafe {
            let with = (self.instructions, self.precision);
            let blocks = (rows.as_kernel_block(), columns.as_kernel_block());
            E::dot_products(with, blocks.0, blocks.1, rows.dimension, cells, self.ahead);
        }
        self.ahead.prefetch_rest(columns.bytes());
    }

    /// Cosines as the levels say, row by row.
    pub(crate) fn near_cosines(self, rows: &Levels<i16>, columns: &Levels<i8>, cells: &mut [f64]) {
        let unit = rows.unit * columns.unit;
        let (rows, columns) = (&rows.vectors, &columns.vectors);
        assert!(rows.dimension <= kernel::MAX_DIMENSION, "{} dimensions", rows.dimension);
        let products = cells_of(rows, columns, false, cells);
        // As above, and all levels were made within their range.
        unsafe {
            let blocks = (rows.as_kernel_block(), columns.as_kernel_block());
            level_products(self.instructions, blocks.0, blocks.1, rows.dimension, products, self.ahead);
        }
        self.ahead.prefetch_rest(columns.bytes());
        cells.iter_mut().for_each(|cell| *cell *= unit);
    }

    /// One dot product.
    pub(crate) fn dot<E: Stored>(self, left: &VectorBlock<f32>, right: &VectorBlock<E>) -> f64 {
        let mut cell = [0.0];
        self.dot_products(left, right, false, &mut cell);
        cell[0]
    }
}

/// Where the kernel writes, row by row, or column by column when `transposed`.
fn cells_of<A: Number, B: Number>(
    rows: &VectorBlock<A>,
    columns: &VectorBlock<B>,
    transposed: bool,
    cells: &mut [f64],
) -> Cells {
    assert_eq!(rows.dimension, columns.dimension, "vectors of two encoders were compared");
    assert!(cells.len() >= rows.count * columns.count, "too few cells");
    let (row, column) = if transposed { (1, rows.count) } else { (columns.count, 1) };
    Cells { at: cells.as_mut_ptr(), row, column }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::rounding_bound;

    fn block(count: usize, dimension: usize, numbers: &[f32]) -> VectorBlock<f32> {
        let mut block = VectorBlock::zeros(count, dimension);
        let mut numbers = numbers.iter().cycle();
        for at in 0..count {
            let row: Vec<f32> = (&mut numbers).take(dimension).copied().collect();
            let length = row.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            for (to, from) in block.row_mut(at).iter_mut().zip(row) {
                *to = from / length;
            }
        }
        block
    }

    fn naive<E: Stored>(left: &[f32], right: &[E]) -> f64 {
        left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(b.widened())).sum()
    }

    fn check<E: Stored>(rows: &VectorBlock<f32>, columns: &VectorBlock<E>) -> Result<(), TestCaseError> {
        let mut first: Option<Vec<f64>> = None;
        for instructions in InstructionSet::available() {
            for (precision, bound) in
                [(Precision::Double, 1e-14), (Precision::Single, rounding_bound(rows.dimension()).min(1e-6))]
            {
                let mut cells = vec![f64::NAN; rows.count() * columns.count()];
                Arithmetic { instructions, precision, ahead: Ahead::default() }
                    .dot_products(rows, columns, false, &mut cells);
                let mut transposed = vec![f64::NAN; cells.len()];
                Arithmetic { instructions, precision, ahead: Ahead::default() }.dot_products(
                    rows,
                    columns,
                    true,
                    &mut transposed,
                );
                for (at, cell) in cells.iter().enumerate() {
                    let (row, column) = (at / columns.count(), at % columns.count());
                    let expected = naive(rows.row(row), columns.row(column));
                    prop_assert!((cell - expected).abs() <= bound, "{cell} for {expected}, {:?}", precision);
                    prop_assert_eq!(transposed[column * rows.count() + row], *cell);
                }
                if precision == Precision::Double {
                    let first = first.get_or_insert_with(|| cells.clone());
                    prop_assert_eq!(&*first, &cells, "{}", instructions.as_str());
                }
            }
        }
        Ok(())
    }

    proptest! {
        // All shapes of tiles and all remainders of a register.
        #[test]
        fn every_instruction_set_gives_the_same(
            n in 1usize..13, m in 1usize..13, dimension in prop_oneof![1usize..70, Just(512), Just(513)],
            numbers in proptest::collection::vec(-1.0f32..1.0, 97),
        ) {
            let (rows, columns) = (block(n, dimension, &numbers), block(m, dimension, &numbers[31..]));
            check(&rows, &columns)?;
            check(&rows, &columns.stored_as::<f16>())?;
        }

        #[test]
        fn a_cell_depends_on_its_two_vectors_only(
            n in 1usize..13, m in 1usize..13, numbers in proptest::collection::vec(-1.0f32..1.0, 97),
        ) {
            let (rows, columns) = (block(n, 40, &numbers), block(m, 40, &numbers[31..]));
            for precision in [Precision::Double, Precision::Single] {
                let arithmetic = Arithmetic::fastest(precision);
                let mut cells = vec![0.0; n * m];
                arithmetic.dot_products(&rows, &columns, false, &mut cells);
                let alone = |block: &VectorBlock<f32>, at: usize| {
                    let mut one = VectorBlock::zeros(1, 40);
                    one.row_mut(0).copy_from_slice(block.row(at));
                    one
                };
                for (at, cell) in cells.iter().enumerate() {
                    let (row, column) = (alone(&rows, at / m), alone(&columns, at % m));
                    prop_assert_eq!(arithmetic.dot(&row, &column), *cell);
                    prop_assert_eq!(arithmetic.dot(&column, &row), *cell);
                }
            }
        }
    }
}
