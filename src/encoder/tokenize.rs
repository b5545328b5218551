//! Text to token ids.

use tokenizers::{Tokenizer, TruncationParams};

use super::EncoderError;

/// Longest text that is looked at, in visible characters for each token of the
/// context: more than any vocabulary's longest token. Bounds the time for a huge text.
const CHARACTERS_PER_TOKEN: usize = 64;
/// Shortest usable context, in tokens; leaves room for a tokenizer's own marks.
const MIN_CONTEXT_LENGTH: usize = 8;

/// The tokens of one text; both lists are equally long, at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// As the vocabulary numbers them.
    pub ids: Vec<i64>,
    /// 1 for a token, 0 for padding that the tokenizer added.
    pub mask: Vec<i64>,
}

/// Cuts text into at most as many tokens as the network reads, by the rules of a
/// `tokenizer.json`. Its closing token stays the last one of a text that is cut.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    max_characters: usize,
    pad_id: Option<u32>,
}

impl TextTokenizer {
    /// Reads the bytes of a `tokenizer.json`. `pad_id` fills up where that
    /// file names no padding.
    ///
    /// # Errors
    ///
    /// [`EncoderError::Tokens`] when the file cannot be followed or the context
    /// is too short.
    pub fn new(json: &[u8], context_length: usize, pad_id: Option<u32>) -> Result<Self, EncoderError> {
        let wrong = |reason: String| EncoderError::Tokens { reason: format!("tokenizer.json: {reason}") };
        if context_length < MIN_CONTEXT_LENGTH {
            return Err(wrong(format!(
                "a context of {context_length} tokens is too short, at least {MIN_CONTEXT_LENGTH} are needed"
            )));
        }
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| wrong(error.to_string()))?;
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: context_length,
                ..TruncationParams::default()
            }))
            .map_err(|error| wrong(error.to_string()))?;
        let own = tokenizer.get_padding().map(|padding| padding.pad_id);
        Ok(Self {
            tokenizer,
            max_characters: context_length.saturating_mul(CHARACTERS_PER_TOKEN),
            pad_id: own.or(pad_id),
        })
    }

    /// The id that fills up shorter texts of a batch, where it is known.
    pub(super) fn pad_id(&self) -> Option<u32> {
        self.pad_id
    }

    /// The tokens of a text. What is beyond the context is cut off.
    ///
    /// # Errors
    ///
    /// [`EncoderError::Tokens`] when nothing is left of the text.
    pub fn tokens(&self, text: &str) -> Result<Tokens, EncoderError> {
        // Tokenizers drop spaces and control characters, however many there are.
        let visible = |(_, one): &(usize, char)| !one.is_whitespace() && !one.is_control();
        let end = text.char_indices().filter(visible).nth(self.max_characters);
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
        TextTokenizer::new(&files.tokenizer, files.context_length, files.pad_id).unwrap()
    }

    /// Texts and the ids that Hugging Face's tokenizer gives them, from a
    /// vocabulary cut down to 300 merges (`tools/parity/fixtures.py`).
    #[test]
    fn ids_are_those_of_the_clip_tokenizer() {
        #[derive(serde::Deserialize)]
        struct Golden {
            context_length: usize,
            end: i64,
            texts: Vec<(String, Vec<i64>)>,
        }
        let golden: Golden =
            serde_json::from_str(include_str!("../../tests/fixtures/tokens/golden.json")).unwrap();
        let json = include_bytes!("../../tests/fixtures/tokens/tokenizer.json");
        let tokenizer = TextTokenizer::new(json, golden.context_length, None).unwrap();
        let mut cut = 0;
        for (text, expected) in &golden.texts {
            let tokens = tokenizer.tokens(text).unwrap();
            assert_eq!(&tokens.ids, expected, "{text:?}");
            assert_eq!(tokens.ids.last(), Some(&golden.end), "{text:?}");
            cut += usize::from(tokens.ids.len() == golden.context_length);
        }
        assert!(cut >= 3, "{cut} texts are longer than the context");
    }

    #[test]
    fn a_word_behind_many_spaces_is_seen() {
        let json = include_bytes!("../../tests/fixtures/tokens/tokenizer.json");
        let tokenizer = TextTokenizer::new(json, 16, None).unwrap();
        let far = format!("red{}mug", " \n".repeat(100_000));
        assert_eq!(tokenizer.tokens(&far).unwrap(), tokenizer.tokens("red mug").unwrap());
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
