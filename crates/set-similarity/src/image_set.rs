//! The images of one article as the kernel reads them.
//!
//! Guarantee: every vector is finite, of unit length and of the set's dimension;
//! anything else is an error that names the image.

use std::ops::Range;

use half::f16;

use crate::block::VectorBlock;
use crate::kernel::{Element, MAX_DIMENSION};
use crate::levels::Levels;
use crate::pooled::mean_length;

/// How far from 1 a length may be: rounding of f32 over a few thousand numbers.
const LENGTH_TOLERANCE: f64 = 1e-3;

/// One image as it is put into a set.
#[derive(Debug, Clone, Copy)]
pub struct Image<'v> {
    /// Named in errors.
    pub id: &'v str,
    /// Side that it shows; [`crate::Method::Ordered`] matches equal ones.
    pub view: Option<&'v str>,
    /// The image's own vector, then those of its stored variants (flipped, turned), if
    /// any. Of two images the closest two variants count.
    pub vectors: &'v [&'v [f32]],
}

/// Why a vector cannot be in a set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SetError {
    #[error("image {image:?} has no vector")]
    Empty { image: String },
    #[error("image {image:?}: a vector has {found} numbers, expected {expected}")]
    Dimensions { image: String, expected: usize, found: usize },
    #[error("image {image:?}: number {index} of a vector is {value}, not a finite number")]
    NotFinite { image: String, index: usize, value: f32 },
    #[error("image {image:?}: a vector has length zero and so no direction")]
    Zero { image: String },
    #[error("image {image:?}: a vector has length {length}, not 1")]
    NotUnit { image: String, length: f64 },
    #[error("vectors have 1 to {MAX_DIMENSION} numbers, not {found}")]
    DimensionRange { found: usize },
}

/// Which vectors of a set belong to which image.
#[derive(Debug, Clone)]
pub(crate) enum Variants {
    /// One vector an image.
    None { images: usize },
    /// Where the vectors of each image end.
    Some { ends: Vec<usize> },
}

impl Variants {
    /// Number of images.
    pub(crate) fn images(&self) -> usize {
        match self {
            Self::None { images } => *images,
            Self::Some { ends } => ends.len(),
        }
    }

    /// One vector an image.
    pub(crate) fn are_none(&self) -> bool {
        matches!(self, Self::None { .. })
    }

    /// The vectors of an image.
    pub(crate) fn of(&self, image: usize) -> Range<usize> {
        match self {
            Self::None { .. } => image..image + 1,
            Self::Some { ends } => image.checked_sub(1).map_or(0, |before| ends[before])..ends[image],
        }
    }
}

/// The images of one article. Ties break by the order they were given in: sort them
/// by id.
#[derive(Debug, Clone)]
pub struct ImageSet<E: Element = f32> {
    pub(crate) vectors: VectorBlock<E>,
    pub(crate) variants: Variants,
    /// One for each image; empty when no image has one.
    pub(crate) views: Vec<Option<String>>,
    /// The vectors in a quarter of the bytes, to rule the set out.
    pub(crate) levels: Option<Levels<i8>>,
    /// Of the mean of the images' own vectors; 0 when it has no direction.
    pub(crate) mean_length: f64,
}

impl ImageSet<f32> {
    /// Copies vectors of `dimension` numbers and unit length into one block.
    ///
    /// # Errors
    ///
    /// [`SetError`] names the first image with a vector that is missing, of another
    /// dimension, not finite, or not of unit length within 0.001.
    pub fn new<'v>(dimension: usize, images: impl IntoIterator<Item = Image<'v>>) -> Result<Self, SetError> {
        if !(1..=MAX_DIMENSION).contains(&dimension) {
            return Err(SetError::DimensionRange { found: dimension });
        }
        let images: Vec<Image<'v>> = images.into_iter().collect();
        let count = images.iter().map(|image| image.vectors.len()).sum();
        let mut vectors = VectorBlock::zeros(count, dimension);
        let mut ends = Vec::with_capacity(images.len());
        let mut end = 0;
        for image in &images {
            if image.vectors.is_empty() {
                return Err(SetError::Empty { image: image.id.to_owned() });
            }
            for vector in image.vectors {
                check(image.id, vector, dimension)?;
                vectors.row_mut(end).copy_from_slice(vector);
                end += 1;
            }
            ends.push(end);
        }
        let has_views = images.iter().any(|image| image.view.is_some());
        let views = if has_views {
            images.iter().map(|image| image.view.map(str::to_owned)).collect()
        } else {
            Vec::new()
        };
        let variants =
            if count > images.len() { Variants::Some { ends } } else { Variants::None { images: count } };
        Ok(Self { levels: None, mean_length: mean_length(&vectors, &variants), vectors, variants, views })
    }

    /// The same set stored half as wide: each number rounded to 11 significant bits.
    pub fn to_half(&self) -> ImageSet<f16> {
        self.stored_as()
    }
}

impl ImageSet<f16> {
    /// Exactly these vectors again, at full width, to be compared with others stored
    /// half as wide.
    pub fn to_full(&self) -> ImageSet<f32> {
        self.stored_as()
    }
}

impl<E: Element> ImageSet<E> {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.variants.images()
    }

    /// Without an image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers of each vector.
    pub fn dimension(&self) -> usize {
        self.vectors.dimension()
    }

    /// Bytes that the vectors take in memory.
    pub fn bytes(&self) -> usize {
        self.vectors.bytes()
    }

    /// Keeps the vectors in 8 bits besides, a quarter of the bytes in f32, so that
    /// [`crate::Scorer::rank`] can skip this set. Rounding takes longer than a comparison,
    /// so it pays for sets that are compared with many others.
    #[must_use]
    pub fn with_levels(self) -> Self {
        Self { levels: Some(Levels::of(&self.vectors)), ..self }
    }

    fn stored_as<F: Element>(&self) -> ImageSet<F> {
        let vectors = self.vectors.stored_as();
        let levels = self.levels.as_ref().map(|_| Levels::of(&vectors));
        let mean_length = mean_length(&vectors, &self.variants);
        ImageSet { vectors, variants: self.variants.clone(), views: self.views.clone(), levels, mean_length }
    }
}

fn check(image: &str, vector: &[f32], dimension: usize) -> Result<(), SetError> {
    let image = || image.to_owned();
    if vector.len() != dimension {
        return Err(SetError::Dimensions { image: image(), expected: dimension, found: vector.len() });
    }
    let length = length(vector);
    // Squares of f32 never overflow f64.
    if !length.is_finite()
        && let Some(index) = vector.iter().position(|number| !number.is_finite())
    {
        return Err(SetError::NotFinite { image: image(), index, value: vector[index] });
    }
    if length == 0.0 {
        return Err(SetError::Zero { image: image() });
    }
    if (length - 1.0).abs() > LENGTH_TOLERANCE {
        return Err(SetError::NotUnit { image: image(), length });
    }
    Ok(())
}

fn length(vector: &[f32]) -> f64 {
    // Sums side by side, for vector instructions.
    let mut squares = [0.0_f64; 8];
    for numbers in vector.chunks(8) {
        for (square, number) in squares.iter_mut().zip(numbers) {
            *square += f64::from(*number) * f64::from(*number);
        }
    }
    squares.iter().sum::<f64>().sqrt()
}

/// The vector of an article's text.
#[derive(Debug, Clone)]
pub struct TextVector(pub(crate) VectorBlock<f32>);

impl TextVector {
    /// Copies a vector of `dimension` numbers and unit length.
    ///
    /// # Errors
    ///
    /// [`SetError`] as for the vector of an image; it is named "text".
    pub fn new(dimension: usize, vector: &[f32]) -> Result<Self, SetError> {
        check("text", vector, dimension)?;
        let mut block = VectorBlock::zeros(1, vector.len());
        block.row_mut(0).copy_from_slice(vector);
        Ok(Self(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set of images `i0`, `i1`, … with these variants each.
    fn set(images: &[&[&[f32]]]) -> Result<ImageSet, SetError> {
        let ids: Vec<String> = (0..images.len()).map(|at| format!("i{at}")).collect();
        let images = ids.iter().zip(images);
        ImageSet::new(2, images.map(|(id, vectors)| Image { id, view: None, vectors }))
    }

    #[test]
    fn a_bad_vector_is_an_error_that_names_the_image() {
        let good: &[&[f32]] = &[&[0.6, 0.8]];
        let cases: [(&[&[f32]], &str); 8] = [
            (&[], "image \"i1\" has no vector"),
            (&[&[1.0]], "image \"i1\": a vector has 1 numbers, expected 2"),
            (&[&[0.6, 0.8], &[1.0, 0.0, 0.0]], "image \"i1\": a vector has 3 numbers, expected 2"),
            (&[&[f32::NAN, 0.0]], "image \"i1\": number 0 of a vector is NaN, not a finite number"),
            (&[&[0.0, f32::INFINITY]], "image \"i1\": number 1 of a vector is inf, not a finite number"),
            (&[&[0.0, 0.0]], "image \"i1\": a vector has length zero and so no direction"),
            (&[&[0.6, 0.9]], "image \"i1\": a vector has length 1.08"),
            (&[&[0.6, 0.8], &[0.0, 0.0]], "image \"i1\": a vector has length zero and so no direction"),
        ];
        for (bad, message) in cases {
            let error = set(&[good, bad, good]).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let text = TextVector::new(2, &[f32::NAN, 0.0]).unwrap_err().to_string();
        assert_eq!(text, "image \"text\": number 0 of a vector is NaN, not a finite number");
        for dimension in [0, MAX_DIMENSION + 1] {
            let none: [Image<'_>; 0] = [];
            let error = ImageSet::new(dimension, none).unwrap_err();
            assert_eq!(error, SetError::DimensionRange { found: dimension });
        }
    }

    #[test]
    fn images_are_counted_with_or_without_variants() {
        let own: &[&[f32]] = &[&[1.0, 0.0]];
        let turned: &[&[f32]] = &[&[1.0, 0.0], &[0.0, 1.0]];
        for (images, count) in [(&[][..], 0), (&[own, own][..], 2), (&[own, turned, own][..], 3)] {
            let set = set(images).unwrap();
            assert_eq!((set.len(), set.is_empty(), set.dimension()), (count, count == 0, 2));
        }
    }

    #[test]
    fn half_the_width_is_half_the_bytes_and_widens_to_itself() {
        let vector: Vec<f32> = (0..64).map(|at| (at as f32).sin()).collect();
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        let vector: Vec<f32> = vector.iter().map(|number| number / length).collect();
        let images = [Image { id: "i", view: None, vectors: &[vector.as_slice()] }];
        let set = ImageSet::new(64, images).unwrap();
        let half = set.to_half();
        assert_eq!((set.bytes(), half.bytes()), (256, 128));
        let (full, again) = (half.to_full(), half.to_full().to_half());
        assert_eq!(again.vectors.row(0), half.vectors.row(0));
        for (number, rounded) in vector.iter().zip(full.vectors.row(0)) {
            assert!((number - rounded).abs() <= number.abs() / 2048.0, "{rounded} for {number}");
        }
    }
}
