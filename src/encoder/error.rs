//! What can go wrong with an encoder.

use std::path::PathBuf;

use crate::domain::embedding::EmbeddingError;
use crate::error::{Classify, Disposition};
use crate::imaging::{ImageRejected, PreprocessingError};

/// An encoder that cannot be loaded, or a vector it cannot give.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    #[error("encoder.{name} is {value}; it must be {least} to {most}")]
    Setting { name: &'static str, value: usize, least: usize, most: usize },
    #[error("encoder.gpu.{name} {reason}")]
    GpuSetting { name: &'static str, reason: &'static str },
    #[error("encoder.{name} is {value:?}; it must {must}")]
    Choice { name: &'static str, value: String, must: &'static str },
    #[error(
        "ONNX Runtime is not at {}; run `make onnxruntime` in a checkout, or set \
         encoder.library (or ORT_DYLIB_PATH) to the shared library of ONNX Runtime 1.24 or later",
        path.display()
    )]
    LibraryMissing { path: PathBuf },
    #[error(
        "{} cannot be used as ONNX Runtime: {reason}; encoder.library (or ORT_DYLIB_PATH) must \
         name the shared library of ONNX Runtime 1.24 or later, as `make onnxruntime` fetches it",
        path.display()
    )]
    LibraryUnusable { path: PathBuf, reason: String },
    #[error(
        "ONNX Runtime is loaded from {} already, and a process loads it once; {} cannot be \
         loaded as well",
        loaded.display(),
        asked.display()
    )]
    LibraryLoaded { loaded: PathBuf, asked: PathBuf },
    #[error("encoder directory {}: {reason}", directory.display())]
    Directory { directory: PathBuf, reason: String },
    #[error("encoder file {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("encoder directory {}: {source}", directory.display())]
    Preprocessing { directory: PathBuf, source: PreprocessingError },
    #[error("encoder file {}: {reason}", path.display())]
    Model { path: PathBuf, reason: String },
    #[error(
        "encoder.execution_provider is {provider}, but it cannot be used: {reason}; install an \
         ONNX Runtime build and drivers that have it, or set it to cpu"
    )]
    ExecutionProvider { provider: &'static str, reason: String },
    #[error("encoder self test: {reason}")]
    SelfTest { reason: String },
    #[error(
        "the {tower} network has no memory even for a single input: {reason}; end what else uses \
         it, or raise encoder.gpu.memory_mebibytes"
    )]
    OutOfMemory { tower: &'static str, reason: String },
    #[error("the device of the {tower} network cannot be used any more, only a restart helps: {reason}")]
    DeviceLost { tower: &'static str, reason: String },
    #[error("the {tower} network failed: {reason}")]
    Inference { tower: &'static str, reason: String },
    #[error("the {tower} network gave no usable vector: {source}")]
    Embedding { tower: &'static str, source: EmbeddingError },
    #[error(
        "the input tensor has {actual_width}x{actual_height} pixels, the encoder takes \
         {width}x{height}"
    )]
    WrongTensor { actual_width: u32, actual_height: u32, width: u32, height: u32 },
    #[error("the text cannot be tokenized: {reason}")]
    Tokens { reason: String },
    #[error(
        "this encoder has no text network (no text_model.onnx, nor a model.onnx that takes texts too, in its directory)"
    )]
    NoTextNetwork,
    #[error("the encoder has stopped")]
    Stopped,
}

impl Classify for EncoderError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Setting { .. }
            | Self::GpuSetting { .. }
            | Self::Choice { .. }
            | Self::LibraryMissing { .. }
            | Self::LibraryUnusable { .. }
            | Self::LibraryLoaded { .. }
            | Self::Directory { .. }
            | Self::File { .. }
            | Self::Preprocessing { .. }
            | Self::Model { .. }
            | Self::ExecutionProvider { .. }
            | Self::SelfTest { .. }
            | Self::NoTextNetwork => Disposition::Configuration,
            // The network fails on this very input, whatever else is in its batch.
            Self::Inference { .. } | Self::Embedding { .. } | Self::Tokens { .. } => Disposition::DeadLetter,
            // Somebody else's memory, or our own that is free again after other batches.
            Self::OutOfMemory { .. } => Disposition::Retry,
            Self::WrongTensor { .. } | Self::DeviceLost { .. } | Self::Stopped => Disposition::Fatal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Inference { .. } | Self::Embedding { .. } => "inference",
            Self::Tokens { .. } => "tokens",
            Self::ExecutionProvider { .. } => "execution_provider",
            Self::LibraryMissing { .. } | Self::LibraryUnusable { .. } | Self::LibraryLoaded { .. } => {
                "onnxruntime"
            }
            Self::SelfTest { .. } => "self_test",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::DeviceLost { .. } => "device_lost",
            Self::WrongTensor { .. } | Self::Stopped => "encoder_stopped",
            Self::Setting { .. }
            | Self::GpuSetting { .. }
            | Self::Choice { .. }
            | Self::Directory { .. }
            | Self::File { .. }
            | Self::Preprocessing { .. }
            | Self::Model { .. }
            | Self::NoTextNetwork => "encoder_settings",
        }
    }
}

/// A rejected file stays rejected, whoever decodes it.
impl Classify for ImageRejected {
    fn disposition(&self) -> Disposition {
        Disposition::DeadLetter
    }

    fn code(&self) -> &'static str {
        Self::code(self)
    }
}
