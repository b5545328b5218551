//! Loads ONNX Runtime, once a process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::EncoderError;

/// Where `make onnxruntime` puts the library.
const DEFAULT: &str = ".cache/onnxruntime/libonnxruntime.so";

/// The library and its environment. Kept for the life of the process: ONNX
/// Runtime cannot be unloaded.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The environment of the library at `setting`, or at the default place.
///
/// # Errors
///
/// [`EncoderError`] when the file is missing, is not ONNX Runtime, is too old,
/// or when another library was loaded before.
pub(super) fn load(setting: Option<&Path>) -> Result<Environment, EncoderError> {
    let asked = setting.unwrap_or(Path::new(DEFAULT));
    let asked =
        asked.canonicalize().map_err(|_| EncoderError::LibraryMissing { path: asked.to_path_buf() })?;
    // Nothing panics while it is held, and its content is whole at any time.
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((path, environment)) = loaded.as_ref() {
        return if *path == asked {
            Ok(environment.clone())
        } else {
            Err(EncoderError::LibraryLoaded { loaded: path.clone(), asked })
        };
    }
    let unusable = |reason: String| EncoderError::LibraryUnusable { path: asked.clone(), reason };
    let environment = ort::init_from(&asked)
        .map_err(|error| unusable(error.to_string()))?
        .with_name("lookalike")
        .with_logger(Arc::new(log))
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    tracing::info!(path = %asked.display(), build = ort::info(), "onnx runtime loaded");
    *loaded = Some((asked, environment.clone()));
    Ok(environment)
}

/// ONNX Runtime's own log lines, which would go to standard error otherwise.
fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => {
            tracing::debug!(category, location, message, "onnx runtime");
        }
        LogLevel::Warning => tracing::warn!(category, location, message, "onnx runtime"),
        LogLevel::Error | LogLevel::Fatal => {
            tracing::error!(category, location, message, "onnx runtime");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_says_what_to_do() {
        let message = load(Some(Path::new("/no/libonnxruntime.so"))).unwrap_err().to_string();
        for part in ["/no/libonnxruntime.so", "make onnxruntime", "encoder.library"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn another_file_is_no_library() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "not a shared library").unwrap();
        let error = load(Some(file.path())).unwrap_err();
        assert!(matches!(error, EncoderError::LibraryUnusable { .. }), "{error}");
        assert!(error.to_string().contains("make onnxruntime"), "{error}");
    }
}
