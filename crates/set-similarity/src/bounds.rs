//! What is known of a similarity matrix before it is matched, and the highest score
//! that leaves possible.
//!
//! Guarantee: no score is above [`Bounds::highest_score`]. It is continuous in the
//! cells, so cosines known up to an error give it up to that error; matching itself is
//! not (a tie that falls otherwise changes greedy pairs altogether), and so is never
//! run on rounded cosines.

use crate::matrix::Similarities;
use crate::method::{Matching, Method};

/// What the cells of a similarity matrix and the means over them can be at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    lowest_cell: f64,
    highest_cell: f64,
    /// Of the mean over as many one-to-one pairs as can match at most.
    highest_mean: f64,
}

impl Bounds {
    /// From cells that are known within `error`, for `pairs` pairs, 1 at least.
    pub(crate) fn of_cells(cells: &Similarities, pairs: usize, error: f64, scratch: &mut Vec<f64>) -> Self {
        let columns = cells.columns();
        // Every pair has a row and a column of its own: the maxima of the fewer ones.
        scratch.clear();
        let mut lowest = f64::INFINITY;
        if cells.rows() <= columns {
            for row in 0..cells.rows() {
                let none = (f64::INFINITY, f64::NEG_INFINITY);
                let least_and_most =
                    cells.row(row).iter().fold(none, |(low, high), cell| (cell.min(low), cell.max(high)));
                lowest = lowest.min(least_and_most.0);
                scratch.push(least_and_most.1);
            }
        } else {
            scratch.resize(columns, f64::NEG_INFINITY);
            for row in 0..cells.rows() {
                for (cell, most) in cells.row(row).iter().zip(scratch.iter_mut()) {
                    *most = cell.max(*most);
                    lowest = cell.min(lowest);
                }
            }
        }
        let highest = scratch.iter().fold(f64::NEG_INFINITY, |highest, cell| cell.max(highest));
        let mean = mean_of_largest(scratch, pairs);
        Self { lowest_cell: lowest - error, highest_cell: highest + error, highest_mean: mean + error }
    }

    /// The highest image score; −∞ when nothing can match.
    pub(crate) fn highest_score(&self, matching: &Matching) -> f64 {
        let one_to_one = matching.method != Method::MaxSim;
        if one_to_one && self.highest_cell < matching.threshold {
            return f64::NEG_INFINITY;
        }
        let takes_all = matches!(matching.method, Method::Greedy | Method::Optimal);
        if takes_all && self.lowest_cell >= matching.threshold {
            return self.highest_mean;
        }
        // The mean of any pairs. Coverage below 1 lowers it, unless it is negative.
        if matching.coverage_weight > 0.0 { self.highest_cell.max(0.0) } else { self.highest_cell }
    }
}

/// Mean of the `count` largest, 1 at least; their order changes.
fn mean_of_largest(values: &mut [f64], count: usize) -> f64 {
    let count = count.min(values.len());
    if count < values.len() {
        values.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    }
    values[..count].iter().sum::<f64>() / count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::case::{Case, Views, Workspace};

    fn matrix() -> impl Strategy<Value = Vec<Vec<f64>>> {
        // Often of one sign, so that thresholds cut all, some or no cells.
        let range = proptest::sample::select(vec![(-1.0, 1.0), (0.2, 0.9), (-0.9, -0.1)]);
        (1usize..7, 1usize..7, range).prop_flat_map(|(n, m, (low, high))| {
            proptest::collection::vec(proptest::collection::vec(low..high, m), n)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn no_score_is_above_the_highest(
            rows in matrix(), method in proptest::sample::select(Method::ALL.to_vec()),
            threshold in proptest::sample::select(vec![-1.0, -0.5, 0.0, 0.3, 0.6]),
            max_matches in proptest::option::of(1usize..4), coverage_weight in proptest::sample::select(vec![0.0, 0.5, 2.0]),
            error in 0.0f64..0.1, wrong in proptest::collection::vec(-1.0f64..1.0, 36),
        ) {
            prop_assume!(method != Method::Pooled);
            let matching = Matching { method, threshold, max_matches, min_matches: 1, coverage_weight };
            let exact = Similarities::from_rows(&rows).unwrap();
            let views: Vec<Option<String>> = (0..6).map(|at| Some((at % 3).to_string())).collect();
            let views = Views { rows: &views[..exact.rows()], columns: &views[..exact.columns()] };
            let case = Case { similarities: &exact, views, pooled: None };
            let score = case.score(&matching, &mut Workspace::default());
            let mut near = exact.clone();
            let cells = near.reshape(exact.rows(), exact.columns());
            cells.iter_mut().zip(wrong).for_each(|(cell, wrong)| *cell += wrong * error);
            let pairs = matching.most_pairs(exact.rows(), exact.columns());
            let highest = Bounds::of_cells(&near, pairs, error, &mut Vec::new()).highest_score(&matching);
            let score = score.map_or(f64::NEG_INFINITY, |score| score.score);
            prop_assert!(score <= highest + 1e-12, "{score} is above {highest}");
        }
    }
}
