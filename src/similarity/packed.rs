//! An article as it is compared with many.

use set_similarity::{Article, Image, ImageSet, SetError, TextVector};

use crate::domain::article::{Member, Profile};
use crate::domain::embedding::Embedding;
use crate::domain::event::Version;

/// An article with its vectors in blocks; what decides and explains beside them.
#[derive(Debug)]
pub struct Packed {
    pub article_id: String,
    /// Highest version among images, text and deletion.
    pub version: Version,
    pub(super) categories: Vec<String>,
    pub(super) group: Option<String>,
    /// In the order of the set.
    pub(super) image_ids: Vec<String>,
    images: ImageSet,
    text: Option<TextVector>,
}

/// An article that cannot be compared: its vectors are not those of the encoder.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("article {article_id:?}: {source}")]
pub struct PackError {
    pub article_id: String,
    pub source: SetError,
}

impl Packed {
    /// Copies the vectors, all of which have `dimension` numbers.
    ///
    /// # Errors
    ///
    /// [`PackError`] names the article and the image with another dimension, or with
    /// numbers that are no unit vector.
    pub fn of(profile: &Profile, dimension: usize) -> Result<Self, PackError> {
        let named = |source| PackError { article_id: profile.article_id.clone(), source };
        let vectors: Vec<Vec<&[f32]>> = profile.images.iter().map(vectors).collect();
        let images = profile.images.iter().zip(&vectors).map(|(member, vectors)| Image {
            id: &member.image_id,
            view: member.view.as_deref(),
            vectors,
        });
        let images = ImageSet::new(dimension, images).map_err(named)?;
        let text = profile.text.as_ref().map(|text| TextVector::new(dimension, text.as_slice()));
        Ok(Self {
            article_id: profile.article_id.clone(),
            version: profile.version,
            categories: profile.categories.clone(),
            group: profile.group.clone(),
            image_ids: profile.images.iter().map(|member| member.image_id.clone()).collect(),
            images,
            text: text.transpose().map_err(named)?,
        })
    }

    /// So that it can be skipped without being scored: pays when it is compared with many.
    #[must_use]
    pub fn with_levels(self) -> Self {
        Self { images: self.images.with_levels(), ..self }
    }

    /// Neither image nor text: there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.image_ids.is_empty() && self.text.is_none()
    }

    /// Memory that it takes, in bytes; about.
    pub fn bytes(&self) -> u64 {
        let texts = self.categories.iter().chain(&self.image_ids).map(|text| text.len() + 24).sum::<usize>();
        let text = if self.text.is_some() { self.images.dimension() * size_of::<f32>() } else { 0 };
        (size_of::<Self>() + self.article_id.len() + texts + self.images.bytes() + text) as u64
    }

    pub(super) fn article(&self) -> Article<'_> {
        Article { id: &self.article_id, images: &self.images, text: self.text.as_ref() }
    }
}

/// Its own vector, then those of its variants.
fn vectors(member: &Member) -> Vec<&[f32]> {
    member.embedding.all().map(Embedding::as_slice).collect()
}
