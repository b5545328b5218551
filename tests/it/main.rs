//! Tests over real sockets, files and processes, in one binary: linking is the slow
//! part.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod catalogue;
mod commands;
mod embedded_kafka;
mod embedded_qdrant;
mod encoder;
mod hostile;
mod http;
mod layering;
mod networks;
mod pixels;
mod promises;
mod shared_weights;
mod simulation;
mod support;
mod traces;
