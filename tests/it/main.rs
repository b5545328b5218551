//! Tests over real sockets and files.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod embedded_qdrant;
