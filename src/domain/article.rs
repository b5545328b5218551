//! The stored state of one article, as the vector store keeps it.

use std::collections::BTreeMap;

use list_maintenance::Revision;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::embedding::{Embedding, ImageEmbedding};
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

impl StoredImage {
    /// What stays of an image that was deleted at this version.
    pub fn tombstone(image_id: &str, version: Version) -> Self {
        Self {
            image_id: image_id.to_owned(),
            version,
            deleted: true,
            uri: None,
            view: None,
            position: None,
            etag: None,
            content_hash: None,
        }
    }
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
    /// The fields have a text, and it is embedded.
    #[serde(default)]
    pub embedded_text: bool,
}

impl ArticleFacts {
    /// Version of what decides in which searches the article's images are found: it
    /// never goes back, whatever the text does.
    pub fn fields_version(&self) -> Version {
        self.text_version.max(self.deleted_version).unwrap_or(0)
    }
}

/// What is stored of one article: facts (absent for an article never seen) and
/// all images, tombstones included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArticleState {
    pub facts: Option<ArticleFacts>,
    pub images: BTreeMap<String, StoredImage>,
    /// Number of the last write of the facts; 0 for an article never seen.
    pub facts_sequence: u64,
    /// A write of text and facts was cut off, or is under way: the text's embedding may
    /// be another one than that of the stored text.
    pub text_unfinished: bool,
}

impl ArticleState {
    /// Highest `article.deleted` seen.
    pub fn deleted_version(&self) -> Option<Version> {
        self.facts.as_ref().and_then(|facts| facts.deleted_version)
    }

    /// Highest version that changed anything of the article.
    pub fn version(&self) -> Version {
        let images = self.images.values().map(|image| image.version).max();
        images.max(self.text_version()).max(self.deleted_version()).unwrap_or(0)
    }

    /// Names everything that is stored of the article: two states that could score
    /// differently against anything have different revisions.
    pub fn revision(&self) -> Revision {
        let images: Vec<&StoredImage> = self.images.values().collect();
        // String keys and finite numbers: it is always JSON.
        let text = serde_json::to_vec(&(images, &self.facts)).unwrap_or_default();
        let digest = Sha256::digest(&text);
        Revision(digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
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
    pub embedding: ImageEmbedding,
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

    /// Numbers of its vectors; `None` when there is none.
    pub fn dimension(&self) -> Option<usize> {
        let image = self.images.first().map(|member| &member.embedding.own);
        image.or(self.text.as_ref()).map(Embedding::dimension)
    }

    /// Keeps the first `most` images by position, then id; answers how many it left
    /// out. Images without position come last.
    pub fn limit_images(&mut self, most: usize) -> usize {
        let left_out = self.images.len().saturating_sub(most);
        if left_out > 0 {
            let place = |member: &Member| member.position.unwrap_or(i64::MAX);
            self.images.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.image_id.cmp(&b.image_id)));
            self.images.truncate(most);
            self.images.sort_by(|a, b| a.image_id.cmp(&b.image_id));
        }
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_images_keep_the_first_by_position_in_id_order() {
        let member = |(image_id, position): (&str, Option<i64>)| Member {
            image_id: image_id.to_owned(),
            view: None,
            position,
            version: 1,
            embedding: Embedding::normalised(vec![1.0]).unwrap().into(),
        };
        let images = [("a", None), ("b", Some(2)), ("c", Some(1)), ("d", None)].map(member).to_vec();
        let mut profile = Profile {
            article_id: "x".into(),
            categories: Vec::new(),
            group: None,
            version: 1,
            images,
            text: None,
        };
        assert_eq!(profile.limit_images(3), 1);
        let kept: Vec<_> = profile.images.iter().map(|image| image.image_id.as_str()).collect();
        assert_eq!(kept, ["a", "b", "c"]);
        assert_eq!(profile.limit_images(3), 0);
    }
}
