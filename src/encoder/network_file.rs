//! The file of a network, or that part of it which is run.
//!
//! Guarantee: a network that is run as a whole is opened by ONNX Runtime itself. A part
//! is cut out in memory where a value inside is the output, or where one file holds the
//! image and the text network: what a tower does not need is neither loaded nor run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::EncoderError;
use super::onnx_file::OnnxFile;

/// ONNX Runtime's key for the folder of weights of a network that has no path.
const WEIGHTS_FOLDER: &str = "session.model_external_initializers_file_folder_path";
/// Values inside a network that a message proposes.
const PROPOSED: usize = 6;

/// A network that can be opened, again and again.
pub(super) struct NetworkFile {
    pub(super) path: PathBuf,
    /// Instead of the whole file.
    part: Option<Vec<u8>>,
}

/// Which output of a file is wanted.
pub(super) struct Wanted<'a> {
    /// `encoder.vision` or `encoder.text`, for messages.
    pub(super) section: &'static str,
    /// The output that the configuration names.
    pub(super) named: Option<&'a str>,
    /// Names to look for otherwise.
    pub(super) usual: &'static [&'static str],
    /// The file holds another network too.
    pub(super) joint: bool,
}

impl NetworkFile {
    /// Finds out which part of the file is needed.
    ///
    /// # Errors
    ///
    /// [`EncoderError::Model`] when it has no such output or value, or no output with a
    /// usual name in a joint file.
    pub(super) fn choose(path: &Path, wanted: &Wanted<'_>) -> Result<Self, EncoderError> {
        let whole = Self { path: path.to_path_buf(), part: None };
        if wanted.named.is_none() && !wanted.joint {
            return Ok(whole);
        }
        let wrong = |reason: String| EncoderError::Model { path: path.to_path_buf(), reason };
        let unreadable = |error| unreadable(path, error);
        let file = OnnxFile::open(path).map_err(unreadable)?;
        let (outputs, values) = (file.outputs().map_err(unreadable)?, file.values().map_err(unreadable)?);
        let section = wanted.section;
        let output = match wanted.named {
            Some(name) if outputs.iter().chain(&values).any(|known| known == name) => name,
            Some(name) => {
                return Err(wrong(format!(
                    "it has no output and computes no value {name} ({section}.output); {}",
                    proposal(&outputs, &values)
                )));
            }
            None => wanted.usual.iter().find(|name| outputs.iter().any(|known| known == *name)).ok_or_else(
                || {
                    wrong(format!(
                        "it takes images and texts, and none of its outputs is {}; name one with \
                         {section}.output: {}",
                        wanted.usual.join(" or "),
                        proposal(&outputs, &values)
                    ))
                },
            )?,
        };
        if !wanted.joint && outputs.iter().any(|declared| declared == output) {
            return Ok(whole);
        }
        let part = file.part(output).map_err(unreadable)?;
        Ok(Self { part: Some(part), ..whole })
    }

    /// Opens it in a session of its own.
    pub(super) fn commit(&self, builder: SessionBuilder) -> ort::Result<Session> {
        let mut builder = builder;
        let Some(part) = &self.part else {
            return builder.commit_from_file(&self.path);
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut builder = builder.with_config_entry(WEIGHTS_FOLDER, folder.to_string_lossy())?;
        builder.commit_from_memory(part)
    }

    /// What is run of it, as ONNX.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        self.part.clone().map_or_else(|| fs::read(&self.path), Ok)
    }

    /// An error about this network.
    pub(super) fn wrong(&self, reason: String) -> EncoderError {
        EncoderError::Model { path: self.path.clone(), reason }
    }

    /// An error about what this network takes or gives, with what it has inside.
    pub(super) fn refused(&self, reason: &str) -> EncoderError {
        let names = OnnxFile::open(&self.path).and_then(|file| Ok((file.outputs()?, file.values()?)));
        match names {
            Ok((outputs, values)) => self.wrong(format!("{reason}; {}", proposal(&outputs, &values))),
            Err(error) => unreadable(&self.path, error),
        }
    }
}

/// An error about a file that could not be read as ONNX.
pub(super) fn unreadable(path: &Path, source: io::Error) -> EncoderError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::InvalidData => {
            EncoderError::Model { path, reason: format!("it is not an ONNX network: {source}") }
        }
        _ => EncoderError::File { path, source },
    }
}

fn proposal(outputs: &[String], values: &[String]) -> String {
    let last = values.iter().rev().filter(|value| !outputs.contains(value)).take(PROPOSED);
    let mut inner: Vec<&str> = last.map(String::as_str).collect();
    inner.reverse();
    let inside = if inner.is_empty() {
        String::new()
    } else {
        format!("; the last values inside it are {}", inner.join(", "))
    };
    format!("its outputs are {}{inside}", outputs.join(", "))
}
