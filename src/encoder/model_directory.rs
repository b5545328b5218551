//! What a model directory holds: which networks, how pictures and texts are
//! prepared for them, and the fingerprint of all of it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::EncoderError;
use crate::imaging::Preprocessing;

/// Hexadecimal digits of a fingerprint: 64 bits, as collections are named by it.
const FINGERPRINT_DIGITS: usize = 16;

/// A model directory whose files were read, before any network is loaded.
#[derive(Debug)]
pub(super) struct ModelDirectory {
    pub(super) vision: PathBuf,
    pub(super) preprocessing: Preprocessing,
    pub(super) text: Option<TextFiles>,
    /// `projection_dim` of `config.json`, where it is given.
    pub(super) declared_dimension: Option<usize>,
    pub(super) fingerprint: String,
}

/// What the text network needs.
#[derive(Debug)]
pub(super) struct TextFiles {
    pub(super) model: PathBuf,
    /// The bytes of `tokenizer.json`.
    pub(super) tokenizer: Vec<u8>,
    /// Most tokens the network reads.
    pub(super) context_length: usize,
    /// Fills up shorter texts of a batch.
    pub(super) pad_id: Option<u32>,
}

impl ModelDirectory {
    /// Reads the directory.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming what is missing or not understood.
    pub(super) fn read(directory: &Path) -> Result<Self, EncoderError> {
        let wrong = |reason: &str| EncoderError::Directory {
            directory: directory.to_path_buf(),
            reason: reason.to_owned(),
        };
        if !directory.is_dir() {
            return Err(wrong("it does not exist or is not a directory"));
        }
        let vision = find(directory, &["vision_model.onnx", "model.onnx"])
            .ok_or_else(|| wrong("no vision_model.onnx or model.onnx, nor under onnx/"))?;
        let preprocessor = read(&directory.join("preprocessor_config.json"))?;
        let preprocessing = Preprocessing::from_json(&preprocessor)
            .map_err(|source| EncoderError::Preprocessing { directory: directory.to_path_buf(), source })?;
        let config_path = directory.join("config.json");
        let config = if config_path.exists() {
            serde_json::from_slice(&read(&config_path)?)
                .map_err(|error| wrong(&format!("config.json: {error}")))?
        } else {
            Value::Null
        };
        let text = match find(directory, &["text_model.onnx"]) {
            Some(model) => Some(TextFiles::read(directory, model, &config)?),
            None => None,
        };
        let fingerprint = fingerprint(&vision, &preprocessor, text.as_ref())?;
        Ok(Self {
            vision,
            preprocessing,
            text,
            declared_dimension: number(&config, &["/projection_dim"]),
            fingerprint,
        })
    }
}

impl TextFiles {
    fn read(directory: &Path, model: PathBuf, config: &Value) -> Result<Self, EncoderError> {
        let tokenizer = read(&directory.join("tokenizer.json"))?;
        let context_length =
            number(config, &["/text_config/max_position_embeddings", "/max_position_embeddings"])
                .ok_or_else(|| EncoderError::Directory {
                    directory: directory.to_path_buf(),
                    reason: "config.json gives no text_config.max_position_embeddings, the most tokens \
                     that the text network reads"
                        .to_owned(),
                })?;
        let pad_id = number(config, &["/text_config/pad_token_id", "/pad_token_id"]);
        Ok(Self { model, tokenizer, context_length, pad_id: pad_id.and_then(|id| u32::try_from(id).ok()) })
    }
}

/// The first of these files that exists, in the directory or in its `onnx/`.
fn find(directory: &Path, names: &[&str]) -> Option<PathBuf> {
    names
        .iter()
        .flat_map(|name| [directory.join(name), directory.join("onnx").join(name)])
        .find(|path| path.is_file())
}

/// The first of these JSON pointers that leads to a whole number.
fn number(config: &Value, pointers: &[&str]) -> Option<usize> {
    let found = pointers.iter().find_map(|at| config.pointer(at)?.as_u64())?;
    usize::try_from(found).ok()
}

fn read(path: &Path) -> Result<Vec<u8>, EncoderError> {
    fs::read(path).map_err(|source| EncoderError::File { path: path.to_path_buf(), source })
}

/// SHA-256 of everything that decides about a vector. Each part is hashed with
/// its length, so that no byte can wander from one part to the next. The rest
/// of `config.json` is left out: comments in it must not rename collections.
fn fingerprint(vision: &Path, preprocessor: &[u8], text: Option<&TextFiles>) -> Result<String, EncoderError> {
    let mut hash = Sha256::new();
    hash_model(&mut hash, vision)?;
    hash_part(&mut hash, preprocessor);
    if let Some(text) = text {
        hash_model(&mut hash, &text.model)?;
        hash_part(&mut hash, &text.tokenizer);
        let limits = format!("{} {:?}", text.context_length, text.pad_id);
        hash_part(&mut hash, limits.as_bytes());
    }
    let mut digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(FINGERPRINT_DIGITS);
    Ok(digits)
}

fn hash_part(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

/// Hashes a network and the files next to it that hold its weights, if the
/// network is too large for one file.
fn hash_model(hash: &mut Sha256, model: &Path) -> Result<(), EncoderError> {
    let mut weights = model.as_os_str().to_owned();
    weights.push("_data");
    let weights = [PathBuf::from(weights), model.with_extension("onnx.data")];
    for path in [model].into_iter().chain(weights.iter().map(PathBuf::as_path)) {
        if path.is_file() {
            hash_file(hash, path)
                .map_err(|source| EncoderError::File { path: path.to_path_buf(), source })?;
        }
    }
    Ok(())
}

fn hash_file(hash: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    hash.update(file.metadata()?.len().to_le_bytes());
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            length => hash.update(&chunk[..length]),
        }
    }
}

#[cfg(test)]
#[path = "model_directory_tests.rs"]
mod tests;
