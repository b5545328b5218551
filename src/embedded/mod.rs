//! What lets `lookalike demo` and the tests run without any server: Kafka and Qdrant
//! inside this process, speaking the real protocols, and a catalogue to feed them.
//!
//! Guarantee: the adapters never know which kind of server they talk to, so the
//! worker has one code path.

pub mod catalogue;
pub mod kafka;
pub mod qdrant;
