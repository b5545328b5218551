//! The lexicographically smallest of the assignments with the largest total.
//!
//! Given dual variables that prove a total to be the largest, an assignment has that total
//! exactly when all its cells are tight: slack (row dual + column dual − similarity)
//! 0. The shorter side is filled up with rows or columns that match nothing; their cells are
//! tight where the dual of the real line is 0. Then row after row takes the lowest
//! tight column that it can have by moving only later rows, along an alternating
//! path from the row that holds this column to the column given up.

use super::PerLine;
use super::solver::{NONE, Solved};
use crate::matrix::Similarities;

/// Memory of the search.
#[derive(Debug, Default)]
pub(super) struct Ties {
    tight: Tight,
    search: Search,
}

/// The tight columns of each row, as sets of bits.
#[derive(Debug, Default)]
struct Tight {
    bits: PerLine<u64>,
    words: usize,
    /// Rows from here on match nothing and share one set.
    real_rows: usize,
}

/// Alternating paths.
#[derive(Debug, Default)]
struct Search {
    /// Columns of earlier rows, which keep them.
    fixed: PerLine<u64>,
    /// The fixed columns and those that paths have come to.
    seen: PerLine<u64>,
    /// The column from whose row a path came to a column; [`NONE`] at its start.
    seen_from: PerLine<usize>,
    open: PerLine<usize>,
}

impl Ties {
    /// Makes the assignment the lexicographically smallest. A slack up to the tolerance
    /// counts as 0. If that takes a filled-up square, it is in `solved` afterwards.
    pub(super) fn settle(&mut self, matrix: &Similarities, tolerance: f64, solved: &mut Solved<'_>) {
        if self.tight.mark(matrix, tolerance, solved) == matrix.rows().min(matrix.columns()) {
            return;
        }
        self.tight.fill_up(matrix, tolerance, solved);
        fill_up(solved.column_of, solved.row_of);
        fill_up(solved.row_of, solved.column_of);
        self.search.start(&self.tight, solved.column_of.len());
        for row in 0..matrix.rows() {
            let limit = solved.column_of[row].min(matrix.columns());
            self.search.lower(&self.tight, row, limit, solved);
            insert(&mut self.search.fixed, solved.column_of[row]);
        }
    }
}

/// Gives each line without one of the other side a new one.
fn fill_up(partner_of: &mut [usize], others: &mut PerLine<usize>) {
    for (line, partner) in partner_of.iter_mut().enumerate() {
        if *partner == NONE {
            *partner = others.len();
            others.push(line);
        }
    }
}

impl Tight {
    /// Collects the tight cells of the matrix, and returns their number.
    fn mark(&mut self, matrix: &Similarities, tolerance: f64, solved: &Solved<'_>) -> usize {
        let size = matrix.rows().max(matrix.columns());
        self.words = size.div_ceil(64);
        self.real_rows = matrix.rows();
        self.bits.clear();
        let mut count = 0;
        for (row, row_dual) in solved.row_duals.iter().enumerate() {
            let values = matrix.row(row).chunks(64);
            for (values, column_duals) in values.zip(solved.column_duals.chunks(64)) {
                let mut word = 0;
                for (bit, (value, column_dual)) in values.iter().zip(column_duals).enumerate() {
                    let is_tight = row_dual + column_dual - value <= tolerance;
                    word |= u64::from(is_tight) << bit;
                    count += usize::from(is_tight);
                }
                self.bits.push(word);
            }
            self.bits.resize((row + 1) * self.words, 0);
        }
        count
    }

    /// Adds the tight cells of rows and columns that match nothing.
    fn fill_up(&mut self, matrix: &Similarities, tolerance: f64, solved: &Solved<'_>) {
        for (row, row_dual) in solved.row_duals.iter().enumerate() {
            if *row_dual <= tolerance {
                let set = &mut self.bits[row * self.words..][..self.words];
                (matrix.columns()..matrix.rows()).for_each(|column| insert(set, column));
            }
        }
        self.bits.resize((matrix.rows() + 1) * self.words, 0);
        for (column, column_dual) in solved.column_duals.iter().enumerate() {
            if *column_dual <= tolerance {
                insert(&mut self.bits[matrix.rows() * self.words..], column);
            }
        }
    }

    fn columns(&self, row: usize) -> &[u64] {
        &self.bits[row.min(self.real_rows) * self.words..][..self.words]
    }
}

impl Search {
    fn start(&mut self, tight: &Tight, size: usize) {
        self.fixed.clear();
        self.fixed.resize(tight.words, 0);
        self.seen_from.clear();
        self.seen_from.resize(size, NONE);
    }

    /// Gives a row the lowest column below `limit` that it can have, if any.
    fn lower(&mut self, tight: &Tight, row: usize, limit: usize, solved: &mut Solved<'_>) {
        self.seen.clone_from(&self.fixed);
        for word in 0..limit.div_ceil(64) {
            let mut candidates = tight.columns(row)[word] & !self.fixed[word];
            while candidates != 0 {
                let column = word * 64 + candidates.trailing_zeros() as usize;
                candidates &= candidates - 1;
                if column >= limit {
                    return;
                }
                if !contains(&self.seen, column) && self.reaches(tight, column, row, solved) {
                    self.exchange(row, solved);
                    return;
                }
            }
        }
    }

    /// Whether the row that holds `start` can leave it, by an alternating path to the
    /// column of `row`.
    fn reaches(&mut self, tight: &Tight, start: usize, row: usize, solved: &Solved<'_>) -> bool {
        let Self { seen, seen_from, open, .. } = self;
        insert(seen, start);
        seen_from[start] = NONE;
        open.clear();
        open.push(start);
        while let Some(column) = open.pop() {
            for (word, columns) in tight.columns(solved.row_of[column]).iter().enumerate() {
                let mut new = columns & !seen[word];
                seen[word] |= new;
                while new != 0 {
                    let next = word * 64 + new.trailing_zeros() as usize;
                    new &= new - 1;
                    seen_from[next] = column;
                    open.push(next);
                }
            }
            if contains(seen, solved.column_of[row]) {
                return true;
            }
        }
        false
    }

    /// Gives each row of the path to the column of `row` its next column, from the end
    /// back, and the column where the path starts to `row`.
    fn exchange(&self, row: usize, solved: &mut Solved<'_>) {
        let mut column = solved.column_of[row];
        while column != NONE {
            let before = self.seen_from[column];
            let owner = if before == NONE { row } else { solved.row_of[before] };
            solved.row_of[column] = owner;
            solved.column_of[owner] = column;
            column = before;
        }
    }
}

fn insert(set: &mut [u64], column: usize) {
    set[column / 64] |= 1 << (column % 64);
}

fn contains(set: &[u64], column: usize) -> bool {
    set[column / 64] >> (column % 64) & 1 == 1
}
