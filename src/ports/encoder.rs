//! What makes embeddings of images and texts.

use async_trait::async_trait;

use super::Failed;
use crate::domain::embedding::Embedding;
use crate::imaging::InputTensor;

/// An encoder. The same input always gets the same embedding, up to rounding.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Decodes an image file and prepares it; away from the threads that wait for IO.
    async fn prepare(&self, bytes: Vec<u8>) -> Result<InputTensor, Failed>;
    /// The embedding of a prepared image.
    async fn embed_image(&self, tensor: InputTensor) -> Result<Embedding, Failed>;
    /// Texts can be embedded.
    fn has_text(&self) -> bool;
    /// The embedding of a text.
    async fn embed_text(&self, text: &str) -> Result<Embedding, Failed>;
}
