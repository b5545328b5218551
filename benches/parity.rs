//! What this project makes of a file or a text, for `tools/parity` to hold against Python's libraries.
//!
//! Driven line by line: a command as JSON on standard input, its answer as JSON on
//! standard output. Pixels go into files, as bytes.

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use lookalike::encoder::TextTokenizer;
use lookalike::imaging::{ImageLimits, Preprocessing, decode};
use serde::Deserialize;
use serde_json::{Value, json};

/// Whatever went wrong; the driver ends with it.
type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// Decodes a file into `decoded` (rows of red, green, blue), and prepares it
    /// into `prepared` (all red levels, then green, then blue). The preprocessor
    /// must give levels: neither rescale nor normalise.
    Pixels { file: PathBuf, preprocessor: Value, decoded: PathBuf, prepared: PathBuf },
    /// The ids of texts.
    Tokens { tokenizer: PathBuf, context_length: usize, texts: Vec<String> },
}

fn main() -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?)
            .map_err(Failure::from)
            .and_then(|command| answer(&command))
            .unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(command: &Command) -> Result<Value, Failure> {
    match command {
        Command::Pixels { file, preprocessor, decoded, prepared } => {
            pixels(file, preprocessor, decoded, prepared)
        }
        Command::Tokens { tokenizer, context_length, texts } => tokens(tokenizer, *context_length, texts),
    }
}

fn pixels(file: &Path, preprocessor: &Value, decoded: &Path, prepared: &Path) -> Result<Value, Failure> {
    let image = decode(&fs::read(file)?, &ImageLimits::default())?;
    fs::write(decoded, image.pixels())?;
    let tensor = Preprocessing::from_json(preprocessor.to_string().as_bytes())?.apply(&image);
    let levels: Option<Vec<u8>> = tensor.values().iter().map(|value| level(*value)).collect();
    fs::write(prepared, levels.ok_or("the preprocessor must neither rescale nor normalise")?)?;
    Ok(json!({
        "decoded": [image.height(), image.width()],
        "prepared": [tensor.height(), tensor.width()],
    }))
}

/// A whole number from 0 to 255.
fn level(value: f32) -> Option<u8> {
    (value.fract() == 0.0 && (0.0..=255.0).contains(&value)).then_some(value as u8)
}

fn tokens(tokenizer: &Path, context_length: usize, texts: &[String]) -> Result<Value, Failure> {
    let tokenizer = TextTokenizer::from_json(&fs::read(tokenizer)?, context_length)?;
    let ids = texts.iter().map(|text| Ok(tokenizer.tokens(text)?.ids));
    Ok(json!({"ids": ids.collect::<Result<Vec<_>, Failure>>()?}))
}
