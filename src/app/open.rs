//! The stored catalogue, for commands that only read it.

use super::error::AppError;
use super::start::embedded_qdrant;
use crate::adapters::qdrant::{Catalogue, VectorShape};
use crate::config::Config;
use crate::embedded::qdrant::QdrantServer;
use crate::encoder::Encoder;

/// A verified catalogue, and the built-in server where one serves it.
pub struct OpenCatalogue {
    pub catalogue: Catalogue,
    embedded: Option<QdrantServer>,
}

impl OpenCatalogue {
    /// Opens the collections of the configured encoder; both must exist.
    pub async fn open(config: &Config) -> Result<Self, AppError> {
        let (fingerprint, dimension) = Encoder::identify(&config.encoder)?;
        let (embedded, settings) = embedded_qdrant(&config.qdrant).await?;
        let catalogue = Catalogue::connect(&settings, &fingerprint, config.ranking.sizes())?;
        let variants = config.encoder.has_variants();
        let shape = dimension.map(|dimension| VectorShape { dimension, variants });
        catalogue.verify_all(shape).await?;
        Ok(Self { catalogue, embedded })
    }

    /// Stops the built-in server, if there is one.
    pub async fn close(self) -> Result<(), AppError> {
        if let Some(server) = self.embedded {
            server.shutdown().await?;
        }
        Ok(())
    }
}
