//! What the executable can be asked.

use std::path::PathBuf;

use lookalike::encoder::EncoderSettings;
use serde::Deserialize;

/// A line of standard input.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command {
    /// An encoder in place of the one before, and the pictures' files into memory.
    Load { settings: Box<EncoderSettings>, files: Vec<PathBuf> },
    /// So many pictures, files taken in turn, to their vectors; `in_flight` of them under
    /// way at a time.
    Run { images: usize, in_flight: usize },
    /// The vectors of the first files.
    Vectors { count: usize },
    /// Files in turn on one thread, until it has run that long on its processor.
    Time { part: Part, milliseconds: u64 },
    /// So many pictures decoded and prepared, by so many threads at once.
    Prepare { images: usize, threads: usize },
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// To RGB8 pixels.
    Decode,
    /// To the numbers that the network reads: decoded, resized, cut, normalised.
    All,
}
