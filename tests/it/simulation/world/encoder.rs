//! An encoder with few directions, so that ties and scores at the threshold happen.
//!
//! All numbers are sums of few powers of two: every order of adding them up gives the
//! same cosine, to the last bit.

use async_trait::async_trait;
use lookalike::domain::embedding::{Embedding, ImageEmbedding};
use lookalike::error::Disposition;
use lookalike::imaging::{InputTensor, PreparedImage};
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

/// The vectors of a picture, its own first; `None` for what is none. Every fourth
/// direction has a variant as well.
pub(crate) fn seen(bytes: &[u8]) -> Option<Vec<Vec<f32>>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let direction: u64 = text.strip_prefix("picture ")?.split(' ').next()?.parse().ok()?;
    let variant = (direction % 4 == 3).then(|| vector((direction + 7) % DIRECTIONS));
    Some([vector(direction)].into_iter().chain(variant).collect())
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
    async fn prepare(&self, bytes: Vec<u8>) -> Result<PreparedImage, Failed> {
        self.think().await;
        let seen = seen(&bytes).ok_or_else(|| Trouble::failed(Disposition::DeadLetter, "corrupt"))?;
        let mut tensors = seen.into_iter().map(tensor);
        let own = tensors.next().ok_or_else(|| Trouble::failed(Disposition::Fatal, "tensor"))??;
        Ok(PreparedImage { own, variants: tensors.collect::<Result<_, _>>()? })
    }

    async fn embed_image(&self, image: PreparedImage) -> Result<ImageEmbedding, Failed> {
        self.think().await;
        let of = |tensor: &InputTensor| embedding(tensor.values()[..DIMENSION].to_vec());
        let variants = image.variants.iter().map(of).collect::<Result<_, _>>()?;
        Ok(ImageEmbedding { own: of(&image.own)?, variants })
    }

    fn has_text(&self) -> bool {
        true
    }

    async fn embed_text(&self, text: &str) -> Result<Embedding, Failed> {
        self.think().await;
        embedding(read(text))
    }
}

fn tensor(mut values: Vec<f32>) -> Result<InputTensor, Failed> {
    // Three numbers a pixel.
    values.resize(DIMENSION + 1, 0.0);
    InputTensor::new(3, 1, values).ok_or_else(|| Trouble::failed(Disposition::Fatal, "tensor"))
}

fn embedding(values: Vec<f32>) -> Result<Embedding, Failed> {
    Embedding::new(values).map_err(|_| Trouble::failed(Disposition::Fatal, "embedding"))
}
