//! Methods of matching, and what counts as a match.

use serde::{Deserialize, Serialize};

/// The rule that turns a similarity matrix into matched pairs and a score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The largest similarity among unmatched rows and columns, again and again.
    #[default]
    Greedy,
    /// The assignment with the largest total.
    Optimal,
    /// Images of the same view only, each with its best.
    Ordered,
    /// The one best pair.
    Best,
    /// ½ (mean of row maxima + mean of column maxima): many to one.
    MaxSim,
    /// Cosine of the sets' mean vectors: each set as one whole.
    Pooled,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 6] =
        [Self::Greedy, Self::Optimal, Self::Ordered, Self::Best, Self::MaxSim, Self::Pooled];

    /// Name in settings and on the command line, the same as serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Optimal => "optimal",
            Self::Ordered => "ordered",
            Self::Best => "best",
            Self::MaxSim => "maxsim",
            Self::Pooled => "pooled",
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
    /// Exponent of coverage in the image score, at least 0; 0 is the plain mean.
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

impl Matching {
    /// min(n, m, `max_matches`): the pairs that coverage is measured against.
    pub fn most_pairs(&self, rows: usize, columns: usize) -> usize {
        rows.min(columns).min(self.max_matches.unwrap_or(usize::MAX))
    }
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
