//! The embedded Qdrant server, spoken to by the real client over a socket.

mod collections;
mod conditions;
mod crash;
mod matrices;
mod points;
mod query;
mod support;
