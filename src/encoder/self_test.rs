//! Proves that a network works before it is used: numbers come out, the same
//! ones each time, whether alone or in a batch.

use image::{Rgb, RgbImage};

use super::EncoderError;
use super::batcher::{embedding, run};
use super::session::Network;
use super::tokenize::{TextTokenizer, Tokens};
use crate::domain::embedding::Embedding;
use crate::imaging::{InputTensor, Preprocessing};

/// Least cosine between two vectors of the same input. Kernels differ with the
/// size of a batch and may round differently; more than this is an error.
const SAME: f64 = 0.9999;

/// Two drawn pictures that no network should confuse.
pub(super) fn pictures(preprocessing: &Preprocessing) -> [InputTensor; 2] {
    let disc = RgbImage::from_fn(96, 80, |x, y| {
        let (dx, dy) = (x.abs_diff(40), y.abs_diff(38));
        let inside = dx * dx + dy * dy < 28 * 28;
        Rgb(if inside { [200, 40, 30] } else { [240, 240, 235] })
    });
    let bars = RgbImage::from_fn(80, 96, |x, y| {
        Rgb([(x * 3) as u8, if (x / 8) % 2 == 0 { 20 } else { 160 }, (y * 2) as u8])
    });
    [disc, bars].map(|picture| preprocessing.apply(&picture.into()))
}

/// Two texts that no network should confuse.
pub(super) fn texts(tokenizer: &TextTokenizer) -> Result<[Tokens; 2], EncoderError> {
    Ok([
        tokenizer.tokens("red leather ankle boot")?,
        tokenizer.tokens("a set of four white porcelain cups, 20 cl")?,
    ])
}

/// Runs the two inputs alone, again, and together where batches may hold as many.
/// Returns the dimension.
pub(super) fn check<N: Network>(
    network: &mut N,
    inputs: &[N::Input; 2],
    max_batch_size: usize,
) -> Result<usize, EncoderError> {
    let [first, second] = inputs;
    let mut embed = |batch: &[&N::Input]| -> Result<Vec<Embedding>, EncoderError> {
        let vectors = run(network, batch).map_err(|reason| wrong::<N>(&reason))?;
        vectors.into_iter().map(embedding::<N>).collect()
    };
    let alone = [embed(&[first])?.remove(0), embed(&[second])?.remove(0)];
    let again = embed(&[first])?.remove(0);
    let dimension = alone[0].dimension();
    if [&alone[1], &again].iter().any(|other| other.dimension() != dimension) {
        return Err(wrong::<N>("its vectors differ in dimension"));
    }
    if alone[0].cosine(&again) < SAME {
        return Err(wrong::<N>("the same input gave two different vectors"));
    }
    if alone[0].cosine(&alone[1]) > 1.0 - 1e-6 {
        return Err(wrong::<N>("two different inputs gave the same vector"));
    }
    if network.largest_batch().unwrap_or(max_batch_size).min(max_batch_size) > 1 {
        let vectors = run(network, &[first, second]).map_err(|reason| wrong::<N>(&reason))?;
        for (vector, alone) in vectors.into_iter().zip(&alone) {
            let together = embedding::<N>(vector)?;
            if together.dimension() != dimension || together.cosine(alone) < SAME {
                return Err(wrong::<N>(
                    "an input gave another vector in a batch than alone, as networks do that quantise at run \
                     time over the whole batch; set encoder.max_batch_size to 1",
                ));
            }
        }
    }
    Ok(dimension)
}

fn wrong<N: Network>(reason: &str) -> EncoderError {
    EncoderError::SelfTest { reason: format!("the {} network is not usable: {reason}", N::TOWER) }
}
