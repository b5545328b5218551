//! The stored state of one article, as the vector store keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::embedding::Embedding;
use super::event::{ArticleFields, Version};

/// One image of an article. A deleted image stays as a versioned tombstone without
/// vector and content, so that an older event can never bring it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredImage {
    pub image_id: String,
    /// Version that last set or deleted this image.
    pub version: Version,
    #[serde(default)]
    pub deleted: bool,
    #[serde(default)]
    pub uri: Option<String>,
    #[serde(default)]
    pub view: Option<String>,
    #[serde(default)]
    pub position: Option<i64>,
    #[serde(default)]
    pub etag: Option<String>,
    /// SHA-256 of the image file, in hex.
    #[serde(default)]
    pub content_hash: Option<String>,
}

/// The article's own fields and versions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ArticleFacts {
    #[serde(flatten)]
    pub fields: ArticleFields,
    /// Version of the event that last set the fields.
    #[serde(default)]
    pub text_version: Option<Version>,
    /// Highest `article.deleted` seen: everything older is gone.
    #[serde(default)]
    pub deleted_version: Option<Version>,
    /// No live image and no live text is left.
    #[serde(default)]
    pub deleted: bool,
    /// Live images.
    #[serde(default)]
    pub image_count: usize,
}

/// What is stored of one article: facts (absent for an article never seen) and
/// all images, tombstones included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArticleState {
    pub facts: Option<ArticleFacts>,
    pub images: BTreeMap<String, StoredImage>,
}

impl ArticleState {
    /// Highest `article.deleted` seen.
    pub fn deleted_version(&self) -> Option<Version> {
        self.facts.as_ref().and_then(|facts| facts.deleted_version)
    }

    /// Version of the event that last set the text.
    pub fn text_version(&self) -> Option<Version> {
        self.facts.as_ref().and_then(|facts| facts.text_version)
    }
}

/// One image of a set, with its embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub image_id: String,
    pub view: Option<String>,
    pub position: Option<i64>,
    pub version: Version,
    pub embedding: Embedding,
}

/// Everything ranking needs of one article.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub article_id: String,
    pub categories: Vec<String>,
    pub group: Option<String>,
    /// Highest version among images, text and deletion.
    pub version: Version,
    /// Live images, ordered by image id.
    pub images: Vec<Member>,
    pub text: Option<Embedding>,
}

impl Profile {
    /// Nothing to compare: deleted, or never had an image or text.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.text.is_none()
    }
}
