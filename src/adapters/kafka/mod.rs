//! Kafka through librdkafka.
//!
//! Guarantee: a committed offset is the lowest offset of its partition whose record
//! is not yet resolved. Records are resolved by their [`record::Ack`] alone; one that
//! is dropped unresolved holds the offset. Acks of an earlier assignment do not count.

pub mod admin;
pub mod assignment;
pub mod consumer;
mod context;
pub mod control;
pub mod error;
pub mod producer;
pub mod record;
pub mod settings;
pub mod tail;
pub mod topics;
mod watermark;
