//! What lets `lookalike demo` and the tests run without any server: everything a deployment would
//! bring, inside the process.

pub mod catalogue;
pub mod kafka;
