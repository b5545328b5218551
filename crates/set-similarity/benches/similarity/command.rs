//! What the executable can be asked.

use std::path::PathBuf;

use serde::Deserialize;
use set_similarity::{Matching, Method, Precision, Scorer};

/// A line of standard input.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command {
    /// Which kernel runs.
    About,
    /// Multiply-adds a second of one core.
    Peak {
        milliseconds: u64,
    },
    /// Bytes a second that one core reads from a buffer of `bytes`: one after the
    /// other, and in blocks of `block` bytes in random order.
    Bandwidth {
        bytes: usize,
        block: usize,
        milliseconds: u64,
    },
    /// Reads `path`.json and `path`.vectors.
    Load {
        name: String,
        path: PathBuf,
        storages: Vec<Storage>,
    },
    Drop {
        name: String,
    },
    /// One round: the next lists, until the time is over.
    Time {
        data: String,
        lists: String,
        way: Way,
        operation: Operation,
        milliseconds: u64,
    },
    /// The scores of the first list.
    Scores {
        data: String,
        lists: String,
        way: Way,
    },
    /// The k nearest of every article among all others.
    Neighbours {
        data: String,
        way: Way,
        k: usize,
    },
}

/// How the numbers of the candidates are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Storage {
    F32,
    Half,
    /// `Vec<Vec<f32>>` and three loops: what one writes without a library.
    Plain,
}

/// How pairs are scored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Way {
    pub(crate) method: Method,
    pub(crate) threshold: f64,
    pub(crate) storage: Storage,
    /// Sums in f64 instead of f32.
    pub(crate) double: bool,
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Every pair by itself.
    Pairs,
    /// The 10 best of a list, skipping what cannot be among them.
    TopK,
    /// The 10 best of a list, every pair scored.
    TopKOfAll,
}

impl Way {
    pub(crate) fn matching(&self) -> Matching {
        Matching { method: self.method, threshold: self.threshold, ..Matching::default() }
    }

    pub(crate) fn scorer(&self) -> Scorer {
        let precision = if self.double { Precision::Double } else { Precision::Single };
        Scorer::new(self.matching(), 0.0).with_precision(precision)
    }
}
