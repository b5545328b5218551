//! Late interaction in both directions: ½ (mean of row maxima + mean of column maxima).
//!
//! The sum of maxima is MaxSim of O. Khattab and M. Zaharia, "ColBERT", SIGIR 2020;
//! taken from both sides it is symmetric.
//!
//! Guarantee: every image takes part, an image of one side may serve several of the other.

use crate::case::{Cell, mean, sort_best_first};
use crate::matrix::Similarities;

/// The score, and into `pairs` what it is made of: each row with its best column and
/// each column with its best row (the lowest of equally good ones), best first.
///
/// The matrix has at least one cell.
pub(crate) fn score(matrix: &Similarities, pairs: &mut Vec<Cell>) -> f64 {
    for row in 0..matrix.rows() {
        pairs.push(best((0..matrix.columns()).map(|column| cell(matrix, row, column))));
    }
    for column in 0..matrix.columns() {
        pairs.push(best((0..matrix.rows()).map(|row| cell(matrix, row, column))));
    }
    let (of_rows, of_columns) = pairs.split_at(matrix.rows());
    let score = 0.5 * mean(of_rows) + 0.5 * mean(of_columns);
    sort_best_first(pairs);
    pairs.dedup();
    score
}

fn cell(matrix: &Similarities, row: usize, column: usize) -> Cell {
    Cell { row, column, similarity: matrix.at(row, column) }
}

/// The first of the cells with the largest similarity.
fn best(cells: impl Iterator<Item = Cell>) -> Cell {
    cells
        .reduce(|best, cell| if cell.similarity > best.similarity { cell } else { best })
        .expect("a matrix with a cell has one in every row and column")
}
