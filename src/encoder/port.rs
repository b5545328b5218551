//! The encoder as the pipeline's port.

use async_trait::async_trait;

use super::{Encoder, EncoderError};
use crate::domain::embedding::{Embedding, ImageEmbedding};
use crate::imaging::PreparedImage;
use crate::ports::{Embedder, Failed};

#[async_trait]
impl Embedder for Encoder {
    async fn prepare(&self, bytes: Vec<u8>) -> Result<PreparedImage, Failed> {
        let encoder = self.clone();
        match tokio::task::spawn_blocking(move || encoder.preprocess(&bytes)).await {
            Ok(prepared) => prepared.map_err(Failed::new),
            // It panicked, or the runtime is going down.
            Err(_) => Err(Failed::new(EncoderError::Stopped)),
        }
    }

    async fn embed_image(&self, image: PreparedImage) -> Result<ImageEmbedding, Failed> {
        Encoder::embed_image(self, image).await.map_err(Failed::new)
    }

    fn has_text(&self) -> bool {
        Encoder::has_text(self)
    }

    async fn embed_text(&self, text: &str) -> Result<Embedding, Failed> {
        Encoder::embed_text(self, text).await.map_err(Failed::new)
    }
}
