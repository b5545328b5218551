//! Text to token ids.

use tokenizers::{PaddingDirection, Tokenizer, TruncationParams};

use super::text_files::TextFiles;
use super::{EncoderError, TextSettings};

/// Longest text that is looked at, in visible characters for each token of the
/// context: more than any vocabulary's longest token. Bounds the time for a huge text.
const CHARACTERS_PER_TOKEN: usize = 64;
/// Shortest usable context, in tokens; leaves room for a tokenizer's own marks.
const MIN_CONTEXT_LENGTH: usize = 8;

/// The tokens of one text, at least 1; padding is the network's matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// As the vocabulary numbers them.
    pub ids: Vec<i64>,
}

/// Puts a text into the prompt and cuts that into at most as many tokens as the network
/// reads, by the rules of a `tokenizer.json`. Its closing token stays the last one of a
/// text that is cut.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    context_length: usize,
    pad_id: Option<u32>,
    before: String,
    after: String,
}

impl TextTokenizer {
    /// `fixed` is the only length that the network takes, where there is one.
    pub(super) fn new(
        files: &TextFiles,
        settings: &TextSettings,
        fixed: Option<usize>,
    ) -> Result<Self, EncoderError> {
        let context_length = fixed.map_or(files.context_length, |fixed| fixed.min(files.context_length));
        let mut own = Self::from_json(&files.tokenizer, context_length)?;
        let named = files.pad_token.as_deref().and_then(|token| own.tokenizer.token_to_id(token));
        own.pad_id = own.pad_id.or(named).or(files.pad_id);
        let (before, after) = settings.around();
        (own.before, own.after) = (before.to_owned(), after.to_owned());
        Ok(own)
    }

    /// Reads the bytes of a `tokenizer.json`; without a prompt.
    ///
    /// # Errors
    ///
    /// [`EncoderError::Tokens`] when the file cannot be followed or the context
    /// is too short.
    pub fn from_json(json: &[u8], context_length: usize) -> Result<Self, EncoderError> {
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
        let padding = tokenizer.get_padding();
        if padding.is_some_and(|padding| matches!(padding.direction, PaddingDirection::Left)) {
            return Err(wrong("it pads texts on the left, which is not supported".to_owned()));
        }
        let pad_id = padding.map(|padding| padding.pad_id);
        tokenizer.with_padding(None);
        Ok(Self { tokenizer, context_length, pad_id, before: String::new(), after: String::new() })
    }

    /// The id that fills up shorter texts, where it is known.
    pub(super) fn pad_id(&self) -> Option<u32> {
        self.pad_id
    }

    /// Most tokens of a text.
    pub(super) fn context_length(&self) -> usize {
        self.context_length
    }

    /// The tokens of a text in the prompt. What is beyond the context is cut off.
    ///
    /// # Errors
    ///
    /// [`EncoderError::Tokens`] when nothing is left of the text.
    pub fn tokens(&self, text: &str) -> Result<Tokens, EncoderError> {
        // Tokenizers drop spaces and control characters, however many there are.
        let visible = |(_, one): &(usize, char)| !one.is_whitespace() && !one.is_control();
        let most = self.context_length.saturating_mul(CHARACTERS_PER_TOKEN);
        let end = text.char_indices().filter(visible).nth(most);
        let text = end.map_or(text, |(at, _)| &text[..at]);
        let text = [&self.before, text, &self.after].concat();
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| EncoderError::Tokens { reason: error.to_string() })?;
        let ids: Vec<i64> = encoding.get_ids().iter().copied().map(i64::from).collect();
        if ids.is_empty() {
            return Err(EncoderError::Tokens { reason: "it has no tokens".to_owned() });
        }
        Ok(Tokens { ids })
    }
}

#[cfg(test)]
mod tests {
    use super::super::EncoderSettings;
    use super::super::model_directory::ModelDirectory;
    use super::*;

    fn demo_with(prompt: &str, fixed: Option<usize>) -> TextTokenizer {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo-encoder");
        let settings = EncoderSettings { directory: path.into(), ..EncoderSettings::default() };
        let files = ModelDirectory::read(&settings).unwrap().text.unwrap();
        let prompt = TextSettings { prompt: prompt.to_owned(), ..TextSettings::default() };
        TextTokenizer::new(&files, &prompt, fixed).unwrap()
    }

    fn demo() -> TextTokenizer {
        demo_with("{text}", None)
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
        let tokenizer = TextTokenizer::from_json(json, golden.context_length).unwrap();
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
        let tokenizer = TextTokenizer::from_json(json, 16).unwrap();
        let far = format!("red{}mug", " \n".repeat(100_000));
        assert_eq!(tokenizer.tokens(&far).unwrap(), tokenizer.tokens("red mug").unwrap());
    }

    #[test]
    fn the_demo_tokenizer_gives_lower_case_bytes() {
        let tokens = demo().tokens("Boot é\u{FB01}").unwrap();
        let expected: Vec<i64> = " boot éfi".bytes().map(i64::from).collect();
        assert_eq!(tokens.ids, expected);
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
    fn the_prompt_stands_around_the_text() {
        let tokens = demo_with("a photo of {text}.", None).tokens("boot").unwrap();
        assert_eq!(tokens, demo().tokens("a photo of boot.").unwrap());
        let cut = demo_with("{text}.", Some(10)).tokens("ankle boots").unwrap();
        let expected: Vec<i64> = " ankle boo".bytes().map(i64::from).collect();
        assert_eq!(cut.ids, expected, "the end of the prompt is cut off with the text");
    }

    #[test]
    fn an_empty_text_without_marks_has_no_tokens() {
        let message = demo().tokens("").unwrap_err().to_string();
        assert!(message.contains("no tokens"), "{message}");
    }
}
