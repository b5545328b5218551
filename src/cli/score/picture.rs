//! One image of a case: a vector, or several of its variants.
//!
//! Guarantee: cosines are computed in f64 from the numbers as given.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use set_similarity::SHORTEST_MEAN;

/// `[numbers]`, or `[[numbers], …]`: the image's own vector, then those of its variants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Picture {
    Own(Vec<f64>),
    /// At least one.
    Variants(Vec<Vec<f64>>),
}

impl Picture {
    /// The image's own vector.
    pub(super) fn own(&self) -> &[f64] {
        &self.vectors()[0]
    }

    fn vectors(&self) -> &[Vec<f64>] {
        match self {
            Self::Own(vector) => std::slice::from_ref(vector),
            Self::Variants(vectors) => vectors,
        }
    }

    /// All its vectors, at least one.
    pub(super) fn vectors_mut(&mut self) -> &mut [Vec<f64>] {
        match self {
            Self::Own(vector) => std::slice::from_mut(vector),
            Self::Variants(vectors) => vectors,
        }
    }

    /// Largest cosine of a variant of one to a variant of the other, all of unit length.
    pub(super) fn closest(&self, other: &Self) -> f64 {
        let all = self.vectors().iter().flat_map(|a| other.vectors().iter().map(move |b| dot(a, b)));
        all.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Cosine of the means of the images' own vectors; `None` when a side has none or they
/// cancel out.
pub(super) fn cosine_of_means(left: &[Picture], right: &[Picture]) -> Option<f64> {
    let (left, right) = (mean(left)?, mean(right)?);
    let lengths = (dot(&left, &left).sqrt(), dot(&right, &right).sqrt());
    let have_direction = lengths.0.min(lengths.1) >= SHORTEST_MEAN;
    have_direction.then(|| dot(&left, &right) / (lengths.0 * lengths.1))
}

fn mean(pictures: &[Picture]) -> Option<Vec<f64>> {
    let mut sums = pictures.first()?.own().to_vec();
    for picture in &pictures[1..] {
        sums.iter_mut().zip(picture.own()).for_each(|(sum, number)| *sum += number);
    }
    sums.iter_mut().for_each(|sum| *sum /= pictures.len() as f64);
    Some(sums)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl<'de> Deserialize<'de> for Picture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PictureVisitor)
    }
}

struct PictureVisitor;

impl<'de> Visitor<'de> for PictureVisitor {
    type Value = Picture;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an image: a list of numbers, or a list of such lists")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Picture, A::Error> {
        let (mut numbers, mut vectors) = (Vec::new(), Vec::new());
        while let Some(item) = items.next_element()? {
            match item {
                Item::Number(number) => numbers.push(number),
                Item::Vector(vector) => vectors.push(vector),
            }
        }
        match (numbers.is_empty(), vectors.is_empty()) {
            (_, true) => Ok(Picture::Own(numbers)),
            (true, false) => Ok(Picture::Variants(vectors)),
            (false, false) => Err(A::Error::custom("an image mixes numbers and lists")),
        }
    }
}

/// A number, or the vector of a variant.
enum Item {
    Number(f64),
    Vector(Vec<f64>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a list of numbers")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Item, E> {
        Ok(Item::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Item, E> {
        Ok(Item::Number(number as f64))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Item, E> {
        Ok(Item::Number(number as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let mut vector = Vec::new();
        while let Some(number) = items.next_element()? {
            vector.push(number);
        }
        Ok(Item::Vector(vector))
    }
}
