//! What the worker talks about: events, versions, articles, embeddings and
//! neighbour lists.
//!
//! Guarantee: everything below is plain code. It does no input or output, reads
//! no clock and knows no other module of this crate, so every decision in it can
//! be tested with values alone.

pub mod apply;
pub mod article;
pub mod embedding;
pub mod event;
pub mod list;
pub mod rank_request;
