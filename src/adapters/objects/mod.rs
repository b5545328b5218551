//! Image files in object stores: S3 and compatible, Google Cloud Storage, Azure
//! Blob Storage, and `file://`.
//!
//! Guarantee: only objects below an allow-listed prefix are ever read; nothing is
//! written. A body is read up to a limit and no further.

mod allow_list;
mod build;
mod error;
mod store;

pub use allow_list::{AllowList, Forbidden, Located};
pub use error::ObjectError;
pub use store::Objects;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The object stores that events may name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectSettings {
    /// Allow-list: an event's uri must lie below one of these.
    #[serde(default)]
    pub stores: Vec<StoreSettings>,
    /// Delays before a missing object is looked for again; then a dead letter.
    pub missing_retry_delays_ms: Vec<u64>,
    /// Objects being fetched at the same time.
    pub max_concurrent_fetches: usize,
}

/// One allow-listed prefix and how to reach it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// `s3://bucket/prefix/`, `gs://…`, `az://container/prefix/` or `file:///folder/`.
    pub uri: String,
    /// Options of the object_store crate, e.g. `aws_endpoint`, `aws_region`,
    /// `aws_allow_http`. Credentials are taken from the environment where not given.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}
