//! What the executable can be asked.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::hot::HotLoad;

/// A line of standard input.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command {
    /// Servers, a catalogue with its lists, and the worker.
    Start {
        articles: usize,
        /// One more article, which is in the list of every other.
        #[serde(default)]
        hub: bool,
        seed: u64,
        folder: PathBuf,
        /// Of a Qdrant server; the embedded one without it.
        qdrant_url: Option<String>,
        /// Begins the names of the collections.
        prefix: String,
        /// Over the benchmark's configuration of the worker.
        #[serde(default)]
        settings: Value,
    },
    /// Events as fast as they are taken, so many without their own list at a time.
    Churn { events: usize, in_flight: usize },
    /// Events at a rate a second.
    Steady { events: usize, rate: f64 },
    /// Events that are all written before the worker is told of the first.
    Prepared { events: usize },
    /// The candidate searches alone.
    Searches { milliseconds: u64 },
    /// Every affected list searched again, by this program instead of the worker, which
    /// ends.
    SearchAgain { milliseconds: u64 },
    /// Writes all vectors, and the lists of a sample of articles.
    Lists { path: PathBuf, sample: usize },
    /// Deletes the hub while other articles change at a rate a second.
    FanOut { rate: f64, seconds: f64 },
    /// A run of its own: every event at one article, among those of others.
    Hot {
        folder: PathBuf,
        qdrant_url: Option<String>,
        prefix: String,
        #[serde(flatten)]
        load: HotLoad,
    },
    /// Ends everything.
    Stop,
}
