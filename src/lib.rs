//! Lookalike keeps every product's list of similar products fresh.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod embedded;
pub mod encoder;
pub mod error;
pub mod health;
pub mod imaging;
pub mod metrics;
pub mod pipeline;
pub mod ports;
pub mod random;
pub mod retry;
pub mod shutdown;
pub mod similarity;
pub mod telemetry;
