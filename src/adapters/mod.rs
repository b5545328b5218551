//! The outside world, one folder for each system: Kafka, object stores, Qdrant and
//! the HTTP interface. Each has settings, a client and an error that knows its class.
//!
//! Guarantee: adapters carry data and decide nothing about articles or lists. No
//! adapter knows another one or the pipeline.

pub mod http;
pub mod kafka;
pub mod objects;
pub mod qdrant;
