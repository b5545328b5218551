//! An encoder with few directions, so that ties and scores at the threshold happen.
//!
//! All numbers are sums of few powers of two: every order of adding them up gives the
//! same cosine, to the last bit.

use async_trait::async_trait;
use lookalike::domain::embedding::Embedding;
use lookalike::error::Disposition;
use lookalike::imaging::InputTensor;
use lookalike::ports::{Embedder, Failed};
use tokio::time::{Duration, sleep};

use super::network::Trouble;
use super::{Client, Draw as _};

/// Numbers of an embedding.
pub(crate) const DIMENSION: usize = 8;
/// Directions that embeddings have.
pub(crate) const DIRECTIONS: u64 = 24;
/// Bytes that no decoder takes.
pub(crate) const BROKEN: &[u8] = b"no picture";

/// Quarters along the axes; their squares add up to 16.
const SHAPES: [[i8; DIMENSION]; 3] =
    [[4, 0, 0, 0, 0, 0, 0, 0], [2, 2, 2, 2, 0, 0, 0, 0], [3, 2, 1, 1, 1, 0, 0, 0]];

/// The picture file of a direction; files of one direction differ.
pub(crate) fn picture(direction: u64, copy: u64) -> Vec<u8> {
    format!("picture {direction} {copy}").into_bytes()
}

/// The vector of a picture; `None` for what is none.
pub(crate) fn seen(bytes: &[u8]) -> Option<Vec<f32>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let direction = text.strip_prefix("picture ")?.split(' ').next()?;
    Some(vector(direction.parse().ok()?))
}

/// The vector of a text.
pub(crate) fn read(text: &str) -> Vec<f32> {
    vector(text.bytes().fold(3, |sum, byte| (sum * 5 + u64::from(byte)) % DIRECTIONS))
}

fn vector(direction: u64) -> Vec<f32> {
    let (shape, turn) = (SHAPES[(direction % 3) as usize], (direction / 3) as usize);
    (0..DIMENSION).map(|at| f32::from(shape[(at + turn) % DIMENSION]) / 4.0).collect()
}

impl Client {
    async fn think(&self) {
        sleep(Duration::from_millis(self.world.random.between(0, 20))).await;
        self.process.running().await;
    }
}

#[async_trait]
impl Embedder for Client {
    async fn prepare(&self, bytes: Vec<u8>) -> Result<InputTensor, Failed> {
        self.think().await;
        let seen = seen(&bytes).ok_or_else(|| Trouble::failed(Disposition::DeadLetter, "corrupt"))?;
        // Three numbers a pixel.
        let mut values = seen;
        values.resize(DIMENSION + 1, 0.0);
        InputTensor::new(3, 1, values).ok_or_else(|| Trouble::failed(Disposition::Fatal, "tensor"))
    }

    async fn embed_image(&self, tensor: InputTensor) -> Result<Embedding, Failed> {
        self.think().await;
        embedding(tensor.values()[..DIMENSION].to_vec())
    }

    fn has_text(&self) -> bool {
        true
    }

    async fn embed_text(&self, text: &str) -> Result<Embedding, Failed> {
        self.think().await;
        embedding(read(text))
    }
}

fn embedding(values: Vec<f32>) -> Result<Embedding, Failed> {
    Embedding::new(values).map_err(|_| Trouble::failed(Disposition::Fatal, "embedding"))
}
