//! A vector of unit length.

/// What an encoder says about one picture or text: finite numbers of Euclidean
/// length 1, so that the dot product of two of them is their cosine.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

/// How far from 1 a length may be: rounding of f32 over a few thousand numbers.
const LENGTH_TOLERANCE: f64 = 1e-3;

/// Numbers that are no embedding.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EmbeddingError {
    #[error("an embedding needs at least one number")]
    Empty,
    #[error("number {index} of the embedding is {value}, not a finite number")]
    NotFinite { index: usize, value: f32 },
    #[error("the embedding has length {length}, not 1")]
    NotUnit { length: f64 },
    #[error("the embedding has length zero and so no direction")]
    NoDirection,
}

impl Embedding {
    /// Takes numbers that already have unit length.
    ///
    /// # Errors
    ///
    /// [`EmbeddingError`] when they are none, not finite, or not of unit
    /// length within 0.001.
    pub fn new(values: Vec<f32>) -> Result<Self, EmbeddingError> {
        let length = checked_length(&values)?;
        if (length - 1.0).abs() > LENGTH_TOLERANCE {
            return Err(EmbeddingError::NotUnit { length });
        }
        Ok(Self(values))
    }

    /// Scales numbers to unit length.
    ///
    /// # Errors
    ///
    /// [`EmbeddingError`] when they are none, not finite, or all (nearly) zero.
    pub fn normalised(mut values: Vec<f32>) -> Result<Self, EmbeddingError> {
        let length = checked_length(&values)?;
        if length < f64::from(f32::MIN_POSITIVE) {
            return Err(EmbeddingError::NoDirection);
        }
        for value in &mut values {
            *value = (f64::from(*value) / length) as f32;
        }
        Ok(Self(values))
    }

    /// Number of dimensions, at least 1.
    pub fn dimension(&self) -> usize {
        self.0.len()
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// The numbers, taken out.
    pub fn into_vec(self) -> Vec<f32> {
        self.0
    }

    /// Cosine of the angle between two embeddings, −1 to 1 up to rounding.
    /// Summed in f64. Both come from the same encoder, so their dimensions
    /// agree.
    pub fn cosine(&self, other: &Self) -> f64 {
        debug_assert_eq!(self.dimension(), other.dimension());
        let products = self.0.iter().zip(&other.0);
        products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }
}

/// What an encoder says about one picture, and about its variants where it makes any.
/// All have the same dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageEmbedding {
    pub own: Embedding,
    /// Of the mirrored and turned picture, in the order of the encoder's settings.
    pub variants: Vec<Embedding>,
}

impl ImageEmbedding {
    /// The own one, then those of the variants.
    pub fn all(&self) -> impl Iterator<Item = &Embedding> {
        std::iter::once(&self.own).chain(&self.variants)
    }
}

/// Without variants.
impl From<Embedding> for ImageEmbedding {
    fn from(own: Embedding) -> Self {
        Self { own, variants: Vec::new() }
    }
}

/// Euclidean length of finite numbers, at least one of them.
fn checked_length(values: &[f32]) -> Result<f64, EmbeddingError> {
    if values.is_empty() {
        return Err(EmbeddingError::Empty);
    }
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(EmbeddingError::NotFinite { index, value: values[index] });
    }
    let squares: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
    Ok(squares.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_unit_vector() {
        assert_eq!(Embedding::new(vec![]), Err(EmbeddingError::Empty));
        assert!(matches!(
            Embedding::new(vec![0.0, f32::NAN]),
            Err(EmbeddingError::NotFinite { index: 1, .. })
        ));
        assert!(matches!(Embedding::new(vec![0.6, 0.9]), Err(EmbeddingError::NotUnit { .. })));
        assert!(Embedding::new(vec![0.6, 0.8]).is_ok());
    }

    #[test]
    fn normalises_any_direction() {
        let embedding = Embedding::normalised(vec![3.0, -4.0]).unwrap();
        assert_eq!(embedding.as_slice(), [0.6, -0.8]);
        let huge = Embedding::normalised(vec![f32::MAX, f32::MAX]).unwrap();
        assert!((huge.cosine(&huge) - 1.0).abs() < 1e-6);
        assert_eq!(Embedding::normalised(vec![0.0, 0.0]), Err(EmbeddingError::NoDirection));
    }
}
