//! The flow, a file for each stage:
//!
//! ```text
//! role embed   receive → obtain (fetch, decode, embed) → index → announce
//! role rank    receive → gather (candidates) → decide → publish → notify
//! ```
//!
//! Guarantee: a record is resolved only after everything it caused is durable, in
//! this order: vectors and lists `Completed` by Qdrant, records acknowledged by
//! Kafka, then the record itself. A failed record becomes a dead letter or holds its
//! partition's offset; it is never skipped.

pub mod dead_letter;
pub mod dispatch;
pub mod embed;
mod mailbox;
pub mod rank;
mod stage;

use std::error::Error;

use crate::retry::Failure;

/// A failure that ends the process.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error("a job ended by itself: {0}")]
    Job(#[source] tokio::task::JoinError),
    #[error("stage {stage} cannot go on: {source}")]
    Stage { stage: &'static str, source: Box<dyn Error + Send + Sync> },
}

/// How a stage ends early: the work is another's now, or the process must end.
#[derive(Debug)]
pub(crate) enum Stop {
    Abandoned,
    Fatal(PipelineError),
}

impl Stop {
    /// For stages whose failures can only be passing, configuration or fatal.
    pub(crate) fn of<E: Error + Send + Sync + 'static>(stage: &'static str) -> impl Fn(Failure<E>) -> Self {
        move |failure| match failure {
            Failure::Abandoned => Self::Abandoned,
            Failure::Failed(error) => Self::Fatal(PipelineError::Stage { stage, source: Box::new(error) }),
        }
    }

    /// An abandoned job is no failure: its records come again elsewhere.
    pub(crate) fn into_job_result(self) -> Result<(), PipelineError> {
        match self {
            Self::Abandoned => Ok(()),
            Self::Fatal(error) => Err(error),
        }
    }
}
