//! Proves that a network works before it is used: numbers come out, the same
//! ones each time, whether alone or in a batch, and on a GPU the same as on the CPU.

use image::{Rgb, RgbImage};

use super::EncoderError;
use super::device_error::{Fault, fault};
use super::runner::{embedding, run};
use super::session::Network;
use super::tokenize::{TextTokenizer, Tokens};
use crate::domain::embedding::Embedding;
use crate::imaging::{InputTensor, Preprocessing};

/// Least cosine between two vectors of the same input. Kernels differ with the
/// size of a batch and may round differently; more than this is an error.
const SAME: f64 = 0.9999;
/// Least cosine between the vectors of an input from the CPU and from another device:
/// they differ by a twentieth of their length, far more than rounding to 16 bits (or
/// TF32) adds up to, far less than a wrong kernel or driver is off.
const AGREES: f64 = 0.999;

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

/// The vectors of two inputs, of the same dimension.
pub(super) type Golden = [Embedding; 2];

/// Compares vectors of the same inputs, from the CPU and from the device in use.
pub(super) fn compare(tower: &str, reference: &Golden, device: &Golden) -> Result<(), EncoderError> {
    for (expected, actual) in reference.iter().zip(device) {
        let wrong = |found: String| EncoderError::SelfTest {
            reason: format!(
                "the {tower} network gives other vectors on this device than on the CPU: {found}; \
                 check the driver and the versions of CUDA, cuDNN and TensorRT"
            ),
        };
        if expected.dimension() != actual.dimension() {
            return Err(wrong(format!("{} numbers, not {}", actual.dimension(), expected.dimension())));
        }
        let cosine = expected.cosine(actual);
        if cosine < AGREES {
            return Err(wrong(format!("cosine {cosine:.6}, at least {AGREES} is needed")));
        }
    }
    Ok(())
}

/// Runs the two inputs alone, again, and together where batches may hold as many.
/// Returns their vectors.
pub(super) fn check<N: Network>(
    network: &mut N,
    inputs: &[N::Input; 2],
    max_batch_size: usize,
) -> Result<Golden, EncoderError> {
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
    Ok(alone)
}

/// Runs a batch of each size once: what a device does at the first sight of a shape
/// (cuDNN's search, taking memory) is done before pictures wait for it.
pub(super) fn warm_up<N: Network>(
    network: &mut N,
    known: &N::Input,
    sizes: &[usize],
) -> Result<(), EncoderError> {
    let most = network.largest_batch().unwrap_or(usize::MAX);
    for size in sizes.iter().copied().filter(|size| *size <= most) {
        match run(network, &vec![known; size]) {
            Ok(_) => {}
            Err(reason) if fault(&reason) == Fault::OutOfMemory => {
                tracing::warn!(tower = N::TOWER, size, reason, "no memory for batches of this size");
                return Ok(());
            }
            Err(reason) => return Err(wrong::<N>(&format!("a batch of {size} failed: {reason}"))),
        }
    }
    Ok(())
}

fn wrong<N: Network>(reason: &str) -> EncoderError {
    EncoderError::SelfTest { reason: format!("the {} network is not usable: {reason}", N::TOWER) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has memory for so many rows, and one broken size.
    struct Device {
        memory: usize,
        broken: usize,
        runs: Vec<usize>,
    }

    impl Network for Device {
        type Input = u8;
        const TOWER: &'static str = "test";

        fn largest_batch(&self) -> Option<usize> {
            None
        }

        fn run(&mut self, inputs: &[&u8]) -> Result<Vec<Vec<f32>>, String> {
            self.runs.push(inputs.len());
            match inputs.len() {
                size if size == self.broken => Err("CUDNN failure 9: not supported".to_owned()),
                size if size > self.memory => Err("CUDA failure 2: out of memory".to_owned()),
                size => Ok(vec![vec![1.0, 0.0]; size]),
            }
        }
    }

    #[test]
    fn each_size_is_run_before_it_is_needed() {
        let warm_up = |memory, broken| {
            let mut device = Device { memory, broken, runs: Vec::new() };
            let warm = super::warm_up(&mut device, &7, &[1, 2, 4, 8]);
            (warm.map_err(|error| error.to_string()), device.runs)
        };
        assert_eq!(warm_up(8, 0), (Ok(()), vec![1, 2, 4, 8]));
        // Larger batches are halved when they come.
        assert_eq!(warm_up(2, 0), (Ok(()), vec![1, 2, 4]));
        let (refused, _) = warm_up(8, 4);
        assert!(refused.unwrap_err().contains("a batch of 4 failed"));
    }

    #[test]
    fn a_device_that_computes_something_else_is_refused_with_the_figure() {
        let vector = |angle: f32| Embedding::normalised(vec![angle.cos(), angle.sin()]).unwrap();
        let reference = [vector(0.0), vector(1.0)];
        // Cosines of 0.99995 and 0.9801.
        assert!(compare("image", &reference, &[vector(0.01), vector(1.01)]).is_ok());
        let message = compare("image", &reference, &[vector(0.0), vector(1.2)]).unwrap_err().to_string();
        assert!(message.contains("cosine 0.980") && message.contains("0.999"), "{message}");
        let longer = Embedding::normalised(vec![1.0, 0.0, 0.0]).unwrap();
        let message = compare("image", &reference, &[longer, vector(1.0)]).unwrap_err().to_string();
        assert!(message.contains("3 numbers, not 2"), "{message}");
    }
}
