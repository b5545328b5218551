//! What makes embeddings of images and texts.

use async_trait::async_trait;

use super::Failed;
use crate::domain::embedding::{Embedding, ImageEmbedding};
use crate::imaging::PreparedImage;

/// An encoder. The same input always gets the same embedding, up to rounding.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Decodes an image file and prepares it and its variants; away from the threads that wait for IO.
    async fn prepare(&self, bytes: Vec<u8>) -> Result<PreparedImage, Failed>;
    /// The embeddings of a prepared image and of its variants: all of them, or a failure.
    async fn embed_image(&self, image: PreparedImage) -> Result<ImageEmbedding, Failed>;
    /// Texts can be embedded.
    fn has_text(&self) -> bool;
    /// The embedding of a text.
    async fn embed_text(&self, text: &str) -> Result<Embedding, Failed>;
}
