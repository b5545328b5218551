//! Servers that run inside this process and speak the real protocols, so that
//! the worker has one code path: the adapters never know which kind they talk to.

pub mod qdrant;
