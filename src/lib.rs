//! Lookalike keeps every product's list of similar products fresh.

pub mod adapters;
pub mod cli;
pub mod domain;
pub mod embedded;
pub mod error;
pub mod metrics;
pub mod similarity;
