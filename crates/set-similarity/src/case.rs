//! From the similarities of two sets to their image score, by any method.
//!
//! Guarantee: depends on the case alone: rows and columns come in the order of their
//! image ids, and ties go to the lower row, then the lower column. Nothing is
//! allocated once a [`Workspace`] has grown.

use std::cmp::Ordering;

use crate::matrix::Similarities;
use crate::method::{Matching, Method};
use crate::{best, greedy, maxsim, optimal, ordered};

/// A matched cell: row, column, cosine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub row: usize,
    pub column: usize,
    pub similarity: f64,
}

/// Views of the images, where they are known: as many as rows and columns, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Views<'a> {
    pub rows: &'a [Option<String>],
    pub columns: &'a [Option<String>],
}

/// Two sets of images as far as scoring needs to know them.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub similarities: &'a Similarities,
    /// Only [`Method::Ordered`] reads them.
    pub views: Views<'a>,
    /// Cosine of the mean vectors; `None` when a mean has no direction. Only
    /// [`Method::Pooled`] reads it.
    pub pooled: Option<f64>,
}

/// The image score of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageScore {
    pub score: f64,
    /// Matched pairs ÷ min(rows, columns, `max_matches`), 0 to 1; 1 for `maxsim` and
    /// `pooled`, in which every image takes part.
    pub coverage: f64,
}

/// Memory that scoring uses again and again, and the pairs it matched last.
#[derive(Debug, Default)]
pub struct Workspace {
    pairs: Vec<Cell>,
    greedy: greedy::Workspace,
    optimal: optimal::Workspace,
    ordered: ordered::Workspace,
}

impl Workspace {
    /// The matched pairs of the case scored last, best first. One to one, except for
    /// `maxsim`: there each row with its best column and each column with its best
    /// row. None for `pooled`.
    pub fn pairs(&self) -> &[Cell] {
        &self.pairs
    }

    /// Forgets the pairs.
    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }

    /// Rows of the pairs become columns and the other way round.
    pub(crate) fn mirror(&mut self) {
        for pair in &mut self.pairs {
            std::mem::swap(&mut pair.row, &mut pair.column);
        }
    }
}

impl Case<'_> {
    /// Scores the case; `None` when a side has no image, fewer than `min_matches` pairs match,
    /// or a mean vector that is asked for has no direction.
    ///
    /// One-to-one methods: mean of the matched similarities × coverage^`coverage_weight`.
    /// `maxsim` and `pooled` know no pairs: `threshold`, `max_matches`, `min_matches`
    /// and `coverage_weight` do not apply.
    pub fn score(&self, matching: &Matching, workspace: &mut Workspace) -> Option<ImageScore> {
        let Workspace { pairs, greedy, optimal, ordered } = workspace;
        let (similarities, threshold) = (self.similarities, matching.threshold);
        pairs.clear();
        if similarities.rows() == 0 || similarities.columns() == 0 {
            return None;
        }
        let most = matching.most_pairs(similarities.rows(), similarities.columns());
        match matching.method {
            Method::Greedy => greedy::pairs(similarities, threshold, most, greedy, pairs),
            Method::Optimal => optimal::pairs(similarities, threshold, most, optimal, pairs),
            Method::Ordered => ordered::pairs(self, threshold, most, ordered, pairs),
            Method::Best => {
                let best = best::pair(similarities);
                pairs.extend(Some(best).filter(|best| most > 0 && best.similarity >= threshold));
            }
            Method::MaxSim => {
                return Some(ImageScore { score: maxsim::score(similarities, pairs), coverage: 1.0 });
            }
            Method::Pooled => return self.pooled.map(|score| ImageScore { score, coverage: 1.0 }),
        }
        if pairs.is_empty() || pairs.len() < matching.min_matches {
            return None;
        }
        let coverage = pairs.len() as f64 / most as f64;
        Some(ImageScore { score: mean(pairs) * share(coverage, matching.coverage_weight), coverage })
    }
}

/// Coverage^weight. Not [`f64::powf`]: the system's library computes that with or
/// without fused operations, as the processor has them, to different last bits.
fn share(coverage: f64, weight: f64) -> f64 {
    if weight == 0.0 { 1.0 } else { libm::pow(coverage, weight) }
}

/// Mean similarity of at least one cell; finite, even if the sum is not.
pub(crate) fn mean(cells: &[Cell]) -> f64 {
    let count = cells.len() as f64;
    let total: f64 = cells.iter().map(|cell| cell.similarity).sum();
    if total.is_finite() {
        return total / count;
    }
    let mean: f64 = cells.iter().map(|cell| cell.similarity / count).sum();
    mean.clamp(f64::MIN, f64::MAX)
}

/// By similarity descending, then row, then column.
pub(crate) fn sort_best_first(cells: &mut [Cell]) {
    cells.sort_unstable_by(|a, b| {
        let similarity = b.similarity.partial_cmp(&a.similarity).unwrap_or(Ordering::Equal);
        similarity.then((a.row, a.column).cmp(&(b.row, b.column)))
    });
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
