//! The one best pair: two articles are as similar as their two most similar images.
//!
//! Guarantee: ties go to the lower row, then the lower column.

use crate::case::Cell;
use crate::matrix::Similarities;

/// The largest cell; the matrix has one.
pub(crate) fn pair(matrix: &Similarities) -> Cell {
    let mut best = Cell { row: 0, column: 0, similarity: matrix.at(0, 0) };
    for row in 0..matrix.rows() {
        for (column, &similarity) in matrix.row(row).iter().enumerate() {
            if similarity > best.similarity {
                best = Cell { row, column, similarity };
            }
        }
    }
    best
}
