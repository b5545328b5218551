//! An article as it is compared with many.

use set_similarity::{Article, Image, ImageSet, SetError, TextVector};

use crate::domain::article::Profile;

/// A profile with its vectors in blocks.
#[derive(Debug)]
pub struct Packed<'p> {
    pub profile: &'p Profile,
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

impl<'p> Packed<'p> {
    /// Copies the vectors, all of which have `dimension` numbers.
    ///
    /// # Errors
    ///
    /// [`PackError`] names the article and the image with another dimension, or with
    /// numbers that are no unit vector.
    pub fn of(profile: &'p Profile, dimension: usize) -> Result<Self, PackError> {
        let named = |source| PackError { article_id: profile.article_id.clone(), source };
        let vectors: Vec<[&[f32]; 1]> =
            profile.images.iter().map(|member| [member.embedding.as_slice()]).collect();
        let images = profile.images.iter().zip(&vectors).map(|(member, vectors)| Image {
            id: &member.image_id,
            view: member.view.as_deref(),
            vectors,
        });
        let images = ImageSet::new(dimension, images).map_err(named)?;
        let text = profile.text.as_ref().map(|text| TextVector::new(dimension, text.as_slice()));
        Ok(Self { profile, images, text: text.transpose().map_err(named)? })
    }

    /// So that it can be skipped without being scored: pays when it is compared with many.
    #[must_use]
    pub fn with_levels(self) -> Self {
        Self { images: self.images.with_levels(), ..self }
    }

    pub(super) fn article(&self) -> Article<'_> {
        Article { id: &self.profile.article_id, images: &self.images, text: self.text.as_ref() }
    }
}
