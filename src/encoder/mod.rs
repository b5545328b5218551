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
mod library;
mod model_directory;
mod placement;
mod port;
mod provider;
mod runner;
mod self_test;
mod session;
mod settings;
mod shapes;
mod tokenize;
mod weights;

use std::path::Path;
use std::sync::Arc;

use self::batch_rules::BatchRules;
use self::batcher::{Batcher, Batching};
use self::model_directory::{ModelDirectory, TextFiles};
use self::provider::{DeviceSession, Devices};
use self::self_test::Golden;
use self::session::{Network, TextNetwork, VisionNetwork};
use self::shapes::InputShapes;
use self::tokenize::{TextTokenizer, Tokens};
use self::weights::SharedWeights;
use crate::domain::embedding::Embedding;
use crate::imaging::{self, ImageLimits, ImageRejected, InputTensor, Preprocessing};

pub use self::error::EncoderError;
pub use self::settings::{EncoderSettings, ExecutionProvider, GpuSettings};

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
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let devices = Devices {
            environment: &environment,
            settings,
            fingerprint: &directory.fingerprint,
            threads: settings.threads_of_a_session(cores),
        };
        let loader = Loader { devices, settings };
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
    devices: Devices<'a>,
    settings: &'a EncoderSettings,
}

/// A tower's network file, and what it is given.
struct Tower<'a, I> {
    path: &'a Path,
    name: &'static str,
    /// Least and largest shape of its inputs without the size of a batch.
    least: Vec<usize>,
    most: Vec<usize>,
    /// Inputs on which it has to work.
    known: &'a [I; 2],
}

impl Loader<'_> {
    fn images(&self, directory: &ModelDirectory) -> Result<(Batcher<InputTensor>, usize), EncoderError> {
        let preprocessing = &directory.preprocessing;
        let (width, height) = (preprocessing.width(), preprocessing.height());
        let known = self_test::pictures(preprocessing);
        let shape = vec![3, height as usize, width as usize];
        let tower = Tower {
            path: &directory.vision,
            name: VisionNetwork::TOWER,
            least: shape.clone(),
            most: shape,
            known: &known,
        };
        let wrap = |session| VisionNetwork::new(session, width, height);
        let (networks, dimension) = self.networks(&tower, self.settings.sessions, wrap)?;
        let [known, _] = known;
        Ok((self.start(networks, known)?, dimension))
    }

    fn texts(&self, files: &TextFiles, dimension: usize) -> Result<Texts, EncoderError> {
        let tokenizer = TextTokenizer::new(files)?;
        let known = self_test::texts(&tokenizer)?;
        let tower = Tower {
            path: &files.model,
            name: TextNetwork::TOWER,
            least: vec![1],
            most: vec![files.context_length],
            known: &known,
        };
        let wrap = |session| TextNetwork::new(session, tokenizer.pad_id());
        let (networks, actual) = self.networks(&tower, 1, wrap)?;
        if actual != dimension {
            return Err(model(
                &files.model,
                format!("its vectors have {actual} numbers, those of the vision network {dimension}"),
            ));
        }
        let [known, _] = known;
        Ok(Texts { tokenizer, batcher: self.start(networks, known)? })
    }

    /// Opens a tower's network in `count` sessions and tests each; answers the
    /// dimension of their vectors, too.
    fn networks<N: Network>(
        &self,
        tower: &Tower<'_, N::Input>,
        count: usize,
        wrap: impl Fn(DeviceSession) -> Result<N, String>,
    ) -> Result<(Vec<N>, usize), EncoderError> {
        let wrap = |session| wrap(session).map_err(|reason| model(tower.path, reason));
        let gpu = self.settings.execution_provider != ExecutionProvider::Cpu;
        let weights = if gpu { None } else { SharedWeights::for_sessions(tower.path, count)? };
        let on_cpu = self.devices.open_on_cpu(tower.path, weights.as_ref())?;
        let with_batch = |batch: usize, rest: &[usize]| [&[batch], rest].concat();
        let shapes = InputShapes::new(
            on_cpu.inputs(),
            &with_batch(1, &tower.least),
            &with_batch(self.settings.max_batch_size, &tower.most),
        );
        let mut first = wrap(on_cpu)?;
        let reference = self_test::check(&mut first, tower.known)?;
        let dimension = reference[0].dimension();
        if gpu {
            drop(first);
            let open = || self.devices.open_on_gpu(tower.path, tower.name, &shapes);
            let networks = (0..count).map(|_| self.on_gpu(wrap(open()?)?, tower, &reference));
            return Ok((networks.collect::<Result<_, _>>()?, dimension));
        }
        let mut networks = vec![first];
        while networks.len() < count {
            let mut network = wrap(self.devices.open_on_cpu(tower.path, weights.as_ref())?)?;
            self_test::check(&mut network, tower.known)?;
            networks.push(network);
        }
        Ok((networks, dimension))
    }

    /// Tests a network on a GPU against what the CPU gave.
    fn on_gpu<N: Network>(
        &self,
        mut network: N,
        tower: &Tower<'_, N::Input>,
        reference: &Golden,
    ) -> Result<N, EncoderError> {
        let vectors = self_test::check(&mut network, tower.known)?;
        self_test::compare(tower.name, reference, &vectors)?;
        self_test::warm_up(&mut network, &tower.known[0], &self.settings.padded_sizes())?;
        Ok(network)
    }

    fn start<N: Network>(
        &self,
        networks: Vec<N>,
        known: N::Input,
    ) -> Result<Batcher<N::Input>, EncoderError> {
        let settings = self.settings;
        let rules = BatchRules { max_size: settings.max_batch_size, max_delay: settings.max_batch_delay };
        let batching = Batching {
            rules,
            padded_sizes: settings.padded_sizes(),
            queue_capacity: settings.queue_capacity,
        };
        Batcher::start(networks, known, batching)
    }
}

/// The last part of a path, without leaving it empty.
fn name_of(directory: &Path) -> String {
    let whole = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
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
