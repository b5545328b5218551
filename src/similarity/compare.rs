//! Two articles compared: eligibility, image score, text score, fusion,
//! explanation.
//!
//! Guarantee: a neighbour is returned exactly when the two articles may be
//! neighbours and share a signal; its explanation carries every number that made
//! its score.

use serde::{Deserialize, Serialize};

use super::matrix::{MatrixError, Similarities, dot};
use super::{ImageScore, Matching, score_matrix};
use crate::domain::article::{Member, Profile};
use crate::domain::list::{MatchedPair, Neighbour, Unmatched, best};

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
    /// Neighbours of `article` among `others`, best first, at most `k`.
    pub fn top_k<'p>(
        &self,
        article: &Profile,
        others: impl IntoIterator<Item = &'p Profile>,
        k: usize,
    ) -> Result<Vec<Neighbour>, MatrixError> {
        let mut neighbours = Vec::new();
        for other in others {
            neighbours.extend(self.compare(article, other)?);
        }
        Ok(best(neighbours, k))
    }

    /// `other` as a neighbour of `article`; `None` when the two cannot be neighbours.
    pub fn compare(&self, article: &Profile, other: &Profile) -> Result<Option<Neighbour>, MatrixError> {
        if !self.eligible(article, other) {
            return Ok(None);
        }
        let text_score = self.text_score(article, other)?;
        if article.images.is_empty() || other.images.is_empty() {
            return Ok(text_score.map(|score| Neighbour {
                article_id: other.article_id.clone(),
                score,
                image_score: None,
                text_score,
                coverage: None,
                pairs: Vec::new(),
                unmatched: unmatched(article, other, &[]),
                version: other.version,
            }));
        }
        let Some(image) = self.image_score(article, other)? else { return Ok(None) };
        let score = match text_score {
            Some(text) => (1.0 - self.text_weight) * image.score + self.text_weight * text,
            None => image.score,
        };
        Ok(Some(explained(article, other, score, image, text_score)))
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

    fn text_score(&self, article: &Profile, other: &Profile) -> Result<Option<f64>, MatrixError> {
        match (&article.text, &other.text) {
            (Some(a), Some(b)) if self.text_weight > 0.0 => Ok(Some(dot(a.as_slice(), b.as_slice())?)),
            _ => Ok(None),
        }
    }

    /// Cells have `article`'s images as rows, whichever orientation was scored.
    fn image_score(&self, article: &Profile, other: &Profile) -> Result<Option<ImageScore>, MatrixError> {
        let swapped = article.article_id > other.article_id;
        let (rows, columns) = if swapped { (other, article) } else { (article, other) };
        let matrix = Similarities::of_unit_vectors(&vectors(&rows.images), &vectors(&columns.images))?;
        let mut image = score_matrix(&matrix, &self.matching);
        if swapped && let Some(image) = &mut image {
            for pair in &mut image.pairs {
                std::mem::swap(&mut pair.row, &mut pair.column);
            }
        }
        Ok(image)
    }
}

fn vectors(images: &[Member]) -> Vec<&[f32]> {
    images.iter().map(|image| image.embedding.as_slice()).collect()
}

fn explained(
    article: &Profile,
    other: &Profile,
    score: f64,
    image: ImageScore,
    text_score: Option<f64>,
) -> Neighbour {
    let places: Vec<(usize, usize)> = image.pairs.iter().map(|pair| (pair.row, pair.column)).collect();
    let pairs = image.pairs.iter().map(|pair| {
        let (own, neighbour) = (&article.images[pair.row], &other.images[pair.column]);
        MatchedPair(own.image_id.clone(), neighbour.image_id.clone(), pair.similarity)
    });
    Neighbour {
        article_id: other.article_id.clone(),
        score,
        image_score: Some(image.score),
        text_score,
        coverage: Some(image.coverage),
        pairs: pairs.collect(),
        unmatched: unmatched(article, other, &places),
        version: other.version,
    }
}

fn unmatched(article: &Profile, other: &Profile, places: &[(usize, usize)]) -> Unmatched {
    let left_over = |images: &[Member], is_matched: &dyn Fn(usize) -> bool| -> Vec<String> {
        let free = images.iter().enumerate().filter(|(index, _)| !is_matched(*index));
        free.map(|(_, image)| image.image_id.clone()).collect()
    };
    Unmatched {
        own: left_over(&article.images, &|index| places.iter().any(|(row, _)| *row == index)),
        neighbour: left_over(&other.images, &|index| places.iter().any(|(_, column)| *column == index)),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
