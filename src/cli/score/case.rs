//! Reads the two image sets of one case, or their similarity matrix.
//!
//! Guarantee: a [`Case`] holds finite numbers of agreeing sizes, vectors at unit length;
//! whatever else was given is an error that names the side and the row. Rows and
//! columns count from 0, as in the answers.

use std::fmt;
use std::io::{self, BufRead, Read};

use npyz::{DType, NpyFile, Order, TypeChar};
use serde::Deserialize;

use crate::similarity::matrix::{MatrixError, Similarities};

/// Most images on one side, and so 128 MiB of similarities.
pub(super) const MAX_IMAGES: usize = 4096;
/// Most dimensions of a vector; encoders have up to a few thousand.
pub(super) const MAX_DIMENSIONS: usize = 65_536;
/// Longest line of a JSONL file; two sides of 1,000 vectors of 1,024 numbers fit.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;

/// The first or the second article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

/// Why there is no case.
#[derive(Debug, thiserror::Error)]
pub(super) enum CaseError {
    #[error("matrix: {0}")]
    Matrix(#[from] MatrixError),
    #[error("matrix: {0}; a CSV file has one row of numbers for each image, and no header")]
    Csv(String),
    #[error("matrix: the file is empty")]
    Empty,
    #[error("{what}: more than {MAX_IMAGES} images")]
    TooMany { what: String },
    #[error("{side}: a vector has 1 to {MAX_DIMENSIONS} numbers, not {found}")]
    DimensionRange { side: Side, found: u64 },
    #[error("{side} row {row}: {found} numbers, expected {expected} as in all other vectors")]
    Dimensions { side: Side, row: usize, expected: usize, found: usize },
    #[error("{side} row {row}: number {index} is {value}, not a finite number")]
    NotFinite { side: Side, row: usize, index: usize, value: f64 },
    #[error("{side} row {row}: the vector has length zero and so no direction")]
    Zero { side: Side, row: usize },
    #[error("{side}: not a readable .npy file: {source}")]
    Npy { side: Side, source: io::Error },
    #[error("{side}: the array is {found}; save it as 2-D float32 or float64 in C order")]
    Array { side: Side, found: String },
    #[error("not a case: {0}")]
    Json(String),
    #[error("not a case: give either \"matrix\", or \"left\" and \"right\"")]
    Choice,
    #[error("not a case: longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
}

/// One line of a JSONL file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    matrix: Option<Vec<Vec<f64>>>,
    left: Option<Vec<Vec<f64>>>,
    right: Option<Vec<Vec<f64>>>,
}

/// A case from one line of JSON.
pub(super) fn from_json(line: &[u8]) -> Result<Similarities, CaseError> {
    // The parser only knows this one line.
    let named = |error: serde_json::Error| {
        CaseError::Json(error.to_string().replace("at line 1 column", "at column"))
    };
    match serde_json::from_slice(line).map_err(named)? {
        Line { matrix: Some(rows), left: None, right: None } => from_rows(&rows),
        Line { matrix: None, left: Some(left), right: Some(right) } => from_vectors(left, right),
        _ => Err(CaseError::Choice),
    }
}

fn from_rows(rows: &[Vec<f64>]) -> Result<Similarities, CaseError> {
    if rows.len() > MAX_IMAGES || rows.iter().any(|row| row.len() > MAX_IMAGES) {
        return Err(CaseError::TooMany { what: "matrix".to_owned() });
    }
    Ok(Similarities::from_rows(rows)?)
}

/// A case from a similarity matrix in a CSV file.
pub(super) fn from_csv(file: impl Read) -> Result<Similarities, CaseError> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(file);
    let mut rows = Vec::new();
    for (row, record) in reader.records().take(MAX_IMAGES + 1).enumerate() {
        let record = record.map_err(|error| CaseError::Csv(error.to_string()))?;
        let number = |(column, text): (usize, &str)| {
            text.parse::<f64>()
                .map_err(|_| CaseError::Csv(format!("row {row}, column {column}: {text:?} is no number")))
        };
        rows.push(record.iter().enumerate().map(number).collect::<Result<Vec<f64>, _>>()?);
    }
    if rows.is_empty() {
        return Err(CaseError::Empty);
    }
    from_rows(&rows)
}

/// A case from two sets of vectors of any length but zero.
pub(super) fn from_vectors(
    mut left: Vec<Vec<f64>>,
    mut right: Vec<Vec<f64>>,
) -> Result<Similarities, CaseError> {
    let expected = left.first().or(right.first()).map_or(1, Vec::len);
    for (side, vectors) in [(Side::Left, &mut left), (Side::Right, &mut right)] {
        if vectors.len() > MAX_IMAGES {
            return Err(CaseError::TooMany { what: side.to_string() });
        }
        for (row, vector) in vectors.iter_mut().enumerate() {
            if !(1..=MAX_DIMENSIONS).contains(&vector.len()) {
                return Err(CaseError::DimensionRange { side, found: vector.len() as u64 });
            }
            if vector.len() != expected {
                return Err(CaseError::Dimensions { side, row, expected, found: vector.len() });
            }
            normalise(vector, side, row)?;
        }
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let rows: Vec<Vec<f64>> = left.iter().map(|a| right.iter().map(|b| dot(a, b)).collect()).collect();
    Ok(Similarities::from_rows(&rows)?)
}

fn normalise(vector: &mut [f64], side: Side, row: usize) -> Result<(), CaseError> {
    if let Some(index) = vector.iter().position(|value| !value.is_finite()) {
        return Err(CaseError::NotFinite { side, row, index, value: vector[index] });
    }
    let largest = vector.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return Err(CaseError::Zero { side, row });
    }
    // Divided by the largest first, so that no square overflows or vanishes.
    vector.iter_mut().for_each(|value| *value /= largest);
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    Ok(())
}

/// Rows of a `.npy` file: 2-D, float32 or float64, C order.
pub(super) fn from_npy(file: impl Read, side: Side) -> Result<Vec<Vec<f64>>, CaseError> {
    let unreadable = |source| CaseError::Npy { side, source };
    let array = NpyFile::new(file).map_err(unreadable)?;
    let dtype = array.dtype();
    let (order, shape) = (array.order(), array.shape().to_vec());
    let refused =
        || CaseError::Array { side, found: format!("{} {shape:?} in {order:?} order", dtype.descr()) };
    let &[rows, dimensions] = shape.as_slice() else { return Err(refused()) };
    if order != Order::C {
        return Err(refused());
    }
    if rows > MAX_IMAGES as u64 {
        return Err(CaseError::TooMany { what: side.to_string() });
    }
    if !(1..=MAX_DIMENSIONS as u64).contains(&dimensions) {
        return Err(CaseError::DimensionRange { side, found: dimensions });
    }
    let float = |size| matches!(&dtype, DType::Plain(t) if t.type_char() == TypeChar::Float && t.size_field() == size);
    let values: Vec<f64> = if float(8) {
        array.into_vec::<f64>().map_err(unreadable)?
    } else if float(4) {
        array.into_vec::<f32>().map_err(unreadable)?.into_iter().map(f64::from).collect()
    } else {
        return Err(refused());
    };
    // At most MAX_DIMENSIONS, so it fits.
    Ok(values.chunks(dimensions as usize).map(<[f64]>::to_vec).collect())
}

/// The next line without its end, read into `line`; false at the end of the file.
/// A line that is too long is skipped to its end.
pub(super) fn next_line(
    input: &mut dyn BufRead,
    line: &mut Vec<u8>,
) -> io::Result<Option<Result<(), CaseError>>> {
    line.clear();
    let read = input.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read > MAX_LINE_BYTES {
        input.skip_until(b'\n')?;
        return Ok(Some(Err(CaseError::TooLong)));
    }
    Ok(Some(Ok(())))
}
