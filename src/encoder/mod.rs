//! Pictures and texts to vectors.
//!
//! Guarantees:
//!
//! - Everything about a network is read from its directory; what is not
//!   understood is refused at load, with the reason.
//! - A loaded encoder has passed a self test: unit length, no NaN, the same
//!   vector twice and at any batch size.
//! - It runs where it was told to run, and gives there what the CPU gives, or does
//!   not load.
//! - A result never reaches the wrong input, and queues are bounded.
//!
//! The way of a picture: [`Encoder::preprocess`] (on the caller's blocking
//! thread) → [`Encoder::embed_image`] → queue → a batch with pictures of other
//! articles → the session's own thread → back through a channel of its own.

mod batch_rules;
mod batcher;
mod device_error;
mod error;
mod graph;
mod library;
mod loader;
mod model_directory;
mod network_file;
mod network_settings;
mod onnx_file;
mod placement;
mod pooling;
mod port;
mod provider;
mod runner;
mod self_test;
mod session;
mod settings;
mod shapes;
mod text;
mod text_files;
mod tokenize;
mod vision;
mod weights;

use std::path::Path;
use std::sync::Arc;

use futures::future::{try_join, try_join_all};

use self::batcher::Batcher;
use self::loader::Loader;
use self::model_directory::ModelDirectory;
use self::provider::Devices;
use crate::domain::embedding::{Embedding, ImageEmbedding};
use crate::imaging::{
    self, Augmentation, ImageLimits, ImageRejected, InputTensor, PreparedImage, Preprocessing,
};

pub use self::error::EncoderError;
pub use self::network_settings::{Layout, Pooling, TextSettings, VisionSettings};
pub use self::settings::{EncoderSettings, ExecutionProvider, GpuSettings, RANGES};
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
    model: String,
    execution_provider: ExecutionProvider,
    limits: ImageLimits,
    preprocessing: Preprocessing,
    augmentations: Vec<Augmentation>,
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
        let directory = ModelDirectory::read(settings)?;
        let environment = library::load(settings.library.as_deref())?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let devices = Devices {
            environment: &environment,
            settings,
            fingerprint: &directory.fingerprint,
            threads: settings.threads_of_a_session(cores),
        };
        let loader = Loader { devices, settings, directory: &directory };
        let (images, dimension) = loader.images()?;
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
            threads = loader.devices.threads,
            text = texts.is_some(),
            "encoder ready"
        );
        Ok(Self {
            inner: Arc::new(Inner {
                dimension,
                model: name_of(&settings.directory),
                fingerprint: directory.fingerprint,
                execution_provider: settings.execution_provider,
                limits: settings.images.clone(),
                preprocessing: directory.preprocessing,
                augmentations: settings.vision.augmentations(),
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
        settings.validate()?;
        let directory = ModelDirectory::read(settings)?;
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

    /// The last part of its directory's path, for people.
    pub fn model(&self) -> &str {
        &self.inner.model
    }

    /// Where the networks run, proven at load: `cpu`, `cuda` or `tensorrt`.
    pub fn execution_provider(&self) -> &str {
        self.inner.execution_provider.name()
    }

    /// Width and height, in pixels, of the pictures that the network sees.
    pub fn image_size(&self) -> (u32, u32) {
        let preprocessing = &self.inner.preprocessing;
        (preprocessing.width(), preprocessing.height())
    }

    /// A drawn picture, prepared: an input for measuring.
    pub fn sample(&self) -> InputTensor {
        let [sample, _] = self_test::pictures(&self.inner.preprocessing);
        sample
    }

    /// What variants of a picture are embedded besides itself, in order.
    pub fn augmentations(&self) -> &[Augmentation] {
        &self.inner.augmentations
    }

    /// Whether [`Encoder::embed_text`] can be used.
    pub fn has_text(&self) -> bool {
        self.inner.texts.is_some()
    }

    /// Decodes and prepares a picture and its variants. Computes for milliseconds to
    /// seconds, so call it on a blocking thread. With variants, a second copy of the
    /// decoded picture is in memory meanwhile.
    ///
    /// # Errors
    ///
    /// [`ImageRejected`]: this file will never become usable.
    pub fn preprocess(&self, bytes: &[u8]) -> Result<PreparedImage, ImageRejected> {
        let image = imaging::decode(bytes, &self.inner.limits)?;
        Ok(PreparedImage::of(&image, &self.inner.preprocessing, &self.inner.augmentations))
    }

    /// The vectors of a prepared picture and of its variants, each an input of its own
    /// in the batches. Waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`EncoderError::WrongTensor`] for a picture prepared for another
    /// encoder, [`EncoderError::Inference`] and [`EncoderError::Embedding`]
    /// when the network fails on this very picture,
    /// [`EncoderError::Stopped`] when the encoder is gone.
    pub async fn embed_image(&self, image: PreparedImage) -> Result<ImageEmbedding, EncoderError> {
        // The first failure drops the others, which are then not computed.
        let variants = try_join_all(image.variants.into_iter().map(|variant| self.embed_tensor(variant)));
        let (own, variants) = try_join(self.embed_tensor(image.own), variants).await?;
        Ok(ImageEmbedding { own, variants })
    }

    async fn embed_tensor(&self, tensor: InputTensor) -> Result<Embedding, EncoderError> {
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

/// The last part of a path, without leaving it empty.
fn name_of(directory: &Path) -> String {
    let whole = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
}

/// `config.json` and the network must agree on the dimension.
fn check_declared(directory: &ModelDirectory, path: &Path, dimension: usize) -> Result<(), EncoderError> {
    match directory.declared_dimension {
        Some(declared) if declared != dimension => Err(EncoderError::Directory {
            directory: path.to_path_buf(),
            reason: format!(
                "config.json declares vectors of {declared} numbers (projection_dim), the \
                 image network gives {dimension}; correct projection_dim, or name another output with \
                 encoder.vision.output"
            ),
        }),
        _ => Ok(()),
    }
}
