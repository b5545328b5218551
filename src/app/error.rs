//! Why a worker or a command ended, and with which exit code.

use std::time::Duration;

use crate::adapters::http::server::HttpError;
use crate::adapters::kafka::error::KafkaError;
use crate::adapters::objects::ObjectError;
use crate::adapters::qdrant::StoreError;
use crate::config::ConfigError;
use crate::embedded::qdrant::EmbeddedQdrantError;
use crate::encoder::EncoderError;
use crate::error::{Classify, Disposition};
use crate::pipeline::PipelineError;
use crate::similarity::MAX_DIMENSION;
use crate::telemetry::TelemetryError;

/// Exit codes, as `sysexits.h` names them.
pub mod exit {
    /// Something failed.
    pub const FAILURE: u8 = 1;
    /// A needed service does not answer.
    pub const UNAVAILABLE: u8 = 69;
    /// The configuration is at fault.
    pub const CONFIGURATION: u8 = 78;
}

/// An error that ends the process.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    #[error(
        "ranking.text_weight is above 0, but the encoder has no text network; set it to 0, or use an \
         encoder directory with text_model.onnx"
    )]
    NoText,
    #[error(
        "the encoder's config.json names no projection_dim; role rank needs it to verify the collections"
    )]
    NoDimension,
    #[error("the encoder gives vectors of {0} numbers; at most {MAX_DIMENSION} can be compared")]
    TooManyDimensions(usize),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error("embedded qdrant: {0}")]
    EmbeddedQdrant(#[from] EmbeddedQdrantError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error("a task ended by itself")]
    TaskEnded,
    #[error("a task panicked: {0}")]
    Task(tokio::task::JoinError),
    #[error("work was not finished {0:?} after the stop; what is unfinished comes again")]
    Deadline(Duration),
}

impl AppError {
    /// Whose fault it is.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Config(_)
            | Self::Telemetry(_)
            | Self::NoText
            | Self::NoDimension
            | Self::TooManyDimensions(_) => Disposition::Configuration,
            Self::Encoder(error) => error.disposition(),
            Self::Kafka(error) => error.disposition(),
            Self::Store(error) => error.disposition(),
            Self::Objects(error) => error.disposition(),
            Self::EmbeddedQdrant(_)
            | Self::Http(_)
            | Self::Pipeline(_)
            | Self::TaskEnded
            | Self::Task(_)
            | Self::Deadline(_) => Disposition::Fatal,
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self.disposition() {
            Disposition::Configuration => exit::CONFIGURATION,
            Disposition::Retry | Disposition::Later => exit::UNAVAILABLE,
            Disposition::DeadLetter | Disposition::Fatal => exit::FAILURE,
        }
    }
}
