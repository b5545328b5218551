//! `lookalike embed`: images and texts to embeddings, in input order.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{ArgMatches, Args};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use npyz::WriterBuilder as _;

use super::log_warnings;
use crate::app::AppError;
use crate::config::Config;
use crate::domain::embedding::ImageEmbedding;
use crate::encoder::{Encoder, EncoderSettings};

/// Inputs under way at the same time: enough to fill batches.
const INPUTS_AT_ONCE: usize = 32;
/// Exit code for bad input data (`EX_DATAERR` of sysexits.h).
const BAD_DATA: u8 = 65;
/// Exit code for arguments that do not go together, as of the parser of the command line.
const WRONG_USAGE: u8 = 2;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookalike embed front.jpg back.jpg --out mug.npy
  lookalike embed --encoder models/clip-vit-b32 --text 'red mug' --text 'blue mug' --out texts.npy
  lookalike embed -c lookalike.yaml front.jpg --out mug.npy      # as the worker embeds

The result is one f32 row of unit length an input, in the order given. With
encoder.vision.augmentations in the configuration it is a matrix an image: its own row, then those
of its variants; `lookalike score` takes both.

Exit codes: 0; 2 for texts with augmentations; 65 when an input could not be embedded.")]
pub(super) struct EmbedArguments {
    /// Model directory [default: that of the configuration, assets/demo-encoder without one]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
    /// Configuration file of a worker, whose encoder section is used
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// ONNX Runtime's shared library, where the configuration names none [default: ORT_DYLIB_PATH,
    /// then .cache/onnxruntime]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    library: Option<PathBuf>,
    /// A text; may be given many times, between images as well
    #[arg(long = "text", value_name = "TEXT")]
    texts: Vec<String>,
    /// Image files
    #[arg(value_name = "IMAGE", required_unless_present = "texts")]
    images: Vec<PathBuf>,
    /// Where the vectors go, as a NumPy file
    #[arg(long, value_name = "FILE.npy")]
    out: PathBuf,
}

/// One thing to embed.
#[derive(Debug, Clone, PartialEq)]
enum Input {
    Image(PathBuf),
    Text(String),
}

pub(super) async fn run(arguments: &EmbedArguments, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    log_warnings()?;
    let settings = arguments.settings()?;
    if settings.has_variants() && !arguments.texts.is_empty() {
        eprintln!("lookalike: texts have no variants: embed them in a call of their own, without images");
        return Ok(ExitCode::from(WRONG_USAGE));
    }
    let loaded = tokio::task::spawn_blocking(move || Encoder::load(&settings)).await?;
    let encoder = loaded.map_err(AppError::from)?;
    let inputs = in_order(arguments, matches);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} inputs  {eta} left")?;
    let progress = ProgressBar::new(inputs.len() as u64).with_style(style);
    let embedding: Vec<_> = inputs.into_iter().map(|input| embed(&encoder, input, &progress)).collect();
    let embedded =
        stream::iter(embedding).buffered(INPUTS_AT_ONCE).try_collect::<Vec<ImageEmbedding>>().await;
    progress.finish_and_clear();
    match embedded {
        Ok(embeddings) => write(&arguments.out, &encoder, &embeddings)?,
        Err(error) => {
            eprintln!("lookalike: {error:#}; nothing was written");
            return Ok(ExitCode::from(BAD_DATA));
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl EmbedArguments {
    fn settings(&self) -> Result<EncoderSettings, AppError> {
        let mut settings = match &self.config {
            Some(path) => Config::load(Some(path))?.encoder,
            None => EncoderSettings::default(),
        };
        if let Some(directory) = &self.encoder {
            settings.directory.clone_from(directory);
        }
        Ok(settings.or_library(self.library.clone()))
    }
}

/// Images and texts as they stood on the command line.
fn in_order(arguments: &EmbedArguments, matches: &ArgMatches) -> Vec<Input> {
    let places = |name| matches.indices_of(name).into_iter().flatten();
    let images = places("images").zip(arguments.images.iter().cloned().map(Input::Image));
    let texts = places("texts").zip(arguments.texts.iter().cloned().map(Input::Text));
    let mut inputs: Vec<_> = images.chain(texts).collect();
    inputs.sort_by_key(|(place, _)| *place);
    inputs.into_iter().map(|(_, input)| input).collect()
}

async fn embed(encoder: &Encoder, input: Input, progress: &ProgressBar) -> anyhow::Result<ImageEmbedding> {
    let embedding = match input {
        Input::Text(text) => {
            encoder.embed_text(&text).await.with_context(|| format!("text {text:?}"))?.into()
        }
        Input::Image(path) => {
            let (reader, file) = (encoder.clone(), path.clone());
            let image = tokio::task::spawn_blocking(move || {
                let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
                reader.preprocess(&bytes).map_err(|error| anyhow!("{}: {error}", file.display()))
            });
            encoder.embed_image(image.await??).await.with_context(|| path.display().to_string())?
        }
    };
    progress.inc(1);
    Ok(embedding)
}

fn write(path: &Path, encoder: &Encoder, embeddings: &[ImageEmbedding]) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let (inputs, dimension) = (embeddings.len() as u64, encoder.dimension() as u64);
    let shape = match encoder.augmentations().len() as u64 {
        0 => vec![inputs, dimension],
        variants => vec![inputs, 1 + variants, dimension],
    };
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(&shape).writer(BufWriter::new(file)).begin_nd()?;
    for embedding in embeddings.iter().flat_map(ImageEmbedding::all) {
        writer.extend(embedding.as_slice().iter().copied())?;
    }
    Ok(writer.finish()?)
}
