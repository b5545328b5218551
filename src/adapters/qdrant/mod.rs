//! The catalogue in Qdrant: image and text embeddings, article facts, lists.
//!
//! Guarantee: a write returns success only when Qdrant answered `Completed`, so
//! whatever is read after it sees it. Every write that could overwrite newer state
//! carries a condition on the stored version or sequence. Searches never hide fresh
//! points (no `indexed_only`, no `prevent_unoptimized`).

mod batch;
mod call;
mod error;
mod filters;
mod payload;
mod port;
mod rank_payload;
mod rank_state;
mod read;
mod schema;
mod search;
mod write;

pub use error::StoreError;

use std::time::Duration;

use list_maintenance::Sizes;
use qdrant_client::Qdrant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Connection to Qdrant and names of its collections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QdrantSettings {
    /// `http(s)://host:6334` (gRPC), or `embedded:FOLDER` for the built-in server.
    pub url: String,
    #[serde(default)]
    pub api_key: Option<String>,
    /// Collections are `<prefix>_images_<encoder>`, `<prefix>_articles_<encoder>` and
    /// `<prefix>_lists_<encoder>`.
    pub prefix: String,
    pub timeout_ms: u64,
    /// Create missing collections at start.
    pub create_collections: bool,
    /// Copies of each point in collections created here; writes wait for all of them.
    pub replication_factor: u32,
}

/// Name of the image collection's vector.
const IMAGE_VECTOR: &str = "image";
/// Name of the article collection's vector.
const TEXT_VECTOR: &str = "text";

/// What the collections of an encoder must be able to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorShape {
    /// Numbers of each vector.
    pub dimension: usize,
    /// An image has several vectors, its own and those of its variants.
    pub variants: bool,
}

/// A cheap handle to the three collections of one encoder.
#[derive(Clone)]
pub struct Catalogue {
    client: Qdrant,
    images: String,
    articles: String,
    lists: String,
    batched: rank_state::Batched,
}

impl Catalogue {
    /// A handle to the collections of encoder `fingerprint`, whose lists have these
    /// sizes; checks nothing yet. Must be called within a tokio runtime.
    pub fn connect(settings: &QdrantSettings, fingerprint: &str, sizes: Sizes) -> Result<Self, StoreError> {
        let client = Qdrant::from_url(&settings.url)
            .api_key(settings.api_key.clone())
            // The client's default of 5 s is shorter than the server's own waits.
            .timeout(Duration::from_millis(settings.timeout_ms))
            .connect_timeout(Duration::from_secs(5))
            // The check prints to standard output; `schema` asks the server itself.
            .skip_compatibility_check()
            .build()
            .map_err(|error| StoreError::Settings { url: settings.url.clone(), reason: error.to_string() })?;
        let [images, articles, lists] =
            ["images", "articles", "lists"].map(|name| format!("{}_{name}_{fingerprint}", settings.prefix));
        Ok(Self {
            batched: rank_state::Batched::start(&client, &articles, &lists, sizes),
            images,
            articles,
            lists,
            client,
        })
    }

    /// Names of the collections of images, of articles and of lists.
    pub fn collections(&self) -> [&str; 3] {
        [&self.images, &self.articles, &self.lists]
    }
}
