//! The assignment with the largest total: min(rows, columns) pairs, one to one.
//!
//! Guarantee: up to rounding, no assignment has a larger total; threshold and limit
//! cut its pairs afterwards. Among assignments of equal total the lexicographically
//! smallest wins: row 0 takes the lowest column it can have, then row 1, and so on,
//! and any column is lower than none. So the result depends on the matrix alone, not on
//! the path of a solver.
//!
//! Small matrices are solved over subsets of columns, the others by augmenting paths.

mod solver;
mod subsets;
#[cfg(test)]
mod tests;
mod ties;

use smallvec::SmallVec;

use crate::case::{Cell, sort_best_first};
use crate::matrix::Similarities;

/// Values for each line, and for one more: inside the workspace for up to 16 × 16
/// images, on the heap above.
type PerLine<T> = SmallVec<[T; 17]>;

/// Memory of the solvers.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    subsets: subsets::Totals,
    solver: solver::Solver,
    ties: ties::Ties,
    scaled: Similarities,
}

/// Times rows + columns and the largest magnitude: totals closer than this are equal.
/// A sum over rows, or a dual variable that each row may move, collects at most one
/// rounding to 2^-53 for each of them; 2^-48 leaves a factor of 32, and is still far
/// below what vectors of single precision (2^-24) can tell apart.
const ROUNDING: f64 = 1.0 / (1_u64 << 48) as f64;

/// Larger magnitudes are scaled down, so that no sum of finite values overflows.
const LARGEST: f64 = 1e300;

/// Adds the matched cells to `pairs`, best first, ties by row and column.
pub(crate) fn pairs(
    matrix: &Similarities,
    threshold: f64,
    most: usize,
    workspace: &mut Workspace,
    pairs: &mut Vec<Cell>,
) {
    let largest = largest_magnitude(matrix.cells());
    if largest > LARGEST {
        let Workspace { scaled, .. } = workspace;
        let cells = scaled.reshape(matrix.rows(), matrix.columns());
        cells.iter_mut().zip(matrix.cells()).for_each(|(cell, value)| *cell = value / LARGEST);
        let scaled = std::mem::take(scaled);
        assign(&scaled, largest / LARGEST, workspace, pairs);
        pairs.iter_mut().for_each(|pair| pair.similarity = matrix.at(pair.row, pair.column));
        workspace.scaled = scaled;
    } else {
        assign(matrix, largest, workspace, pairs);
    }
    sort_best_first(pairs);
    pairs.truncate(most);
    pairs.truncate(pairs.partition_point(|pair| pair.similarity >= threshold));
}

/// Adds the cells of the best assignment to `pairs`, row by row.
fn assign(matrix: &Similarities, largest: f64, workspace: &mut Workspace, pairs: &mut Vec<Cell>) {
    let tolerance = (matrix.rows() + matrix.columns()) as f64 * ROUNDING * largest;
    if subsets::are_few(matrix) {
        workspace.subsets.assign(matrix, tolerance, pairs);
    } else {
        assign_by_paths(matrix, tolerance, workspace, pairs);
    }
}

fn assign_by_paths(matrix: &Similarities, tolerance: f64, workspace: &mut Workspace, pairs: &mut Vec<Cell>) {
    let mut solved = workspace.solver.solve(matrix);
    workspace.ties.settle(matrix, tolerance, &mut solved);
    for (row, &column) in solved.column_of[..matrix.rows()].iter().enumerate() {
        // Higher numbers, and `NONE`, stand for no column.
        if column < matrix.columns() {
            pairs.push(Cell { row, column, similarity: matrix.at(row, column) });
        }
    }
}

fn largest_magnitude(values: &[f64]) -> f64 {
    // Magnitudes are in the order of their bits, and integers compare faster.
    f64::from_bits(values.iter().map(|value| value.abs().to_bits()).max().unwrap_or(0))
}
