//! Greedy matching, "recursive matching" in the article this method comes from:
//! take the largest similarity among unmatched rows and columns, again and again,
//! until it falls below the threshold or enough pairs are taken.
//!
//! Guarantee: ties go to the lower row, then the lower column, so the result depends
//! on the matrix alone; the transposed matrix gives the mirrored pairs.
//!
//! Each row knows its best free column. Taking a pair sends only those rows searching
//! again that wanted the same column.

use std::hint::select_unpredictable;

use crate::case::Cell;
use crate::matrix::Similarities;

/// Columns that one word can hold: with more, rows are sorted instead of searched.
const WORD: usize = u64::BITS as usize;

/// A value that never matches, below all similarities.
pub(crate) const NEVER: f64 = f64::NEG_INFINITY;

/// Memory of the search.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    wishes: Vec<Wish>,
    sorted: SortedMemory,
}

/// The best free column of a row; none once the row is matched.
#[derive(Debug, Clone, Copy)]
struct Wish {
    column: usize,
    similarity: f64,
}

const NONE: Wish = Wish { column: usize::MAX, similarity: NEVER };

/// Adds the matched cells to `pairs` in the order they are taken, best first.
///
/// Similarities are finite, or [`NEVER`] where a row and a column must not match.
pub(crate) fn pairs(
    matrix: &Similarities,
    threshold: f64,
    most: usize,
    workspace: &mut Workspace,
    pairs: &mut Vec<Cell>,
) {
    let Workspace { wishes, sorted } = workspace;
    if matrix.columns() <= WORD {
        let free = u64::MAX >> (WORD - matrix.columns());
        take(wishes, &mut Searched { matrix, free }, threshold, most, pairs);
    } else {
        take(wishes, &mut Sorted::new(matrix, sorted), threshold, most, pairs);
    }
}

/// Columns not matched yet.
trait FreeColumns {
    fn rows(&self) -> usize;
    /// The best free column of a row, the lowest of equally good ones. At least one is free.
    fn best(&mut self, row: usize) -> Wish;
    fn take(&mut self, column: usize);
}

fn take(
    wishes: &mut Vec<Wish>,
    columns: &mut impl FreeColumns,
    threshold: f64,
    most: usize,
    pairs: &mut Vec<Cell>,
) {
    wishes.clear();
    wishes.extend((0..columns.rows()).map(|row| columns.best(row)));
    for taken in 1..=most {
        let row = row_of_largest(wishes);
        let Wish { column, similarity } = std::mem::replace(&mut wishes[row], NONE);
        if similarity < threshold || similarity == NEVER {
            return;
        }
        pairs.push(Cell { row, column, similarity });
        if taken == most {
            return;
        }
        columns.take(column);
        for (row, wish) in wishes.iter_mut().enumerate() {
            if wish.column == column {
                *wish = columns.best(row);
            }
        }
    }
}

/// The first of the rows with the largest similarity.
fn row_of_largest(wishes: &[Wish]) -> usize {
    let (mut largest, mut best) = (0, NEVER);
    for (row, wish) in wishes.iter().enumerate() {
        let is_better = wish.similarity > best;
        largest = select_unpredictable(is_better, row, largest);
        best = if is_better { wish.similarity } else { best };
    }
    largest
}

/// Free columns as the bits of a word.
struct Searched<'m> {
    matrix: &'m Similarities,
    free: u64,
}

impl FreeColumns for Searched<'_> {
    fn rows(&self) -> usize {
        self.matrix.rows()
    }

    fn best(&mut self, row: usize) -> Wish {
        let values = self.matrix.row(row);
        let (mut best, mut left) = (NONE, self.free);
        while left != 0 {
            let column = left.trailing_zeros() as usize;
            left &= left - 1;
            // Which is larger is a coin toss: a branch would be mispredicted.
            let is_better = values[column] > best.similarity;
            best.column = select_unpredictable(is_better, column, best.column);
            best.similarity = if is_better { values[column] } else { best.similarity };
        }
        best
    }

    fn take(&mut self, column: usize) {
        self.free &= !(1 << column);
    }
}

/// Each row's columns, best first: a row that searches again only moves on in its
/// list, so all searches together pass each cell once.
struct Sorted<'m> {
    matrix: &'m Similarities,
    memory: &'m mut SortedMemory,
}

#[derive(Debug, Default)]
struct SortedMemory {
    /// Row by row, the columns from the best on.
    columns: Vec<u32>,
    /// Place in its list where each row goes on.
    next: Vec<usize>,
    is_taken: Vec<bool>,
}

impl<'m> Sorted<'m> {
    fn new(matrix: &'m Similarities, memory: &'m mut SortedMemory) -> Self {
        let width = u32::try_from(matrix.columns()).expect("rows of a matrix in memory have fewer columns");
        memory.columns.clear();
        for row in 0..matrix.rows() {
            let start = memory.columns.len();
            memory.columns.extend(0..width);
            let values = matrix.row(row);
            memory.columns[start..].sort_unstable_by(|&a, &b| {
                let (left, right) = (values[a as usize], values[b as usize]);
                right.partial_cmp(&left).expect("similarities are numbers").then(a.cmp(&b))
            });
        }
        memory.next.clear();
        memory.next.resize(matrix.rows(), 0);
        memory.is_taken.clear();
        memory.is_taken.resize(matrix.columns(), false);
        Self { matrix, memory }
    }
}

impl FreeColumns for Sorted<'_> {
    fn rows(&self) -> usize {
        self.matrix.rows()
    }

    fn best(&mut self, row: usize) -> Wish {
        let SortedMemory { columns, next, is_taken } = &mut *self.memory;
        let list = &columns[row * is_taken.len()..][..is_taken.len()];
        while is_taken[list[next[row]] as usize] {
            next[row] += 1;
        }
        let column = list[next[row]] as usize;
        Wish { column, similarity: self.matrix.at(row, column) }
    }

    fn take(&mut self, column: usize) {
        self.memory.is_taken[column] = true;
    }
}

#[cfg(test)]
#[path = "greedy_tests.rs"]
mod tests;
