//! Greedy matching, "recursive matching" in the article this method comes from:
//! take the largest similarity among unmatched rows and columns, again and again,
//! until it falls below the threshold or enough pairs are taken.
//!
//! Guarantee: ties go to the lower row, then the lower column, so the result
//! depends on the matrix alone.

use super::matrix::Similarities;
use super::{Cell, Matching};

/// Matched cells in the order they are taken, best first.
pub fn greedy(matrix: &Similarities, matching: &Matching) -> Vec<Cell> {
    let most = matrix.rows().min(matrix.columns()).min(matching.max_matches.unwrap_or(usize::MAX));
    let mut rows: Vec<usize> = (0..matrix.rows()).collect();
    let mut columns: Vec<usize> = (0..matrix.columns()).collect();
    let mut pairs = Vec::with_capacity(most);
    while pairs.len() < most {
        let Some(best) = largest(matrix, &rows, &columns) else { break };
        if best.similarity < matching.threshold {
            break;
        }
        rows.retain(|row| *row != best.row);
        columns.retain(|column| *column != best.column);
        pairs.push(best);
    }
    pairs
}

fn largest(matrix: &Similarities, rows: &[usize], columns: &[usize]) -> Option<Cell> {
    let mut best: Option<Cell> = None;
    for &row in rows {
        for &column in columns {
            let similarity = matrix.at(row, column);
            if best.is_none_or(|cell| similarity > cell.similarity) {
                best = Some(Cell { row, column, similarity });
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::similarity::score_matrix;

    /// Sort all cells, take each whose row and column are free.
    fn by_sorting(rows: &[Vec<f64>], matching: &Matching) -> Vec<Cell> {
        let mut cells: Vec<Cell> = Vec::new();
        for (row, values) in rows.iter().enumerate() {
            for (column, similarity) in values.iter().enumerate() {
                cells.push(Cell { row, column, similarity: *similarity });
            }
        }
        cells.sort_by(|a, b| {
            b.similarity.total_cmp(&a.similarity).then((a.row, a.column).cmp(&(b.row, b.column)))
        });
        let mut taken: Vec<Cell> = Vec::new();
        for cell in cells {
            let free = taken.iter().all(|pair| pair.row != cell.row && pair.column != cell.column);
            let wanted = taken.len() < matching.max_matches.unwrap_or(usize::MAX);
            if free && wanted && cell.similarity >= matching.threshold {
                taken.push(cell);
            }
        }
        taken
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<f64>>> {
        // Steps of an eighth make ties frequent.
        (0usize..8, 0usize..8).prop_flat_map(|(n, m)| {
            proptest::collection::vec(
                proptest::collection::vec((-8i8..=8).prop_map(|step| f64::from(step) / 8.0), m),
                n,
            )
        })
    }

    proptest! {
        #[test]
        fn equals_sorting_all_cells(
            rows in rows(), threshold in -1.0f64..1.0, max_matches in proptest::option::of(0usize..9),
        ) {
            let matching = Matching { threshold, max_matches, ..Matching::default() };
            let matrix = Similarities::from_rows(&rows).unwrap();
            prop_assert_eq!(greedy(&matrix, &matching), by_sorting(&rows, &matching));
        }

        #[test]
        fn more_threshold_never_means_more_pairs(rows in rows(), low in -1.0f64..1.0, high in -1.0f64..1.0) {
            let matrix = Similarities::from_rows(&rows).unwrap();
            let count = |threshold| greedy(&matrix, &Matching { threshold, ..Matching::default() }).len();
            prop_assert!(count(low.max(high)) <= count(low.min(high)));
        }
    }

    /// The worked example that the method was published with.
    const SEED: [[f64; 5]; 4] = [
        [0.837, 0.835, 0.747, 0.703, 0.698],
        [0.803, 0.799, 0.838, 0.760, 0.769],
        [0.772, 0.752, 0.794, 0.761, 0.796],
        [0.787, 0.785, 0.794, 0.866, 0.881],
    ];

    #[test]
    fn best_first_and_one_to_one() {
        let rows: Vec<Vec<f64>> = SEED.iter().map(|row| row.to_vec()).collect();
        let matrix = Similarities::from_rows(&rows).unwrap();
        let cells = greedy(&matrix, &Matching::default());
        let places: Vec<_> = cells.iter().map(|cell| (cell.row + 1, cell.column + 1)).collect();
        assert_eq!(places, [(4, 5), (2, 3), (1, 1), (3, 4)]);
        let score = score_matrix(&matrix, &Matching::default()).unwrap().score;
        assert!((score - 0.82925).abs() < 1e-9, "{score}");
    }

    #[test]
    fn coverage_lowers_a_lucky_single_match() {
        let matrix = Similarities::from_rows(&[vec![0.9, 0.1], vec![0.1, 0.2]]).unwrap();
        let matching = Matching { threshold: 0.5, coverage_weight: 1.0, ..Matching::default() };
        let score = score_matrix(&matrix, &matching).unwrap();
        assert_eq!((score.score, score.coverage), (0.45, 0.5));
        let strict = Matching { min_matches: 2, ..matching };
        assert_eq!(score_matrix(&matrix, &strict), None);
    }
}
