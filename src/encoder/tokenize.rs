//! Text to token ids.

use tokenizers::{Tokenizer, TruncationParams};

use super::EncoderError;
use super::model_directory::TextFiles;

/// Longest text that is looked at, in characters for each token of the context:
/// more than any vocabulary's longest token. Bounds the time for a huge text.
const CHARACTERS_PER_TOKEN: usize = 64;
/// Shortest usable context, in tokens; leaves room for a tokenizer's own marks.
const MIN_CONTEXT_LENGTH: usize = 8;

/// The tokens of one text; both lists are equally long, at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) ids: Vec<i64>,
    /// 1 for a token, 0 for padding that the tokenizer added.
    pub(super) mask: Vec<i64>,
}

/// Cuts text into at most `context_length` tokens.
pub(super) struct TextTokenizer {
    tokenizer: Tokenizer,
    max_characters: usize,
    pad_id: Option<u32>,
}

impl TextTokenizer {
    pub(super) fn new(files: &TextFiles) -> Result<Self, EncoderError> {
        let wrong = |reason: String| EncoderError::Tokens { reason: format!("tokenizer.json: {reason}") };
        if files.context_length < MIN_CONTEXT_LENGTH {
            return Err(wrong(format!(
                "a context of {} tokens is too short, at least {MIN_CONTEXT_LENGTH} are needed",
                files.context_length
            )));
        }
        let mut tokenizer =
            Tokenizer::from_bytes(&files.tokenizer).map_err(|error| wrong(error.to_string()))?;
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: files.context_length,
                ..TruncationParams::default()
            }))
            .map_err(|error| wrong(error.to_string()))?;
        let own = tokenizer.get_padding().map(|padding| padding.pad_id);
        Ok(Self {
            tokenizer,
            max_characters: files.context_length.saturating_mul(CHARACTERS_PER_TOKEN),
            pad_id: own.or(files.pad_id),
        })
    }

    /// The id that fills up shorter texts of a batch, where it is known.
    pub(super) fn pad_id(&self) -> Option<u32> {
        self.pad_id
    }

    /// The tokens of a text. What is beyond the context is cut off.
    pub(super) fn tokens(&self, text: &str) -> Result<Tokens, EncoderError> {
        let end = text.char_indices().nth(self.max_characters);
        let text = end.map_or(text, |(at, _)| &text[..at]);
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| EncoderError::Tokens { reason: error.to_string() })?;
        let list = |values: &[u32]| values.iter().copied().map(i64::from).collect();
        let tokens = Tokens { ids: list(encoding.get_ids()), mask: list(encoding.get_attention_mask()) };
        if tokens.ids.is_empty() {
            return Err(EncoderError::Tokens { reason: "it has no tokens".to_owned() });
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::model_directory::ModelDirectory;
    use super::*;

    fn demo() -> TextTokenizer {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo-encoder");
        let files = ModelDirectory::read(Path::new(path)).unwrap().text.unwrap();
        TextTokenizer::new(&files).unwrap()
    }

    #[test]
    fn the_demo_tokenizer_gives_lower_case_bytes() {
        let tokens = demo().tokens("Boot é\u{FB01}").unwrap();
        let expected: Vec<i64> = " boot éfi".bytes().map(i64::from).collect();
        assert_eq!(tokens.ids, expected);
        assert_eq!(tokens.mask, vec![1; expected.len()]);
        assert_eq!(demo().pad_id(), Some(256));
    }

    #[test]
    fn long_texts_are_cut_at_the_context() {
        let tokenizer = demo();
        let long = tokenizer.tokens(&"größer ".repeat(1_000_000)).unwrap();
        assert_eq!(long.ids.len(), 256);
        assert_eq!(long, tokenizer.tokens(&"größer ".repeat(60)).unwrap());
    }

    #[test]
    fn an_empty_text_without_marks_has_no_tokens() {
        let message = demo().tokens("").unwrap_err().to_string();
        assert!(message.contains("no tokens"), "{message}");
    }
}
