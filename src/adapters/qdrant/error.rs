//! What a Qdrant failure means.

use std::sync::Arc;

use qdrant_client::QdrantError;
use tonic::Code;

use crate::error::{Classify, Disposition};

/// A failure of the vector store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("qdrant.url {url} cannot be used: {reason}")]
    Settings { url: String, reason: String },
    #[error("qdrant: {0}")]
    Call(Box<QdrantError>),
    #[error("qdrant answered {status} to a write; only Completed is durable")]
    NotCompleted { status: String },
    #[error("qdrant {found} is too old: {}.{} or later is needed", oldest.0, oldest.1)]
    OldServer { found: String, oldest: (u32, u32) },
    #[error("collection {collection} does not exist, and qdrant.create_collections is off")]
    MissingCollection { collection: String },
    #[error(
        "collection {collection} does not fit this encoder: {found}, needed {needed}; \
         use another qdrant.prefix or remove the collection"
    )]
    WrongCollection { collection: String, found: String, needed: String },
    #[error(transparent)]
    Shared(Arc<StoreError>),
    #[error("the store's client has stopped")]
    Stopped,
    #[error("a point of {collection} is not as Lookalike writes it: {reason}")]
    Corrupt { collection: String, reason: String },
}

impl From<QdrantError> for StoreError {
    fn from(error: QdrantError) -> Self {
        Self::Call(Box::new(error))
    }
}

impl Classify for StoreError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Settings { .. }
            | Self::OldServer { .. }
            | Self::MissingCollection { .. }
            | Self::WrongCollection { .. }
            | Self::Corrupt { .. } => Disposition::Configuration,
            Self::NotCompleted { .. } | Self::Stopped => Disposition::Retry,
            Self::Shared(error) => error.disposition(),
            Self::Call(error) => of_call(error),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "qdrant_settings",
            Self::OldServer { .. } => "qdrant_too_old",
            Self::NotCompleted { .. } => "qdrant_not_completed",
            Self::MissingCollection { .. } => "qdrant_collection_missing",
            Self::WrongCollection { .. } => "qdrant_collection_wrong",
            Self::Corrupt { .. } => "qdrant_corrupt",
            Self::Stopped => "qdrant_stopped",
            Self::Shared(error) => error.code(),
            Self::Call(error) => match of_call(error) {
                Disposition::Configuration => "qdrant_refused",
                Disposition::Retry | Disposition::Later | Disposition::DeadLetter | Disposition::Fatal => {
                    "qdrant_unavailable"
                }
            },
        }
    }
}

fn of_call(error: &QdrantError) -> Disposition {
    let QdrantError::ResponseError { status } = error else {
        return match error {
            QdrantError::InvalidUri(_) => Disposition::Configuration,
            _ => Disposition::Retry,
        };
    };
    match status.code() {
        // A missing collection, a wrong dimension, a wrong key: somebody must mend it.
        Code::NotFound
        | Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::Unauthenticated
        | Code::PermissionDenied
        | Code::Unimplemented
        | Code::OutOfRange => Disposition::Configuration,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Disposition::Retry,
    }
}
