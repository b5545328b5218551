//! The similarity matrix of two sets.
//!
//! Guarantee: every value is finite. A matrix is filled with cosines of unit vectors
//! by this crate, or built from given numbers that were checked.

/// Row-major matrix of cosines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Similarities {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

/// Why numbers are no similarity matrix.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MatrixError {
    #[error("row {row} has {found} columns, the first row has {expected}")]
    Ragged { row: usize, expected: usize, found: usize },
    #[error("row {row}, column {column} is {value}, not a finite number")]
    NotFinite { row: usize, column: usize, value: f64 },
}

impl Similarities {
    /// Checks given rows: all of one length, all finite.
    ///
    /// # Errors
    ///
    /// [`MatrixError`] names the first row or cell that does not fit.
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
        Ok(Self { rows: rows.len(), columns, values: rows.concat() })
    }

    /// Takes another shape and gives its cells to fill, row by row; keeps the
    /// allocation. The cells hold what was there before, or 0.
    pub(crate) fn reshape(&mut self, rows: usize, columns: usize) -> &mut [f64] {
        (self.rows, self.columns) = (rows, columns);
        self.values.resize(rows * columns, 0.0);
        &mut self.values
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The cosine of a row and a column.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    /// All columns of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// All cells, row by row.
    pub fn cells(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_one_after_another() {
        let matrix = Similarities::from_rows(&[vec![0.1, 0.2, 0.3], vec![0.4, 0.5, 0.6]]).unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (2, 3));
        assert_eq!(matrix.at(1, 0), 0.4);
        assert_eq!(matrix.row(0), [0.1, 0.2, 0.3]);
        assert_eq!(matrix.cells(), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    }

    #[test]
    fn another_shape_gives_all_its_cells() {
        let mut matrix = Similarities::default();
        for (rows, columns) in [(2, 3), (5, 4), (1, 2)] {
            matrix.reshape(rows, columns).fill(0.5);
            assert_eq!((matrix.rows(), matrix.columns()), (rows, columns));
            assert_eq!(matrix.row(rows - 1), vec![0.5; columns]);
            assert_eq!(matrix.cells().len(), rows * columns);
        }
    }

    #[test]
    fn the_first_row_or_cell_that_does_not_fit_is_named() {
        for short_or_long in [vec![0.3], vec![0.3, 0.4, 0.5]] {
            let found = short_or_long.len();
            let rows = [vec![0.1, 0.2], vec![0.1, 0.2], short_or_long];
            let error = Similarities::from_rows(&rows).unwrap_err();
            assert_eq!(error, MatrixError::Ragged { row: 2, expected: 2, found });
        }
        for value in [f64::INFINITY, f64::NEG_INFINITY] {
            let error = Similarities::from_rows(&[vec![0.1, 0.2], vec![0.1, value]]).unwrap_err();
            assert_eq!(error, MatrixError::NotFinite { row: 1, column: 1, value });
        }
        let error = Similarities::from_rows(&[vec![f64::NAN]]).unwrap_err();
        assert_eq!(error.to_string(), "row 0, column 0 is NaN, not a finite number");
    }
}
