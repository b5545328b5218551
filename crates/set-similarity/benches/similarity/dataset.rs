//! Sets of images read from files, in every storage that is compared.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use half::f16;
use serde::Deserialize;
use set_similarity::{Article, Element, Image, ImageSet};

use crate::command::Storage;
use crate::plain::PlainSet;

/// The `.json` file. The `.vectors` file holds the vectors of all sets, set by set:
/// unit length, f32, little endian, without a header.
#[derive(Debug, Deserialize)]
struct Index {
    dimension: usize,
    /// Images of each set.
    sizes: Vec<usize>,
    lists: HashMap<String, Vec<List>>,
}

/// A query and its candidates, as places among the sets.
#[derive(Debug, Deserialize)]
pub(crate) struct List {
    pub(crate) query: usize,
    pub(crate) candidates: Vec<usize>,
}

/// All sets, in each storage that was asked for.
pub(crate) struct Dataset {
    pub(crate) names: Vec<String>,
    pub(crate) lists: HashMap<String, Vec<List>>,
    /// The list that comes next, for every way of timing.
    pub(crate) next: HashMap<String, usize>,
    /// Always there: queries are f32.
    pub(crate) singles: Vec<ImageSet<f32>>,
    pub(crate) halves: Vec<ImageSet<f16>>,
    pub(crate) plain: Vec<PlainSet>,
}

impl Dataset {
    pub(crate) fn load(path: &Path, storages: &[Storage]) -> io::Result<Self> {
        let index: Index = serde_json::from_reader(BufReader::new(File::open(path.with_extension("json"))?))?;
        let mut vectors = BufReader::with_capacity(1 << 20, File::open(path.with_extension("vectors"))?);
        let mut dataset = Self {
            names: (0..index.sizes.len()).map(|place| format!("{place:08}")).collect(),
            lists: index.lists,
            next: HashMap::new(),
            singles: Vec::with_capacity(index.sizes.len()),
            halves: Vec::new(),
            plain: Vec::new(),
        };
        let image_names: Vec<String> =
            (0..index.sizes.iter().copied().max().unwrap_or(0)).map(|place| format!("{place:02}")).collect();
        for size in index.sizes {
            let set = read_set(&mut vectors, size, index.dimension)?;
            let single = image_set(&set, index.dimension, &image_names)?;
            if storages.contains(&Storage::Half) {
                dataset.halves.push(single.to_half());
            }
            dataset.singles.push(single);
            if storages.contains(&Storage::Plain) {
                dataset.plain.push(set);
            }
        }
        Ok(dataset)
    }

    /// Bytes of the f32 sets.
    pub(crate) fn bytes(&self) -> usize {
        self.singles.iter().map(ImageSet::bytes).sum()
    }

    pub(crate) fn article<'a, E: Element>(&'a self, sets: &'a [ImageSet<E>], place: usize) -> Article<'a, E> {
        Article { id: &self.names[place], images: &sets[place], text: None }
    }
}

fn read_set(vectors: &mut impl Read, size: usize, dimension: usize) -> io::Result<PlainSet> {
    let mut bytes = vec![0; dimension * size_of::<f32>()];
    (0..size)
        .map(|_| {
            vectors.read_exact(&mut bytes)?;
            let (numbers, _) = bytes.as_chunks::<4>();
            Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
        })
        .collect()
}

fn image_set(set: &PlainSet, dimension: usize, names: &[String]) -> io::Result<ImageSet<f32>> {
    let vectors: Vec<[&[f32]; 1]> = set.iter().map(|vector| [vector.as_slice()]).collect();
    let images = names.iter().zip(&vectors).map(|(id, vectors)| Image { id, view: None, vectors });
    ImageSet::new(dimension, images).map(ImageSet::with_levels).map_err(io::Error::other)
}
