//! What a model directory holds: which networks, how pictures and texts are
//! prepared for them, and the fingerprint of all of it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::network_file::unreadable;
use super::onnx_file::OnnxFile;
use super::text_files::TextFiles;
use super::{EncoderError, EncoderSettings};
use crate::imaging::{self, Preprocessing};

/// Hexadecimal digits of a fingerprint: 64 bits, as collections are named by it.
const FINGERPRINT_DIGITS: usize = 16;

/// A model directory whose files were read, before any network is loaded.
#[derive(Debug)]
pub(super) struct ModelDirectory {
    pub(super) vision: PathBuf,
    pub(super) preprocessing: Preprocessing,
    pub(super) text: Option<TextFiles>,
    /// The file of the image network takes texts too.
    pub(super) joint: bool,
    /// `config.json` says that the image network was made to tell classes.
    pub(super) classifier: bool,
    /// `projection_dim` of `config.json`, where it is given.
    pub(super) declared_dimension: Option<usize>,
    pub(super) fingerprint: String,
}

impl ModelDirectory {
    /// Reads `settings.directory`.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming what is missing or not understood.
    pub(super) fn read(settings: &EncoderSettings) -> Result<Self, EncoderError> {
        let directory = settings.directory.as_path();
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
        let own = &settings.vision.resize_crop_pad;
        let preprocessing = Preprocessing::from_json_resized(&preprocessor, own)
            .map_err(|source| EncoderError::Preprocessing { directory: directory.to_path_buf(), source })?;
        let config = read_json(directory, "config.json")?;
        let outline = OnnxFile::open(&vision).map_err(|error| unreadable(&vision, error))?;
        let inputs = outline.inputs().map_err(|error| unreadable(&vision, error))?;
        let joint = is_joint(&inputs);
        let split = find(directory, &["text_model.onnx"]);
        let text = match split.or_else(|| joint.then(|| vision.clone())) {
            Some(model) => Some(TextFiles::read(directory, model, &config)?),
            None => None,
        };
        let mut read = Self {
            vision,
            preprocessing,
            text,
            joint,
            classifier: is_classifier(&config),
            declared_dimension: number(&config, &["/projection_dim"]),
            fingerprint: String::new(),
        };
        read.fingerprint = read.fingerprint(&preprocessor, settings)?;
        Ok(read)
    }

    /// SHA-256 of everything that decides about a vector. Each part is hashed with
    /// its length, so that no byte can wander from one part to the next. The rest
    /// of `config.json` is left out: comments in it must not rename collections.
    fn fingerprint(&self, preprocessor: &[u8], settings: &EncoderSettings) -> Result<String, EncoderError> {
        let mut hash = Sha256::new();
        hash_part(&mut hash, imaging::REVISION.as_bytes());
        hash_model(&mut hash, &self.vision)?;
        hash_part(&mut hash, preprocessor);
        if let Some(text) = &self.text {
            if text.model != self.vision {
                hash_model(&mut hash, &text.model)?;
            }
            hash_part(&mut hash, &text.tokenizer);
            let limits = format!("{} {:?}", text.context_length, text.pad_id);
            hash_part(&mut hash, limits.as_bytes());
            for decision in text.decisions().into_iter().chain(settings.text.decisions()) {
                hash_part(&mut hash, decision.as_bytes());
            }
        }
        for decision in settings.vision.decisions() {
            hash_part(&mut hash, decision.as_bytes());
        }
        let mut digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        digits.truncate(FINGERPRINT_DIGITS);
        Ok(digits)
    }
}

/// Inputs of a text network.
const TEXT_INPUTS: [&str; 4] = ["input_ids", "attention_mask", "token_type_ids", "position_ids"];

/// It takes images and texts.
fn is_joint(inputs: &[String]) -> bool {
    let is_text = |input: &&String| TEXT_INPUTS.contains(&input.as_str());
    inputs.iter().any(|input| input == "input_ids") && !inputs.iter().all(|input| is_text(&input))
}

/// Its last layer gives scores of classes.
fn is_classifier(config: &Value) -> bool {
    let architectures = config.get("architectures").and_then(Value::as_array);
    architectures
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|name| name.ends_with("ForImageClassification"))
}

/// The first of these files that exists, in the directory or in its `onnx/`.
fn find(directory: &Path, names: &[&str]) -> Option<PathBuf> {
    names
        .iter()
        .flat_map(|name| [directory.join(name), directory.join("onnx").join(name)])
        .find(|path| path.is_file())
}

/// The first of these JSON pointers that leads to a whole number.
pub(super) fn number(config: &Value, pointers: &[&str]) -> Option<usize> {
    let found = pointers.iter().find_map(|at| config.pointer(at)?.as_u64())?;
    usize::try_from(found).ok()
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, EncoderError> {
    fs::read(path).map_err(|source| EncoderError::File { path: path.to_path_buf(), source })
}

/// A file of settings; null where there is none.
pub(super) fn read_json(directory: &Path, name: &str) -> Result<Value, EncoderError> {
    let path = directory.join(name);
    if !path.exists() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&read(&path)?).map_err(|error| EncoderError::Directory {
        directory: directory.to_path_buf(),
        reason: format!("{name}: {error}"),
    })
}

fn hash_part(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

/// Hashes a network and the files next to it that hold its weights, if the
/// network is too large for one file.
fn hash_model(hash: &mut Sha256, model: &Path) -> Result<(), EncoderError> {
    let mut usual = model.as_os_str().to_owned();
    usual.push("_data");
    let mut paths = vec![model.to_path_buf(), PathBuf::from(usual), model.with_extension("onnx.data")];
    let outline = OnnxFile::open(model).and_then(|file| file.weight_files());
    for named in outline.map_err(|error| unreadable(model, error))? {
        let path = model.with_file_name(named);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    for path in paths.iter().filter(|path| path.is_file()) {
        hash_file(hash, path).map_err(|source| EncoderError::File { path: path.clone(), source })?;
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
