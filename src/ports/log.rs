//! Topics, as they are written, and how far they go.

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

/// Topics, as their writers see them.
#[async_trait]
pub trait Log: Send + Sync {
    /// Produces one record. Success only after every in-sync replica has it; after a
    /// failure it may be there or not.
    async fn produce(&self, outgoing: &Outgoing<'_>) -> Result<(), Failed>;
}

/// Topics, as whoever reads one back sees them.
#[async_trait]
pub trait TopicEnds: Send + Sync {
    /// The offset after the partition's last record at some moment after the call began.
    async fn end(&self, topic: &str, partition: i32) -> Result<i64, Failed>;
}
