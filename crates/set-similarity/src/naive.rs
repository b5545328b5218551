//! What the methods must compute, in the plainest way; and matrices to compute it on.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::{Case, Cell, ImageScore, Matching, Similarities, Views, Workspace};

/// Scores rows without views; the pairs too.
pub(crate) fn scored(rows: &[Vec<f64>], matching: &Matching) -> (Option<ImageScore>, Vec<Cell>) {
    scored_with(rows, Views::default(), matching)
}

/// Scores rows with views; the pairs too. The workspace is one that other cases have
/// used, so that whatever they left there must not matter.
pub(crate) fn scored_with(
    rows: &[Vec<f64>],
    views: Views<'_>,
    matching: &Matching,
) -> (Option<ImageScore>, Vec<Cell>) {
    let mut workspace = Workspace::default();
    for (rows, columns) in [(9, 70), (70, 9), (6, 6), (8, 4)] {
        let value = |row: usize, column: usize| ((row * 7 + column * 3) % 11) as f64;
        let before: Vec<Vec<f64>> =
            (0..rows).map(|row| (0..columns).map(|column| value(row, column)).collect()).collect();
        let before = Similarities::from_rows(&before).unwrap();
        let views = Views::default();
        Case { similarities: &before, views, pooled: None }.score(matching, &mut workspace);
    }
    let similarities = Similarities::from_rows(rows).unwrap();
    let score = Case { similarities: &similarities, views, pooled: None }.score(matching, &mut workspace);
    (score, workspace.pairs().to_vec())
}

pub(crate) fn pairs(rows: &[Vec<f64>], matching: &Matching) -> Vec<Cell> {
    scored(rows, matching).1
}

/// Best first, then row, then column.
pub(crate) fn sort(cells: &mut [Cell]) {
    cells.sort_by(|a, b| {
        b.similarity.total_cmp(&a.similarity).then((a.row, a.column).cmp(&(b.row, b.column)))
    });
}

/// Sorted cells as far as threshold and `max_matches` let them in.
pub(crate) fn cut(mut cells: Vec<Cell>, matching: &Matching) -> Vec<Cell> {
    sort(&mut cells);
    cells.retain(|cell| cell.similarity >= matching.threshold);
    cells.truncate(matching.max_matches.unwrap_or(usize::MAX));
    cells
}

pub(crate) fn all_cells(rows: &[Vec<f64>]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (row, values) in rows.iter().enumerate() {
        for (column, &similarity) in values.iter().enumerate() {
            cells.push(Cell { row, column, similarity });
        }
    }
    cells
}

/// Of the sorted cells, each whose row and column are still free.
pub(crate) fn one_to_one(mut cells: Vec<Cell>) -> Vec<Cell> {
    sort(&mut cells);
    let mut taken: Vec<Cell> = Vec::new();
    for cell in cells {
        if taken.iter().all(|pair| pair.row != cell.row && pair.column != cell.column) {
            taken.push(cell);
        }
    }
    taken
}

/// Tries every assignment, in lexicographic order, and keeps the first of the largest total.
pub(crate) fn best_assignment(rows: &[Vec<f64>]) -> Vec<Cell> {
    struct Trial<'a> {
        rows: &'a [Vec<f64>],
        unmatched_allowed: usize,
        chosen: Vec<Cell>,
        best: Option<(f64, Vec<Cell>)>,
    }
    fn go(trial: &mut Trial<'_>, row: usize, total: f64) {
        if row == trial.rows.len() {
            if trial.best.as_ref().is_none_or(|(best, _)| total > *best) {
                trial.best = Some((total, trial.chosen.clone()));
            }
            return;
        }
        for (column, &similarity) in trial.rows[row].iter().enumerate() {
            if trial.chosen.iter().all(|cell| cell.column != column) {
                trial.chosen.push(Cell { row, column, similarity });
                go(trial, row + 1, total + similarity);
                trial.chosen.pop();
            }
        }
        if row - trial.chosen.len() < trial.unmatched_allowed {
            go(trial, row + 1, total);
        }
    }
    let columns = rows.first().map_or(0, Vec::len);
    let unmatched_allowed = rows.len().saturating_sub(columns);
    let mut trial = Trial { rows, unmatched_allowed, chosen: Vec::new(), best: None };
    go(&mut trial, 0, 0.0);
    trial.best.map_or(Vec::new(), |(_, cells)| cells)
}

pub(crate) fn transposed(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let columns = rows.first().map_or(0, Vec::len);
    (0..columns).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

pub(crate) fn mirrored(cells: &[Cell]) -> Vec<Cell> {
    let mirror = |cell: &Cell| Cell { row: cell.column, column: cell.row, similarity: cell.similarity };
    cells.iter().map(mirror).collect()
}

/// Some equal to a value of a matrix of eighths.
pub(crate) fn threshold() -> impl Strategy<Value = f64> {
    prop_oneof![-1.0..1.0_f64, (-8..=8_i32).prop_map(|step| f64::from(step) / 8.0)]
}

/// Multiples of 1 ÷ `steps` from −1 to 1: all sums are exact, and few steps make many ties.
pub(crate) fn matrix(most: usize, steps: i32) -> impl Strategy<Value = Vec<Vec<f64>>> {
    (0..=most, 0..=most).prop_flat_map(move |(rows, columns)| {
        let value = (-steps..=steps).prop_map(move |step| f64::from(step) / f64::from(steps));
        vec(vec(value, columns), rows)
    })
}

/// A matrix without equal values or, practically, equal totals.
pub(crate) fn distinct(most: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    (1..=most, 1..=most).prop_flat_map(|(rows, columns)| vec(vec(-1.0..1.0_f64, columns), rows))
}

/// Rows and columns of a matrix again, as if an article held some images twice.
pub(crate) fn repeated(most: usize, steps: i32) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let places = || vec(0..most, 1..=most);
    (vec(vec(-steps..=steps, most), most), places(), places()).prop_map(move |(values, rows, columns)| {
        let value = |row: usize, column: usize| f64::from(values[row][column]) / f64::from(steps);
        rows.iter().map(|&row| columns.iter().map(|&column| value(row, column)).collect()).collect()
    })
}

pub(crate) fn total(cells: &[Cell]) -> f64 {
    cells.iter().map(|cell| cell.similarity).sum()
}

/// A long matrix: that many rows, and at most so many columns, of values as in [`matrix`].
pub(crate) fn uneven(
    rows: std::ops::RangeInclusive<usize>,
    most_columns: usize,
    steps: i32,
) -> impl Strategy<Value = Vec<Vec<f64>>> {
    (rows, 1..=most_columns).prop_flat_map(move |(rows, columns)| {
        let value = (-steps..=steps).prop_map(move |step| f64::from(step) / f64::from(steps));
        vec(vec(value, columns), rows)
    })
}
