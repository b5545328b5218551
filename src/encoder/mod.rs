//! Pictures and texts to vectors.
//!
//! Guarantees:
//!
//! - Everything about a network is read from its directory; what is not
//!   understood is refused at load, with the reason.
//! - A loaded encoder has passed a self test: unit length, no NaN, the same
//!   vector twice and at any batch size.
//! - It runs where it was told to run, or does not load.
//! - A result never reaches the wrong input, and queues are bounded.
//!
//! The way of a picture: [`Encoder::preprocess`] (on the caller's blocking
//! thread) → [`Encoder::embed_image`] → queue → a batch with pictures of other
//! articles → the session's own thread → back through a channel of its own.

mod batcher;
mod error;
mod library;
mod model_directory;
mod port;
mod self_test;
mod session;
mod settings;
mod tokenize;

use std::path::Path;
use std::sync::Arc;

use ort::environment::Environment;

use self::batcher::{BatchRules, Batcher};
use self::model_directory::{ModelDirectory, TextFiles};
use self::session::{TextNetwork, VisionNetwork};
use crate::domain::embedding::Embedding;
use crate::imaging::{self, ImageLimits, ImageRejected, InputTensor, Preprocessing};

pub use self::error::EncoderError;
pub use self::settings::{EncoderSettings, ExecutionProvider};
pub use self::tokenize::{TextTokenizer, Tokens};

/// A loaded encoder. Clones share it; the last one to go ends its threads,
/// after the batches under way.
#[derive(Clone)]
pub struct Encoder {
    inner: Arc<Inner>,
}

struct Inner {
    dimension: usize,
    fingerprint: String,
    execution_provider: ExecutionProvider,
    limits: ImageLimits,
    preprocessing: Preprocessing,
    images: Batcher<InputTensor>,
    texts: Option<Texts>,
}

struct Texts {
    tokenizer: TextTokenizer,
    batcher: Batcher<Tokens>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Encoder")
            .field("fingerprint", &self.inner.fingerprint)
            .field("dimension", &self.inner.dimension)
            .field("execution_provider", &self.inner.execution_provider)
            .finish_non_exhaustive()
    }
}

impl Encoder {
    /// Loads ONNX Runtime and the networks, tests them and starts their
    /// threads. Takes from milliseconds to minutes and blocks.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] saying what is wrong and what to do about it. All of
    /// them are errors of the installation: trying again does not help.
    pub fn load(settings: &EncoderSettings) -> Result<Self, EncoderError> {
        settings.validate()?;
        let directory = ModelDirectory::read(&settings.directory)?;
        let environment = library::load(settings.library.as_deref())?;
        let loader = Loader { environment: &environment, settings };
        let (images, dimension) = loader.images(&directory)?;
        check_declared(&directory, &settings.directory, dimension)?;
        let texts = match &directory.text {
            Some(files) => Some(loader.texts(files, dimension)?),
            None => None,
        };
        tracing::info!(
            fingerprint = directory.fingerprint,
            dimension,
            execution_provider = settings.execution_provider.name(),
            sessions = settings.sessions,
            text = texts.is_some(),
            "encoder ready"
        );
        Ok(Self {
            inner: Arc::new(Inner {
                dimension,
                fingerprint: directory.fingerprint,
                execution_provider: settings.execution_provider,
                limits: settings.images.clone(),
                preprocessing: directory.preprocessing,
                images,
                texts,
            }),
        })
    }

    /// The fingerprint and the declared dimension (`projection_dim`) of the encoder in
    /// `settings.directory`, without loading ONNX Runtime: for processes that compare
    /// vectors and make none.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] when the directory is not an encoder's.
    pub fn identify(settings: &EncoderSettings) -> Result<(String, Option<usize>), EncoderError> {
        let directory = ModelDirectory::read(&settings.directory)?;
        Ok((directory.fingerprint, directory.declared_dimension))
    }

    /// Numbers in every vector, of pictures and of texts.
    pub fn dimension(&self) -> usize {
        self.inner.dimension
    }

    /// 16 hexadecimal digits that name the networks and everything that is done
    /// to their inputs. Vectors of two fingerprints must never be compared.
    pub fn fingerprint(&self) -> &str {
        &self.inner.fingerprint
    }

    /// Where the networks run: `cpu` or `cuda`.
    pub fn execution_provider(&self) -> &str {
        self.inner.execution_provider.name()
    }

    /// Width and height, in pixels, of the pictures that the network sees.
    pub fn image_size(&self) -> (u32, u32) {
        let preprocessing = &self.inner.preprocessing;
        (preprocessing.width(), preprocessing.height())
    }

    /// Whether [`Encoder::embed_text`] can be used.
    pub fn has_text(&self) -> bool {
        self.inner.texts.is_some()
    }

    /// Decodes and prepares a picture. Computes for milliseconds to seconds, so
    /// call it on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`ImageRejected`]: this file will never become usable.
    pub fn preprocess(&self, bytes: &[u8]) -> Result<InputTensor, ImageRejected> {
        let image = imaging::decode(bytes, &self.inner.limits)?;
        Ok(self.inner.preprocessing.apply(&image))
    }

    /// The vector of a prepared picture. Waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`EncoderError::WrongTensor`] for a picture prepared for another
    /// encoder, [`EncoderError::Inference`] and [`EncoderError::Embedding`]
    /// when the network fails on this very picture,
    /// [`EncoderError::Stopped`] when the encoder is gone.
    pub async fn embed_image(&self, tensor: InputTensor) -> Result<Embedding, EncoderError> {
        let (width, height) = self.image_size();
        if (tensor.width(), tensor.height()) != (width, height) {
            return Err(EncoderError::WrongTensor {
                actual_width: tensor.width(),
                actual_height: tensor.height(),
                width,
                height,
            });
        }
        self.inner.images.embed(tensor).await
    }

    /// The vector of a text. What is beyond the network's context is not read.
    ///
    /// # Errors
    ///
    /// [`EncoderError::NoTextNetwork`], [`EncoderError::Tokens`] for a text
    /// without tokens, and those of [`Encoder::embed_image`].
    pub async fn embed_text(&self, text: &str) -> Result<Embedding, EncoderError> {
        let texts = self.inner.texts.as_ref();
        let texts = texts.ok_or(EncoderError::NoTextNetwork)?;
        let tokens = texts.tokenizer.tokens(text)?;
        texts.batcher.embed(tokens).await
    }
}

struct Loader<'a> {
    environment: &'a Environment,
    settings: &'a EncoderSettings,
}

impl Loader<'_> {
    fn images(&self, directory: &ModelDirectory) -> Result<(Batcher<InputTensor>, usize), EncoderError> {
        let preprocessing = &directory.preprocessing;
        let pictures = self_test::pictures(preprocessing);
        let mut networks = Vec::with_capacity(self.settings.sessions);
        let mut dimension = 0;
        for _ in 0..self.settings.sessions {
            let session = self.open(&directory.vision)?;
            let mut network = VisionNetwork::new(session, preprocessing.width(), preprocessing.height())
                .map_err(|reason| model(&directory.vision, reason))?;
            dimension = self_test::check(&mut network, &pictures)?;
            networks.push(network);
        }
        Ok((self.start(networks)?, dimension))
    }

    fn texts(&self, files: &TextFiles, dimension: usize) -> Result<Texts, EncoderError> {
        let tokenizer = TextTokenizer::new(&files.tokenizer, files.context_length, files.pad_id)?;
        let session = self.open(&files.model)?;
        let mut network =
            TextNetwork::new(session, tokenizer.pad_id()).map_err(|reason| model(&files.model, reason))?;
        let actual = self_test::check(&mut network, &self_test::texts(&tokenizer)?)?;
        if actual != dimension {
            return Err(model(
                &files.model,
                format!("its vectors have {actual} numbers, those of the vision network {dimension}"),
            ));
        }
        Ok(Texts { tokenizer, batcher: self.start(vec![network])? })
    }

    fn open(&self, path: &Path) -> Result<ort::session::Session, EncoderError> {
        let provider = self.settings.execution_provider;
        session::open(self.environment, path, provider, self.settings.threads)
    }

    fn start<N: session::Network>(&self, networks: Vec<N>) -> Result<Batcher<N::Input>, EncoderError> {
        let rules =
            BatchRules { max_size: self.settings.max_batch_size, max_delay: self.settings.max_batch_delay };
        Batcher::start(networks, rules, self.settings.queue_capacity)
    }
}

fn model(path: &Path, reason: String) -> EncoderError {
    EncoderError::Model { path: path.to_path_buf(), reason }
}

/// `config.json` and the network must agree on the dimension.
fn check_declared(directory: &ModelDirectory, path: &Path, dimension: usize) -> Result<(), EncoderError> {
    match directory.declared_dimension {
        Some(declared) if declared != dimension => Err(EncoderError::Directory {
            directory: path.to_path_buf(),
            reason: format!(
                "config.json declares vectors of {declared} numbers (projection_dim), the \
                 vision network gives {dimension}"
            ),
        }),
        _ => Ok(()),
    }
}
