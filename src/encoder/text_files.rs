//! What the files of a model directory say about texts.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::EncoderError;
use super::model_directory::{number, read, read_json};

/// What the text network needs.
#[derive(Debug)]
pub(super) struct TextFiles {
    pub(super) model: PathBuf,
    /// The bytes of `tokenizer.json`.
    pub(super) tokenizer: Vec<u8>,
    /// Most tokens the network reads.
    pub(super) context_length: usize,
    /// The token that fills up shorter texts, by `tokenizer_config.json`.
    pub(super) pad_token: Option<String>,
    /// Its number, by `config.json`. `tokenizer.json` comes first, then `pad_token`.
    pub(super) pad_id: Option<u32>,
    /// `model_type` of the text network, by `config.json`.
    pub(super) model_type: String,
}

impl TextFiles {
    pub(super) fn read(directory: &Path, model: PathBuf, config: &Value) -> Result<Self, EncoderError> {
        let wrong = |reason: &str| EncoderError::Directory {
            directory: directory.to_path_buf(),
            reason: reason.to_owned(),
        };
        let tokenizer = read(&directory.join("tokenizer.json"))?;
        let own = read_json(directory, "tokenizer_config.json")?;
        if own.pointer("/padding_side").and_then(Value::as_str) == Some("left") {
            return Err(wrong(
                "tokenizer_config.json pads texts on the left (padding_side), which is not supported",
            ));
        }
        let by_config = number(config, &["/text_config/max_position_embeddings", "/max_position_embeddings"]);
        // Hugging Face writes 10³⁰ for "no limit", which is no whole number here.
        let by_tokenizer = number(&own, &["/model_max_length"]);
        let context_length = by_config.into_iter().chain(by_tokenizer).min().ok_or_else(|| {
            wrong(
                "neither config.json (text_config.max_position_embeddings) nor tokenizer_config.json \
                 (model_max_length) says how many tokens the text network reads",
            )
        })?;
        let pad_id = number(config, &["/text_config/pad_token_id", "/pad_token_id"]);
        // A plain string, or an object that says how the token is matched.
        let pad_token = own.pointer("/pad_token/content").or_else(|| own.get("pad_token"));
        let model_type = ["/text_config/model_type", "/model_type"]
            .iter()
            .find_map(|at| config.pointer(at)?.as_str())
            .unwrap_or_default();
        Ok(Self {
            model,
            tokenizer,
            context_length,
            pad_token: pad_token.and_then(Value::as_str).map(str::to_owned),
            pad_id: pad_id.and_then(|id| u32::try_from(id).ok()),
            model_type: model_type.to_owned(),
        })
    }

    /// SigLIP was trained on texts padded to the full context, without a mask.
    pub(super) fn reads_padding(&self) -> bool {
        self.model_type.starts_with("siglip")
    }

    /// What decides about vectors beside the network, the tokenizer, the context and the
    /// number of padding; in words that stay the same between releases.
    pub(super) fn decisions(&self) -> Vec<String> {
        let pad_token = self.pad_token.iter().map(|token| format!("pad_token {token}"));
        let padding = self.reads_padding().then(|| "reads padding".to_owned());
        pad_token.chain(padding).collect()
    }
}
