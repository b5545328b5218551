//! Many articles compared with one: eligibility, scores, explanation.
//!
//! Guarantee: a neighbour is returned exactly when the two articles may be
//! neighbours and share a signal; its explanation carries every number that made
//! its score.

use serde::{Deserialize, Serialize};
use set_similarity::{Cell, Matching, Method, Score, Scorer};

use super::Packed;
use crate::domain::article::{Member, Profile};
use crate::domain::list::{MatchedPair, Neighbour, Unmatched};

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

/// One article ranked against others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranked<'a> {
    /// At most k, by score descending, then article id.
    pub neighbours: Vec<Neighbour>,
    /// Ids of those whose score reaches their own bar, in the order they were given.
    pub reached: Vec<&'a str>,
}

impl Comparison {
    /// The best `k` neighbours of `article` among `others`, each of which comes with a
    /// bar of its own: −∞ if it is to be told of any score, ∞ of none.
    pub fn rank<'a>(
        &self,
        article: &Packed<'_>,
        others: impl IntoIterator<Item = (&'a Packed<'a>, f64)>,
        k: usize,
    ) -> Ranked<'a> {
        let eligible = others.into_iter().filter(|(other, _)| self.eligible(article.profile, other.profile));
        let (others, bars): (Vec<&Packed<'_>>, Vec<f64>) = eligible.unzip();
        let candidates: Vec<_> = others.iter().map(|other| other.article()).collect();
        let mut scorer = Scorer::new(self.matching.clone(), self.text_weight);
        let ranking = scorer.rank(article.article(), &candidates, k, |index| bars[index]);
        let best = ranking.best.iter().map(|ranked| {
            // Again, for the pairs.
            scorer.score(article.article(), candidates[ranked.index]);
            self.explained(article.profile, others[ranked.index].profile, ranked.score, scorer.pairs())
        });
        Ranked {
            neighbours: best.collect(),
            reached: ranking
                .reached
                .iter()
                .map(|one| others[one.index].profile.article_id.as_str())
                .collect(),
        }
    }

    /// May the two be neighbours, whatever they look like?
    fn eligible(&self, article: &Profile, other: &Profile) -> bool {
        let shared = |field: &Field| match field {
            Field::Categories => article.categories.iter().any(|one| other.categories.contains(one)),
            Field::Group => article.group.is_some() && article.group == other.group,
        };
        article.article_id != other.article_id
            && self.same.iter().all(shared)
            && !self.different.iter().any(shared)
    }

    fn explained(&self, article: &Profile, other: &Profile, score: Score, pairs: &[Cell]) -> Neighbour {
        // A whole set leaves no image out.
        let whole = self.matching.method == Method::Pooled && score.image_score.is_some();
        let unmatched = if whole { Unmatched::default() } else { unmatched(article, other, pairs) };
        let pairs = pairs.iter().map(|pair| {
            let (own, neighbour) = (&article.images[pair.row], &other.images[pair.column]);
            MatchedPair(own.image_id.clone(), neighbour.image_id.clone(), pair.similarity)
        });
        Neighbour {
            article_id: other.article_id.clone(),
            score: score.score,
            image_score: score.image_score,
            text_score: score.text_score,
            coverage: score.coverage,
            pairs: pairs.collect(),
            unmatched,
            version: other.version,
        }
    }
}

fn unmatched(article: &Profile, other: &Profile, pairs: &[Cell]) -> Unmatched {
    let left_over = |images: &[Member], is_matched: &dyn Fn(usize) -> bool| -> Vec<String> {
        let free = images.iter().enumerate().filter(|(index, _)| !is_matched(*index));
        free.map(|(_, image)| image.image_id.clone()).collect()
    };
    Unmatched {
        own: left_over(&article.images, &|index| pairs.iter().any(|pair| pair.row == index)),
        neighbour: left_over(&other.images, &|index| pairs.iter().any(|pair| pair.column == index)),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
