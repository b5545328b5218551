//! The similarity matrix of two sets.
//!
//! Guarantee: every value is finite. A matrix is built from unit vectors, whose
//! dot product is their cosine, or from given numbers that were checked.

/// Row-major matrix of cosines.
#[derive(Debug, Clone, PartialEq)]
pub struct Similarities {
    columns: usize,
    values: Vec<f64>,
}

/// Why numbers are no similarity matrix or no set of vectors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MatrixError {
    #[error("row {row} has {found} columns, the first row has {expected}")]
    Ragged { row: usize, expected: usize, found: usize },
    #[error("row {row}, column {column} is {value}, not a finite number")]
    NotFinite { row: usize, column: usize, value: f64 },
    #[error("vectors of {left} and {right} dimensions cannot be compared")]
    Dimensions { left: usize, right: usize },
}

impl Similarities {
    /// Checks given rows: all of one length, all finite.
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Self, MatrixError> {
        let columns = rows.first().map_or(0, Vec::len);
        for (row, values) in rows.iter().enumerate() {
            if values.len() != columns {
                return Err(MatrixError::Ragged { row, expected: columns, found: values.len() });
            }
            if let Some(column) = values.iter().position(|value| !value.is_finite()) {
                return Err(MatrixError::NotFinite { row, column, value: values[column] });
            }
        }
        Ok(Self { columns, values: rows.concat() })
    }

    /// Cosines of two sets of unit vectors, summed in f64.
    pub fn of_unit_vectors(left: &[&[f32]], right: &[&[f32]]) -> Result<Self, MatrixError> {
        let mut values = Vec::with_capacity(left.len() * right.len());
        for a in left {
            for b in right {
                values.push(dot(a, b)?);
            }
        }
        Ok(Self { columns: right.len(), values })
    }

    /// Number of rows; 0 for a matrix without columns.
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The cosine of a row and a column.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }
}

/// Dot product in f64; of unit vectors, their cosine.
pub fn dot(left: &[f32], right: &[f32]) -> Result<f64, MatrixError> {
    if left.len() != right.len() {
        return Err(MatrixError::Dimensions { left: left.len(), right: right.len() });
    }
    Ok(left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
}
