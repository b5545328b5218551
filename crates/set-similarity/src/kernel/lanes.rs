//! What one register of running sums can do, and the tile that all instruction sets
//! share.
//!
//! Guarantee: a cell is summed in the same order whatever tile it falls in, so it
//! depends on its two vectors alone, whichever comes first.

/// A register of running sums of products: one cell of a tile.
///
/// # Safety
///
/// Methods may only run where the instruction set of the implementing type is there.
pub(super) trait Lanes: Copy {
    /// The type of the sums.
    type Sum: Into<f64>;
    /// Numbers of each vector that one step takes.
    const STEP: usize;
    /// Most rows and columns of a tile, such that its sums stay in registers.
    const LARGEST_TILE: (usize, usize);

    unsafe fn zero() -> Self;
    /// `self + a · b` in each lane.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// All lanes, added in a fixed order.
    unsafe fn sum(self) -> Self::Sum;

    /// [`tile`] for the number of rows and columns there are, up to the largest.
    unsafe fn any_tile<A, B>(rows: Block<A>, columns: Block<B>, length: usize, cells: Cells, ahead: Ahead)
    where
        Self: Load<A> + Load<B>;
}

/// Loads `STEP` stored numbers.
///
/// # Safety
///
/// As [`Lanes`]; `at` points to as many readable numbers.
pub(super) trait Load<E>: Lanes {
    unsafe fn load(at: *const E) -> Self;
}

/// Vectors one after the other, each padded with zeros to `stride` numbers.
pub(crate) struct Block<E> {
    pub(crate) at: *const E,
    pub(crate) count: usize,
    pub(crate) stride: usize,
}

impl<E> Clone for Block<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Block<E> {}

impl<E> Block<E> {
    /// `count` vectors from `first` on, all inside the block.
    unsafe fn part(self, first: usize, count: usize) -> Self {
        debug_assert!(first + count <= self.count);
        Self { at: unsafe { self.at.add(first * self.stride) }, count, ..self }
    }
}

/// Bytes of a line of the cache.
pub(crate) const LINE: usize = 64;

/// What is read next: one of its lines is asked for with each line of the columns, so
/// that it comes while the arithmetic runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ahead {
    /// Address of the first byte; never read through.
    at: usize,
    bytes: usize,
}

impl Ahead {
    pub(crate) fn of<T>(values: &[T]) -> Self {
        Self { at: values.as_ptr().addr(), bytes: size_of_val(values) }
    }

    /// What lies beside columns from byte `first` on.
    fn part(self, first: usize) -> Self {
        let first = first.min(self.bytes);
        Self { at: self.at + first, bytes: self.bytes - first }
    }

    /// Asks for what lies beside nothing, after columns of so many bytes.
    pub(crate) fn prefetch_rest(self, columns: usize) {
        (columns..self.bytes).step_by(LINE).for_each(|offset| self.prefetch(offset));
    }

    /// Asks for the line that begins beside byte `offset` of the columns.
    #[inline(always)]
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "only asked for there"))]
    fn prefetch(self, offset: usize) {
        #[cfg(target_arch = "x86_64")]
        if offset < self.bytes && offset.is_multiple_of(LINE) {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            // A hint: no memory is read, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::without_provenance(self.at + offset)) }
        }
    }
}

/// Where the cell of row r and column c goes: `at + r · row + c · column`.
#[derive(Clone, Copy)]
pub(crate) struct Cells {
    pub(crate) at: *mut f64,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl Cells {
    unsafe fn part(self, row: usize, column: usize) -> Self {
        Self { at: unsafe { self.at.add(row * self.row + column * self.column) }, ..self }
    }
}

/// Dot products of R rows and C columns over the first `length` numbers, a multiple
/// of `STEP`. R × C sums stay in registers: each number is loaded once for R or C
/// products.
///
/// # Safety
///
/// The instruction set of `L` is there; rows has R vectors, columns C, both of at
/// least `length` numbers; cells has room for all.
#[inline(always)]
pub(super) unsafe fn tile<L, A, B, const R: usize, const C: usize>(
    rows: Block<A>,
    columns: Block<B>,
    length: usize,
    cells: Cells,
    ahead: Ahead,
) where
    L: Load<A> + Load<B>,
{
    unsafe {
        let mut sums = [[L::zero(); C]; R];
        let mut at = 0;
        while at < length {
            let mut loaded = [L::zero(); C];
            for (c, column) in loaded.iter_mut().enumerate() {
                let place = c * columns.stride + at;
                *column = <L as Load<B>>::load(columns.at.add(place));
                ahead.prefetch(place * size_of::<B>());
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let row = <L as Load<A>>::load(rows.at.add(r * rows.stride + at));
                for (sum, column) in sums.iter_mut().zip(loaded) {
                    *sum = sum.add_product(row, column);
                }
            }
            at += L::STEP;
        }
        for (r, row) in sums.into_iter().enumerate() {
            for (c, sum) in row.into_iter().enumerate() {
                *cells.at.add(r * cells.row + c * cells.column) = sum.sum().into();
            }
        }
    }
}

/// Dot products of all rows and columns, tile by tile, as even as can be.
///
/// # Safety
///
/// As [`tile`], for all rows and columns.
#[inline(always)]
pub(super) unsafe fn all_tiles<L, A, B>(
    rows: Block<A>,
    columns: Block<B>,
    length: usize,
    cells: Cells,
    ahead: Ahead,
) where
    L: Load<A> + Load<B>,
{
    let (height, width) =
        (even_part(rows.count, L::LARGEST_TILE.0), even_part(columns.count, L::LARGEST_TILE.1));
    for row in (0..rows.count).step_by(height) {
        for column in (0..columns.count).step_by(width) {
            unsafe {
                let some_rows = rows.part(row, height.min(rows.count - row));
                let some_columns = columns.part(column, width.min(columns.count - column));
                // Once is enough.
                let ahead = if row == 0 { ahead } else { Ahead::default() };
                let ahead = ahead.part(column * columns.stride * size_of::<B>());
                L::any_tile(some_rows, some_columns, length, cells.part(row, column), ahead);
            }
        }
    }
}

/// The largest part when `count` is cut into the fewest parts of at most `most`.
fn even_part(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most).max(1)).max(1)
}

/// Writes `Lanes::LARGEST_TILE` and `Lanes::any_tile` for these shapes.
macro_rules! tiles {
    ($most_rows:literal by $most_columns:literal; $(($r:literal, $c:literal)),* $(,)?) => {
        const LARGEST_TILE: (usize, usize) = ($most_rows, $most_columns);

        #[inline(always)]
        unsafe fn any_tile<A, B>(rows: Block<A>, columns: Block<B>, length: usize, cells: Cells, ahead: Ahead)
        where
            Self: Load<A> + Load<B>,
        {
            match (rows.count, columns.count) {
                $(($r, $c) => unsafe { tile::<Self, A, B, $r, $c>(rows, columns, length, cells, ahead) },)*
                _ => unreachable!("all_tiles makes none larger than the largest"),
            }
        }
    };
}
pub(super) use tiles;

/// Writes the functions that the dispatch calls, with `Single`, `Double` and `Integer`
/// of the module they stand in, compiled for the instructions in the attribute.
///
/// # Safety
///
/// Of each as [`tile`]; `length` is a multiple of the step, and no sum of whole numbers
/// leaves i32.
macro_rules! entry_points {
    ($(#[$instructions:meta])?) => {
        $(#[$instructions])?
        pub(super) unsafe fn single<E>(rows: Block<f32>, columns: Block<E>, length: usize, cells: Cells, ahead: Ahead)
        where
            Single: Load<E>,
        {
            unsafe { all_tiles::<Single, f32, E>(rows, columns, length, cells, ahead) }
        }

        $(#[$instructions])?
        pub(super) unsafe fn double<E>(rows: Block<f32>, columns: Block<E>, length: usize, cells: Cells, ahead: Ahead)
        where
            Double: Load<E>,
        {
            unsafe { all_tiles::<Double, f32, E>(rows, columns, length, cells, ahead) }
        }

        $(#[$instructions])?
        pub(super) unsafe fn integer(rows: Block<i16>, columns: Block<i8>, length: usize, cells: Cells, ahead: Ahead) {
            unsafe { all_tiles::<Integer, i16, i8>(rows, columns, length, cells, ahead) }
        }
    };
}
pub(super) use entry_points;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_few_and_even() {
        let parts = [1, 4, 5, 6, 8, 9, 10, 11, 12, 64].map(|count| even_part(count, 5));
        assert_eq!(parts, [1, 4, 5, 3, 4, 5, 5, 4, 4, 5]);
    }
}
