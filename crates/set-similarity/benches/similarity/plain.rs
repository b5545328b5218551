//! The comparison without a kernel: vectors in vectors, three loops.
//!
//! Guarantee: the same matching as the scorer's, on top of the plain matrix, so that
//! a difference in time is the kernel's and its memory's.

use set_similarity::{Case, Matching, Similarities, Views, Workspace};

/// A vector an image.
pub(crate) type PlainSet = Vec<Vec<f32>>;

/// The image score of two sets that are not empty.
pub(crate) fn score(left: &PlainSet, right: &PlainSet, matching: &Matching, memory: &mut Workspace) -> f64 {
    let rows: Vec<Vec<f64>> =
        left.iter().map(|row| right.iter().map(|column| f64::from(cosine(row, column))).collect()).collect();
    let similarities = Similarities::from_rows(&rows).expect("cosines of finite vectors are finite");
    let case = Case { similarities: &similarities, views: Views::default(), pooled: None };
    case.score(matching, memory).map_or(f64::NAN, |image| image.score)
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (a, b) in left.iter().zip(right) {
        sum += a * b;
    }
    sum
}
