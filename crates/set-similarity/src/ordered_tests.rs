use proptest::collection::vec;
use proptest::prelude::*;

use crate::naive::{all_cells, cut, matrix, one_to_one, scored_with, threshold, uneven};
use crate::{Cell, Matching, Method, Views};

fn ordered() -> Matching {
    Matching { method: Method::Ordered, threshold: f64::NEG_INFINITY, ..Matching::default() }
}

fn places(cells: &[Cell]) -> Vec<(usize, usize)> {
    cells.iter().map(|cell| (cell.row, cell.column)).collect()
}

fn named(views: &[&str]) -> Vec<Option<String>> {
    views.iter().map(|view| (!view.is_empty()).then(|| (*view).to_owned())).collect()
}

type KnownViews = Vec<Option<String>>;

/// A matrix and the views of its rows and columns.
fn case() -> impl Strategy<Value = (Vec<Vec<f64>>, KnownViews, KnownViews)> {
    prop_oneof![matrix(7, 8), uneven(64..=67, 3, 8)].prop_flat_map(|rows| {
        let columns = rows.first().map_or(0, Vec::len);
        let view = || proptest::option::of(prop_oneof!["front", "side", "sole"].prop_map(String::from));
        (vec(view(), rows.len()), vec(view(), columns))
            .prop_map(move |(of_rows, of_columns)| (rows.clone(), of_rows, of_columns))
    })
}

proptest! {
    #[test]
    fn equals_sorting_the_cells_of_one_view(
        (rows, of_rows, of_columns) in case(),
        threshold in threshold(),
        max_matches in proptest::option::of(0..9_usize),
    ) {
        let mut allowed = all_cells(&rows);
        allowed.retain(|cell| {
            of_rows[cell.row].is_some() && of_rows[cell.row] == of_columns[cell.column]
        });
        let views = Views { rows: &of_rows, columns: &of_columns };
        for matching in [ordered(), Matching { threshold, max_matches, ..ordered() }] {
            let (_, pairs) = scored_with(&rows, views, &matching);
            prop_assert_eq!(pairs, cut(one_to_one(allowed.clone()), &matching));
        }
    }
}

#[test]
fn only_equal_views_match_however_similar_others_are() {
    let rows = [vec![0.9, 0.2], vec![0.3, 0.8]];
    let (of_rows, of_columns) = (named(&["front", "sole"]), named(&["sole", "front"]));
    let (score, pairs) = scored_with(&rows, Views { rows: &of_rows, columns: &of_columns }, &ordered());
    assert_eq!(places(&pairs), [(1, 0), (0, 1)]);
    let score = score.unwrap();
    assert_eq!((score.score, score.coverage), (0.25, 1.0));
}

#[test]
fn an_unknown_view_matches_nothing_not_even_another_unknown_one() {
    let rows = [vec![0.9, 0.8], vec![0.7, 0.6]];
    let (of_rows, of_columns) = (named(&["", "front"]), named(&["", "front"]));
    let (_, pairs) = scored_with(&rows, Views { rows: &of_rows, columns: &of_columns }, &ordered());
    assert_eq!(places(&pairs), [(1, 1)]);
}

#[test]
fn without_views_nothing_matches() {
    let rows = [vec![0.9, 0.8], vec![0.7, 0.6]];
    let known = named(&["front", "sole"]);
    for views in
        [Views::default(), Views { rows: &known, columns: &[] }, Views { rows: &[], columns: &known }]
    {
        let (score, pairs) = scored_with(&rows, views, &ordered());
        assert_eq!((score, places(&pairs)), (None, vec![]));
    }
}
