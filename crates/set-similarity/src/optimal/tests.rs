use proptest::prelude::*;

use super::{LARGEST, ROUNDING, Workspace, assign_by_paths, largest_magnitude};
use crate::naive::{
    best_assignment, cut, distinct, matrix, pairs, repeated, sort, threshold, total, transposed, uneven,
};
use crate::{Cell, Matching, Method, Similarities};

fn everything() -> Matching {
    Matching { method: Method::Optimal, threshold: f64::NEG_INFINITY, ..Matching::default() }
}

/// What augmenting paths find, also where the matrix is small enough for subsets.
fn by_paths(rows: &[Vec<f64>]) -> Vec<Cell> {
    let matrix = Similarities::from_rows(rows).unwrap();
    let tolerance = (matrix.rows() + matrix.columns()) as f64 * ROUNDING * largest_magnitude(matrix.cells());
    let (mut workspace, mut pairs) = (Workspace::default(), Vec::new());
    if !matrix.cells().is_empty() {
        assign_by_paths(&matrix, tolerance, &mut workspace, &mut pairs);
    }
    sort(&mut pairs);
    pairs
}

/// The lexicographically smallest best assignment, from nothing but totals: row after
/// row tries its columns from the lowest on, and keeps the first that leaves the rest
/// enough for the largest total.
fn first_of_best(rows: &[Vec<f64>]) -> Vec<(usize, usize)> {
    let (mut rest, mut columns) = (rows.to_vec(), (0..rows[0].len()).collect::<Vec<_>>());
    let mut chosen = Vec::new();
    for row in 0..rows.len() {
        let best = total(&by_paths(&rest));
        let values = rest.remove(0);
        let without = |place: usize| -> Vec<Vec<f64>> {
            let mut rest = rest.clone();
            for values in &mut rest {
                values.remove(place);
            }
            rest
        };
        let place =
            (0..columns.len()).find(|&place| values[place] + total(&by_paths(&without(place))) == best);
        if let Some(place) = place {
            chosen.push((row, columns.remove(place)));
            rest = without(place);
        }
    }
    chosen
}

proptest! {
    #[test]
    fn equals_the_first_best_of_all_assignments(
        rows in prop_oneof![
            matrix(7, 1), matrix(7, 2), matrix(7, 8), matrix(7, 1 << 20),
            repeated(7, 8), repeated(7, 1 << 20), distinct(7),
        ],
        threshold in threshold(),
        max_matches in proptest::option::of(0..9_usize),
    ) {
        let best = best_assignment(&rows);
        let matching = Matching { threshold, max_matches, ..everything() };
        prop_assert_eq!(by_paths(&rows), cut(best.clone(), &everything()));
        prop_assert_eq!(pairs(&rows, &everything()), cut(best.clone(), &everything()));
        prop_assert_eq!(pairs(&rows, &matching), cut(best, &matching));
    }

    /// Dual variables are a proof that anyone can check.
    #[test]
    fn dual_variables_prove_the_total(
        rows in prop_oneof![uneven(1..=70, 70, 1 << 20), uneven(1..=70, 70, 8), uneven(60..=70, 9, 1)],
    ) {
        for rows in [transposed(&rows), rows] {
            let matrix = Similarities::from_rows(&rows).unwrap();
            let mut workspace = Workspace::default();
            let solved = workspace.solver.solve(&matrix);
            for (row, dual) in solved.row_duals.iter().enumerate() {
                for (column, column_dual) in solved.column_duals.iter().enumerate() {
                    prop_assert!(dual + column_dual >= matrix.at(row, column) - 1e-9);
                }
            }
            let bound: f64 = solved.row_duals.iter().chain(solved.column_duals).sum();
            let (longer, fewest) = if matrix.rows() > matrix.columns() {
                (solved.row_duals, matrix.columns())
            } else {
                (solved.column_duals, matrix.rows())
            };
            prop_assert!(longer.iter().all(|dual| *dual >= 0.0), "else a free line could add to the bound");
            let pairs = pairs(&rows, &everything());
            prop_assert_eq!(pairs.len(), fewest);
            prop_assert!((total(&pairs) - bound).abs() < 1e-9);
        }
    }

    /// With more than 64 columns a set of columns has more than one word.
    #[test]
    fn ties_of_many_images_go_to_the_first_best_assignment(rows in uneven(65..=67, 4, 2)) {
        for rows in [transposed(&rows), rows] {
            let mut places: Vec<_> = by_paths(&rows).iter().map(|cell| (cell.row, cell.column)).collect();
            places.sort_unstable();
            prop_assert_eq!(places, first_of_best(&rows));
        }
    }
}

#[test]
fn duplicate_images_tie_whatever_their_similarities_are() {
    // Rows 0 and 1 are one image; thirds are not exact, nor are their sums.
    let rows = [vec![1.0 / 3.0, 0.7, 0.1], vec![1.0 / 3.0, 0.7, 0.1], vec![0.9, 2.0 / 3.0, 1.0 / 7.0]];
    for cells in [by_paths(&rows), pairs(&rows, &everything())] {
        let places: Vec<_> = cells.iter().map(|cell| (cell.row, cell.column)).collect();
        assert_eq!(places, [(2, 0), (0, 1), (1, 2)]);
    }
}

#[test]
fn the_largest_finite_values_do_not_overflow() {
    // Every assignment of more than two pairs has a total beyond the largest number.
    let (large, largest) = (0.75 * f64::MAX, f64::MAX);
    assert!(large > LARGEST);
    for size in [4, 9] {
        for other in [large, -large] {
            let mut rows = vec![vec![other; size]; size];
            (0..size).for_each(|row| rows[row][size - 1 - row] = largest);
            let cells = pairs(&rows, &everything());
            let places: Vec<_> = cells.iter().map(|cell| (cell.row, cell.column)).collect();
            let expected: Vec<_> = (0..size).map(|row| (row, size - 1 - row)).collect();
            assert_eq!(places, expected);
            assert!(cells.iter().all(|cell| cell.similarity == largest));
        }
    }
}
