//! Reads the two image sets of one case, or their similarity matrix.
//!
//! Guarantee: a [`GivenCase`] holds finite numbers of agreeing sizes, from vectors at
//! unit length; whatever else was given is an error that names the side and the row.
//! Rows and columns count from 0, as in the answers.

use std::fmt;
use std::io::{self, BufRead, Read};

use npyz::{DType, NpyFile, Order, TypeChar};
use serde::Deserialize;
use set_similarity::{Case, MatrixError, Similarities, Views};

use super::picture::Picture;
use crate::similarity::Method;

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
    #[error(
        "{side}: the array is {found}; save it as 2-D (or 3-D with variants) float32 or float64 in C order"
    )]
    Array { side: Side, found: String },
    #[error("not a case: {0}")]
    Json(String),
    #[error("not a case: give either \"matrix\", or \"left\" and \"right\"")]
    Choice,
    #[error("not a case: longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    #[error("{side}: {found} views for {images} images")]
    Views { side: Side, images: usize, found: usize },
    #[error("matrix: method pooled needs vectors, give a left and a right side")]
    NeedsVectors,
}

/// Two sets, ready to be scored.
#[derive(Debug)]
pub(super) struct GivenCase {
    similarities: Similarities,
    views: [Option<Vec<Option<String>>>; 2],
    /// Cosine of the mean vectors, where there are vectors.
    pooled: Option<Option<f64>>,
}

impl GivenCase {
    fn of_matrix(similarities: Similarities) -> Self {
        Self { similarities, views: [None, None], pooled: None }
    }

    /// Gives images without views their place as view, so that `ordered` matches the
    /// first with the first.
    ///
    /// # Errors
    ///
    /// When the method cannot score what was given.
    pub(super) fn prepare(mut self, method: Method) -> Result<Self, CaseError> {
        match method {
            Method::Pooled if self.pooled.is_none() => return Err(CaseError::NeedsVectors),
            Method::Ordered => {
                let images = [self.similarities.rows(), self.similarities.columns()];
                for (views, images) in self.views.iter_mut().zip(images) {
                    views.get_or_insert_with(|| (0..images).map(|place| Some(place.to_string())).collect());
                }
            }
            _ => {}
        }
        Ok(self)
    }

    /// As the scoring takes it.
    pub(super) fn as_case(&self) -> Case<'_> {
        let [rows, columns] = self.views.each_ref().map(|views| views.as_deref().unwrap_or_default());
        Case {
            similarities: &self.similarities,
            views: Views { rows, columns },
            pooled: self.pooled.flatten(),
        }
    }
}

/// One line of a JSONL file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    matrix: Option<Vec<Vec<f64>>>,
    left: Option<Vec<Picture>>,
    right: Option<Vec<Picture>>,
    left_views: Option<Vec<Option<String>>>,
    right_views: Option<Vec<Option<String>>>,
}

/// A case from one line of JSON.
pub(super) fn from_json(line: &[u8]) -> Result<GivenCase, CaseError> {
    // The parser only knows this one line.
    let named = |error: serde_json::Error| {
        CaseError::Json(error.to_string().replace("at line 1 column", "at column"))
    };
    let line: Line = serde_json::from_slice(line).map_err(named)?;
    let mut case = match (line.matrix, line.left, line.right) {
        (Some(rows), None, None) => from_rows(&rows)?,
        (None, Some(left), Some(right)) => from_vectors(left, right)?,
        _ => return Err(CaseError::Choice),
    };
    let images = [case.similarities.rows(), case.similarities.columns()];
    let given = [(Side::Left, line.left_views), (Side::Right, line.right_views)];
    for (at, (side, views)) in given.into_iter().enumerate() {
        if let Some(views) = &views
            && views.len() != images[at]
        {
            return Err(CaseError::Views { side, images: images[at], found: views.len() });
        }
        case.views[at] = views;
    }
    Ok(case)
}

fn from_rows(rows: &[Vec<f64>]) -> Result<GivenCase, CaseError> {
    if rows.len() > MAX_IMAGES || rows.iter().any(|row| row.len() > MAX_IMAGES) {
        return Err(CaseError::TooMany { what: "matrix".to_owned() });
    }
    Ok(GivenCase::of_matrix(Similarities::from_rows(rows)?))
}

/// A case from a similarity matrix in a CSV file.
pub(super) fn from_csv(file: impl Read) -> Result<GivenCase, CaseError> {
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

/// A case from two sets of vectors of any length but zero. Of two images the closest
/// variants count.
pub(super) fn from_vectors(mut left: Vec<Picture>, mut right: Vec<Picture>) -> Result<GivenCase, CaseError> {
    let dimension = |pictures: &[Picture]| pictures.first().map(|picture| picture.own().len());
    let expected = dimension(&left).or(dimension(&right)).unwrap_or(1);
    for (side, pictures) in [(Side::Left, &mut left), (Side::Right, &mut right)] {
        if pictures.len() > MAX_IMAGES {
            return Err(CaseError::TooMany { what: side.to_string() });
        }
        for (row, picture) in pictures.iter_mut().enumerate() {
            for vector in picture.vectors_mut() {
                if !(1..=MAX_DIMENSIONS).contains(&vector.len()) {
                    return Err(CaseError::DimensionRange { side, found: vector.len() as u64 });
                }
                if vector.len() != expected {
                    return Err(CaseError::Dimensions { side, row, expected, found: vector.len() });
                }
                normalise(vector, side, row)?;
            }
        }
    }
    let rows: Vec<Vec<f64>> = left.iter().map(|a| right.iter().map(|b| a.closest(b)).collect()).collect();
    let similarities = Similarities::from_rows(&rows)?;
    let pooled = Some(super::picture::cosine_of_means(&left, &right));
    Ok(GivenCase { pooled, ..GivenCase::of_matrix(similarities) })
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

/// Images of a `.npy` file: a row each, or in 3-D a row for each of its variants, the own
/// one first; float32 or float64, C order.
pub(super) fn from_npy(file: impl Read, side: Side) -> Result<Vec<Picture>, CaseError> {
    let unreadable = |source| CaseError::Npy { side, source };
    let array = NpyFile::new(file).map_err(unreadable)?;
    let dtype = array.dtype();
    let (order, shape) = (array.order(), array.shape().to_vec());
    let refused =
        || CaseError::Array { side, found: format!("{} {shape:?} in {order:?} order", dtype.descr()) };
    let (images, variants, dimensions) = match *shape.as_slice() {
        [images, dimensions] => (images, None, dimensions),
        [images, variants, dimensions] if variants > 0 => (images, Some(variants), dimensions),
        _ => return Err(refused()),
    };
    if order != Order::C {
        return Err(refused());
    }
    if images.saturating_mul(variants.unwrap_or(1)) > MAX_IMAGES as u64 {
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
    let rows = |values: &[f64]| values.chunks(dimensions as usize).map(<[f64]>::to_vec).collect();
    let image = |values: &[f64]| match variants {
        None => Picture::Own(values.to_vec()),
        Some(_) => Picture::Variants(rows(values)),
    };
    // At most MAX_IMAGES of them, unless there is no image at all.
    let of_an_image = (variants.unwrap_or(1) as usize).saturating_mul(dimensions as usize);
    Ok(values.chunks(of_an_image).map(image).collect())
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
