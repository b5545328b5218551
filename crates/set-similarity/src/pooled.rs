//! The set as one whole: cosine of the mean vectors.
//!
//! Guarantee: exact without the means themselves, because the dot product of two means
//! is the mean of all dot products.

use crate::block::VectorBlock;
use crate::image_set::Variants;
use crate::kernel::Element;

/// A shorter mean of unit vectors is rounding: they cancel out, and it has no direction.
pub const SHORTEST_MEAN: f64 = 1e-6;

/// Cosine of two mean vectors from all similarities of their sets, one at least, and
/// the product of the means' lengths; `None` when a mean has no direction.
pub(crate) fn cosine(similarities: &[f64], lengths: f64) -> Option<f64> {
    let mean = similarities.iter().sum::<f64>() / similarities.len() as f64;
    (lengths > 0.0).then(|| mean / lengths)
}

/// Length of the mean of the images' own vectors; 0 when they cancel out or there are
/// none.
pub(crate) fn mean_length<E: Element>(vectors: &VectorBlock<E>, variants: &Variants) -> f64 {
    let images = variants.images();
    let mut sums = vec![0.0_f64; vectors.dimension()];
    for image in 0..images {
        for (sum, number) in sums.iter_mut().zip(vectors.row(variants.of(image).start)) {
            *sum += f64::from(number.widened());
        }
    }
    let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt() / images.max(1) as f64;
    if length < SHORTEST_MEAN { 0.0 } else { length }
}
