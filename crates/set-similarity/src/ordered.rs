//! Images of the same view only: front with front, sole with sole.
//!
//! Guarantee: a pair has one view, known on both sides. Where a side shows a view more
//! than once, the best pairs of that view are taken first, as in greedy matching.

use crate::case::{Case, Cell};
use crate::greedy::{self, NEVER};
use crate::matrix::Similarities;

/// Memory of the matching.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// The case's similarities where views are the same, [`NEVER`] elsewhere.
    same_view: Similarities,
    greedy: greedy::Workspace,
}

/// Adds the matched cells to `pairs`, best first.
pub(crate) fn pairs(
    case: &Case<'_>,
    threshold: f64,
    most: usize,
    workspace: &mut Workspace,
    pairs: &mut Vec<Cell>,
) {
    let Workspace { same_view, greedy } = workspace;
    let (rows, columns) = (case.similarities.rows(), case.similarities.columns());
    let cells = same_view.reshape(rows, columns);
    for (row, cells) in cells.chunks_exact_mut(columns).enumerate() {
        let row_view = view(case.views.rows, row);
        for (column, similarity) in case.similarities.row(row).iter().enumerate() {
            let is_same = row_view.is_some() && row_view == view(case.views.columns, column);
            cells[column] = if is_same { *similarity } else { NEVER };
        }
    }
    greedy::pairs(same_view, threshold, most, greedy, pairs);
}

fn view(views: &[Option<String>], image: usize) -> Option<&str> {
    views.get(image)?.as_deref()
}

#[cfg(test)]
#[path = "ordered_tests.rs"]
mod tests;
