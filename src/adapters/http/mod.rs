//! The HTTP interface: health for Kubernetes, metrics for Prometheus, and the stored
//! lists to look at.
//!
//! Guarantee: it reads and never changes anything, and every connection, request and
//! wait is bounded.

mod listener;
pub mod server;

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the interface listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Address and port; none switches the interface off, port 0 takes a free one.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
}
