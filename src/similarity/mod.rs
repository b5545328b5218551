//! How similar two articles are: image sets matched one to one, fused with text,
//! with the explanation of every score.
//!
//! Guarantee: pure and deterministic. `compare(a, b)` and `compare(b, a)` give the
//! same score to the last bit and mirrored explanations, because every pair is
//! scored in one orientation, the lower article id first.

pub mod compare;
pub mod greedy;
pub mod matrix;

use serde::{Deserialize, Serialize};

/// The rule that turns a similarity matrix into matched pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The largest similarity among unmatched rows and columns, again and again.
    #[default]
    Greedy,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 1] = [Self::Greedy];

    /// Name in settings and on the command line, the same as serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
        }
    }
}

/// What counts as a match and how matches become a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    pub method: Method,
    /// Pairs below this cosine do not match; −1 lets every pair match.
    pub threshold: f64,
    /// Most pairs taken; `None` is no limit.
    pub max_matches: Option<usize>,
    /// Fewer pairs than this: not neighbours at all. At least 1.
    pub min_matches: usize,
    /// Exponent of coverage in the image score; 0 is the plain mean.
    pub coverage_weight: f64,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            method: Method::Greedy,
            threshold: -1.0,
            max_matches: None,
            min_matches: 1,
            coverage_weight: 0.0,
        }
    }
}

/// A matched cell: row, column, cosine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub row: usize,
    pub column: usize,
    pub similarity: f64,
}

/// The image score of one matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageScore {
    pub score: f64,
    /// Matched pairs ÷ min(rows, columns, max_matches), 0 to 1.
    pub coverage: f64,
    /// In the order they were taken: best first.
    pub pairs: Vec<Cell>,
}

/// Scores a similarity matrix; `None` when fewer than `min_matches` pairs match.
///
/// score = mean of the matched similarities × coverage^`coverage_weight`.
pub fn score_matrix(matrix: &matrix::Similarities, matching: &Matching) -> Option<ImageScore> {
    let pairs = match matching.method {
        Method::Greedy => greedy::greedy(matrix, matching),
    };
    let most = matrix.rows().min(matrix.columns()).min(matching.max_matches.unwrap_or(usize::MAX));
    if pairs.is_empty() || pairs.len() < matching.min_matches {
        return None;
    }
    let mean = pairs.iter().map(|pair| pair.similarity).sum::<f64>() / pairs.len() as f64;
    let coverage = pairs.len() as f64 / most as f64;
    Some(ImageScore { score: mean * coverage.powf(matching.coverage_weight), coverage, pairs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_one_name() {
        for method in Method::ALL {
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
    }
}
