use proptest::prelude::*;

use crate::naive::{
    all_cells, cut, distinct, matrix, mirrored, one_to_one, pairs, repeated, sort, threshold, transposed,
    uneven,
};
use crate::{Cell, Matching};

fn everything() -> Matching {
    Matching { threshold: f64::NEG_INFINITY, ..Matching::default() }
}

fn by_sorting(rows: &[Vec<f64>], matching: &Matching) -> Vec<Cell> {
    cut(one_to_one(all_cells(rows)), matching)
}

proptest! {
    #[test]
    fn equals_sorting_all_cells(
        rows in prop_oneof![matrix(8, 2), matrix(8, 8), repeated(8, 8), distinct(8)],
        threshold in threshold(),
        max_matches in proptest::option::of(0..9_usize),
    ) {
        let matching = Matching { threshold, max_matches, ..Matching::default() };
        prop_assert_eq!(pairs(&rows, &matching), by_sorting(&rows, &matching));
    }

    /// One word holds 64 columns: there the search changes to sorted rows.
    #[test]
    fn equals_sorting_all_cells_when_there_are_many(
        rows in prop_oneof![uneven(60..=68, 4, 8), uneven(60..=68, 4, 1 << 20), uneven(63..=66, 66, 8)],
        threshold in threshold(),
    ) {
        for rows in [transposed(&rows), rows] {
            let matching = Matching { threshold, ..Matching::default() };
            prop_assert_eq!(pairs(&rows, &matching), by_sorting(&rows, &matching));
            prop_assert_eq!(pairs(&rows, &everything()), by_sorting(&rows, &everything()));
        }
    }

    /// Even with ties: two cells that exclude each other are in one row or one column,
    /// and their order is the same in the transposed matrix.
    #[test]
    fn the_transposed_matrix_gives_the_mirrored_pairs(
        rows in prop_oneof![matrix(8, 2), repeated(8, 8)],
    ) {
        let mut mirrored = mirrored(&pairs(&transposed(&rows), &everything()));
        sort(&mut mirrored);
        prop_assert_eq!(mirrored, pairs(&rows, &everything()));
    }
}

#[test]
fn ties_go_to_the_lower_row_then_the_lower_column() {
    let rows = vec![vec![0.5; 3]; 2];
    let places: Vec<_> = pairs(&rows, &everything()).iter().map(|cell| (cell.row, cell.column)).collect();
    assert_eq!(places, [(0, 0), (1, 1)]);
}

#[test]
fn both_zeros_are_one_similarity() {
    let rows = [vec![-0.0, 0.0], vec![-0.0, 0.0]];
    let places: Vec<_> = pairs(&rows, &everything()).iter().map(|cell| (cell.row, cell.column)).collect();
    assert_eq!(places, [(0, 0), (1, 1)]);
}
