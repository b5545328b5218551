//! Many articles compared with one: eligibility, scores, explanation.
//!
//! Guarantee: a neighbour is returned exactly when the two articles may be
//! neighbours and share a signal; its explanation carries every number that made
//! its score.

use serde::{Deserialize, Serialize};
use set_similarity::{Cell, Matching, Method, Score, Scorer};

use super::Packed;
use crate::domain::list::{Explanation, MatchedPair, Neighbour, Unmatched};

/// A field that two articles can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Categories,
    Group,
}

/// How articles are compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparison {
    pub matching: Matching,
    /// w in score = (1 − w)·image + w·text, 0 to 1; 0 leaves text out altogether.
    pub text_weight: f64,
    /// Fields that neighbours must share (any overlap).
    pub same: Vec<Field>,
    /// Fields that neighbours must not share.
    pub different: Vec<Field>,
}

impl Comparison {
    /// Compares pairs of articles, one after the other.
    pub fn comparer(&self) -> Comparer<'_> {
        Comparer { comparison: self, scorer: Scorer::new(self.matching.clone(), self.text_weight) }
    }

    /// The best `k` neighbours of `article` among `others`, by score descending, then
    /// article id. Scores no more of them than it must.
    pub fn rank<'a>(
        &self,
        article: &Packed,
        others: impl IntoIterator<Item = &'a Packed>,
        k: usize,
    ) -> Vec<Neighbour> {
        let others: Vec<&Packed> = others.into_iter().filter(|other| self.eligible(article, other)).collect();
        let candidates: Vec<_> = others.iter().map(|other| other.article()).collect();
        let mut comparer = self.comparer();
        let best = comparer.scorer.top_k(article.article(), &candidates, k);
        let again = best.iter().filter_map(|ranked| {
            let other = others[ranked.index];
            // Again, for the pairs.
            let (score, explanation) = comparer.compare(article, other)?;
            Some(Neighbour::new(other.article_id.clone(), score, explanation))
        });
        again.collect()
    }

    /// May the two be neighbours, whatever they look like?
    fn eligible(&self, article: &Packed, other: &Packed) -> bool {
        let shared = |field: &Field| match field {
            Field::Categories => article.categories.iter().any(|one| other.categories.contains(one)),
            Field::Group => article.group.is_some() && article.group == other.group,
        };
        article.article_id != other.article_id
            && self.same.iter().all(shared)
            && !self.different.iter().any(shared)
    }
}

/// Compares pairs of articles; keeps its workspace from one to the next.
pub struct Comparer<'c> {
    comparison: &'c Comparison,
    scorer: Scorer,
}

impl Comparer<'_> {
    /// Score and explanation of a pair, seen from `article`; `None` when the two are
    /// not neighbours.
    pub fn compare(&mut self, article: &Packed, other: &Packed) -> Option<(f64, Explanation)> {
        if !self.comparison.eligible(article, other) {
            return None;
        }
        let score = self.scorer.score(article.article(), other.article())?;
        Some((score.score, self.explained(article, other, score)))
    }

    fn explained(&self, article: &Packed, other: &Packed, score: Score) -> Explanation {
        let pairs = self.scorer.pairs();
        // A whole set leaves no image out.
        let whole = self.comparison.matching.method == Method::Pooled && score.image_score.is_some();
        let unmatched = if whole { Unmatched::default() } else { unmatched(article, other, pairs) };
        let pairs = pairs.iter().map(|pair| {
            let (own, neighbour) = (&article.image_ids[pair.row], &other.image_ids[pair.column]);
            MatchedPair(own.clone(), neighbour.clone(), pair.similarity)
        });
        Explanation {
            image_score: score.image_score,
            text_score: score.text_score,
            coverage: score.coverage,
            pairs: pairs.collect(),
            unmatched,
            own_version: article.version,
            version: other.version,
        }
    }
}

fn unmatched(article: &Packed, other: &Packed, pairs: &[Cell]) -> Unmatched {
    let left_over = |images: &[String], is_matched: &dyn Fn(usize) -> bool| -> Vec<String> {
        let free = images.iter().enumerate().filter(|(index, _)| !is_matched(*index));
        free.map(|(_, image)| image.clone()).collect()
    };
    Unmatched {
        own: left_over(&article.image_ids, &|index| pairs.iter().any(|pair| pair.row == index)),
        neighbour: left_over(&other.image_ids, &|index| pairs.iter().any(|pair| pair.column == index)),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
