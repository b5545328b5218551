//! Linear assignment by shortest augmenting paths.
//!
//! The Jonker-Volgenant method in the form of D. F. Crouse, "On implementing 2D
//! rectangular assignment algorithms", IEEE Transactions on Aerospace and Electronic
//! Systems 52(4), 2016, turned to maximising: lines of the shorter side are assigned one
//! after another, each along the shortest alternating path to a free line of the other.
//!
//! Guarantee: the dual variables prove the total to be the largest, up to rounding:
//! row dual + column dual ≥ similarity in every cell, with equality in assigned
//! cells, and a row or column without the other has the dual 0.

use std::hint::select_unpredictable;

use smallvec::SmallVec;

use super::PerLine;
use crate::matrix::Similarities;

/// No row, or no column.
pub(super) const NONE: usize = usize::MAX;

/// The best assignment and its proof.
#[derive(Debug)]
pub(super) struct Solved<'s> {
    pub(super) row_duals: &'s [f64],
    pub(super) column_duals: &'s [f64],
    /// Column of each row, [`NONE`] where rows are too many.
    pub(super) column_of: &'s mut PerLine<usize>,
    /// Row of each column, [`NONE`] where columns are too many.
    pub(super) row_of: &'s mut PerLine<usize>,
}

/// Memory of the search. Rows here are lines of the shorter side, whichever that is.
#[derive(Debug, Default)]
pub(super) struct Solver {
    row_duals: PerLine<f64>,
    column_duals: PerLine<f64>,
    column_of: PerLine<usize>,
    row_of: PerLine<usize>,
    reached: PerLine<Reached>,
    /// All columns; those that a search has not settled yet come first.
    order: PerLine<usize>,
    transposed: SmallVec<[f64; 16 * 16]>,
}

/// The shortest path found to a column: its length, and its last row.
#[derive(Debug, Clone, Copy)]
struct Reached {
    distance: f64,
    from: usize,
}

const UNREACHED: Reached = Reached { distance: f64::INFINITY, from: NONE };

impl Solver {
    pub(super) fn solve(&mut self, matrix: &Similarities) -> Solved<'_> {
        let (rows, columns) = (matrix.rows(), matrix.columns());
        if rows <= columns {
            self.solve_wide(matrix.cells(), columns);
            let Self { row_duals, column_duals, column_of, row_of, .. } = self;
            return Solved { row_duals, column_duals, column_of, row_of };
        }
        let mut values = std::mem::take(&mut self.transposed);
        values.clear();
        for column in 0..columns {
            values.extend((0..rows).map(|row| matrix.at(row, column)));
        }
        self.solve_wide(&values, rows);
        self.transposed = values;
        let Self { row_duals, column_duals, column_of, row_of, .. } = self;
        Solved { row_duals: column_duals, column_duals: row_duals, column_of: row_of, row_of: column_of }
    }

    /// Solves a matrix with no more rows than columns, given row by row.
    fn solve_wide(&mut self, values: &[f64], columns: usize) {
        self.assign_best_columns(values, columns);
        for row in 0..self.column_of.len() {
            if self.column_of[row] == NONE {
                let column = self.shortest_path(values, row);
                self.augment(row, column);
            }
        }
    }

    /// Every row asks for its best column; the first to ask gets it.
    fn assign_best_columns(&mut self, values: &[f64], columns: usize) {
        let Self { row_duals, column_duals, column_of, row_of, reached, order, .. } = self;
        row_duals.clear();
        column_of.clear();
        reset(column_duals, columns, 0.0);
        reset(row_of, columns, NONE);
        reset(reached, columns, UNREACHED);
        order.clear();
        order.extend(0..columns);
        for (row, values) in values.chunks_exact(columns).enumerate() {
            let (column, value) = largest(values);
            let is_free = row_of[column] == NONE;
            if is_free {
                row_of[column] = row;
            }
            column_of.push(if is_free { column } else { NONE });
            row_duals.push(value);
        }
    }

    /// Dijkstra's search over alternating paths from a row without a column to the
    /// nearest free column, which it returns. The length of an edge is its slack: row
    /// dual + column dual − value. Then moves the dual variables so that the path
    /// has slack 0 and no cell less.
    fn shortest_path(&mut self, values: &[f64], start: usize) -> usize {
        let Self { row_duals, column_duals, row_of, reached, order, .. } = self;
        reached.fill(UNREACHED);
        let (mut row, mut length, mut open) = (start, 0.0, order.len());
        let end = loop {
            let values = &values[row * order.len()..][..order.len()];
            let before = length + row_duals[row];
            let mut nearest = 0;
            length = f64::INFINITY;
            for (place, &column) in order[..open].iter().enumerate() {
                let reached = &mut reached[column];
                let distance = before + column_duals[column] - values[column];
                // Both comparisons are coin tosses: branches would be mispredicted.
                let is_shorter = distance < reached.distance;
                reached.distance = if is_shorter { distance } else { reached.distance };
                reached.from = select_unpredictable(is_shorter, row, reached.from);
                // Among equally near columns a free one ends the search.
                let is_nearest =
                    (reached.distance < length) | ((reached.distance == length) & (row_of[column] == NONE));
                nearest = select_unpredictable(is_nearest, place, nearest);
                length = if reached.distance < length { reached.distance } else { length };
            }
            open -= 1;
            order.swap(nearest, open);
            let column = order[open];
            row = row_of[column];
            if row == NONE {
                break column;
            }
        };
        row_duals[start] -= length;
        for &column in &order[open + 1..] {
            let shift = length - reached[column].distance;
            column_duals[column] += shift;
            row_duals[row_of[column]] -= shift;
        }
        end
    }

    /// Gives each row of the path its next column, from the free column back.
    fn augment(&mut self, start: usize, mut column: usize) {
        loop {
            let row = self.reached[column].from;
            self.row_of[column] = row;
            column = std::mem::replace(&mut self.column_of[row], column);
            if row == start {
                return;
            }
        }
    }
}

fn reset<T: Clone>(values: &mut PerLine<T>, length: usize, value: T) {
    values.clear();
    values.resize(length, value);
}

/// The first of the largest values, and its place.
fn largest(values: &[f64]) -> (usize, f64) {
    let (mut place, mut largest) = (0, f64::NEG_INFINITY);
    for (candidate, &value) in values.iter().enumerate() {
        let is_larger = value > largest;
        place = select_unpredictable(is_larger, candidate, place);
        largest = if is_larger { value } else { largest };
    }
    (place, largest)
}
