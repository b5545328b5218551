//! Assignment of few images by dynamic programming over subsets of columns.
//!
//! When the rows before a row have used some columns, the best total of the rest
//! depends on that subset alone (M. Held and R. M. Karp, "A dynamic programming
//! approach to sequencing problems", SIAM Journal 10(1), 1962). With five images on
//! each side that is 32 totals of at most 5 sums each.
//!
//! Guarantee: the lexicographically smallest assignment with the largest total.

use crate::case::Cell;
use crate::matrix::Similarities;

/// Most totals: beyond them augmenting paths are faster.
const MOST: usize = 64;

/// Size of each set of up to six columns, which is a number with their bits set.
const SIZES: [u8; MOST] = {
    let mut sizes = [0; MOST];
    let mut set = 1;
    while set < MOST {
        sizes[set] = sizes[set / 2] + (set % 2) as u8;
        set += 1;
    }
    sizes
};

/// Best total of the rows still to come, by the number of rows left without a column,
/// then by the set of columns used.
#[derive(Debug)]
pub(super) struct Totals([f64; MOST]);

impl Default for Totals {
    fn default() -> Self {
        Self([0.0; MOST])
    }
}

/// Whether the matrix is small enough.
pub(super) fn are_few(matrix: &Similarities) -> bool {
    let subsets = u32::try_from(matrix.columns()).ok().and_then(|columns| 1_usize.checked_shl(columns));
    let rows_left_out = matrix.rows().saturating_sub(matrix.columns());
    subsets.is_some_and(|subsets| (rows_left_out + 1).saturating_mul(subsets) <= MOST)
}

impl Totals {
    /// Adds the cells of the best assignment to `pairs`, row by row. Totals count as
    /// equal up to the tolerance.
    pub(super) fn assign(&mut self, matrix: &Similarities, tolerance: f64, pairs: &mut Vec<Cell>) {
        self.sum_up(matrix);
        let subsets = 1 << matrix.columns();
        let (mut left_out, mut used) = (0, 0);
        for row in 0..matrix.rows() {
            let totals = &self.0[left_out * subsets..][..subsets];
            let enough = totals[used] - tolerance;
            let lowest = matrix.row(row).iter().enumerate().position(|(column, similarity)| {
                used >> column & 1 == 0 && similarity + totals[used | 1 << column] >= enough
            });
            match lowest {
                Some(column) => {
                    pairs.push(Cell { row, column, similarity: matrix.at(row, column) });
                    used |= 1 << column;
                }
                None => left_out += 1,
            }
        }
    }

    /// Fills in the totals from the last row back: each from totals of more rows.
    fn sum_up(&mut self, matrix: &Similarities) {
        let subsets = 1 << matrix.columns();
        let most_left_out = matrix.rows().saturating_sub(matrix.columns());
        for left_out in (0..=most_left_out).rev() {
            let (totals, without_this_row) = self.0[left_out * subsets..].split_at_mut(subsets);
            for used in (0..subsets).rev() {
                let row = left_out + usize::from(SIZES[used]);
                if row >= matrix.rows() {
                    totals[used] = 0.0;
                    continue;
                }
                let mut best =
                    if left_out < most_left_out { without_this_row[used] } else { f64::NEG_INFINITY };
                // So that a used column, which leads back to the same set, is never best.
                totals[used] = f64::NEG_INFINITY;
                for (column, similarity) in matrix.row(row).iter().enumerate() {
                    let total = similarity + totals[used | 1 << column];
                    best = if total > best { total } else { best };
                }
                totals[used] = best;
            }
        }
    }
}
