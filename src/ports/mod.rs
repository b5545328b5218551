//! What the pipeline needs of the world, a trait a file.
//!
//! Guarantee: the pipeline reaches Kafka, object stores, Qdrant and the encoder
//! through these alone, so that the same stages run in production on the real
//! clients and in simulation on a world that is made to fail. The promises that the
//! stages rest on are written at the methods.

mod catalogue;
mod encoder;
mod log;
mod objects;

pub use catalogue::{
    CandidateQuery, Candidates, Catalogue, Content, FactsMark, FactsWrite, Glance, ImageWrite, Ranked,
    Restriction, Standing, TextWrite, Truncated,
};
pub use encoder::Embedder;
pub use log::{Log, Outgoing, Place};
pub use objects::{Fetched, ObjectStores};

use crate::error::{Classify, Disposition};

/// A failure of whatever serves a port, with its class.
#[derive(Debug)]
pub struct Failed(Box<dyn Classify + Send + Sync>);

impl Failed {
    pub fn new(error: impl Classify + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Classify for Failed {
    fn disposition(&self) -> Disposition {
        self.0.disposition()
    }

    fn code(&self) -> &'static str {
        self.0.code()
    }
}
