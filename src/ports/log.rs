//! The topics that are written.

use async_trait::async_trait;

use super::Failed;

/// One record to produce; `value` `None` is a tombstone.
#[derive(Debug, Default)]
pub struct Outgoing<'a> {
    pub topic: &'a str,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(String, Vec<u8>)],
}

/// Where a record lies in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub partition: i32,
    pub offset: i64,
}

/// Topics, as their writers see them.
#[async_trait]
pub trait Log: Send + Sync {
    /// Produces one record; answers where it lies, once every in-sync replica has it.
    /// After a failure it may be there or not.
    async fn produce(&self, outgoing: &Outgoing<'_>) -> Result<Place, Failed>;
}
