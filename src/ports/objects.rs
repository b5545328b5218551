//! Where the image files are.

use async_trait::async_trait;

use super::Failed;

/// A fetched object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    pub etag: Option<String>,
}

/// All allow-listed stores.
#[async_trait]
pub trait ObjectStores: Send + Sync {
    /// Reads an object of at most `limit` bytes.
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Fetched, Failed>;
}
