//! Records that will never work, moved aside with their reason and origin.
//!
//! Guarantee: key and value are the original bytes, untouched, unless the topic takes no
//! record of that size: then headers say how large they were. The record counts as
//! resolved only after the dead-letter topic acknowledged it.

use std::sync::Arc;

use crate::adapters::kafka::record::Record;
use crate::error::{Classify, Disposition};
use crate::metrics::metrics;
use crate::ports::{Log, Outgoing};
use crate::retry::{Attempts, Tenure};

use super::Stop;

/// Version of the header layout.
const SCHEMA: &str = "1";
/// Longest message in a header, in bytes.
const MAX_MESSAGE_BYTES: usize = 1024;

/// Why a record is moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub stage: &'static str,
    pub class: Disposition,
    pub code: &'static str,
    pub message: String,
}

impl Reason {
    /// The reason an error gives.
    pub fn of(stage: &'static str, error: &dyn Classify) -> Self {
        Self { stage, class: error.disposition(), code: error.code(), message: error.to_string() }
    }
}

/// Where dead letters go.
#[derive(Clone)]
pub struct DeadLetters {
    pub log: Arc<dyn Log>,
    pub topic: String,
    /// Fingerprint of the encoder in use.
    pub encoder: String,
}

impl DeadLetters {
    /// Moves one record aside and waits for the acknowledgement.
    pub(crate) async fn send(
        &self,
        record: &Record,
        reason: &Reason,
        attempts: &Attempts,
        tenure: &dyn Tenure,
    ) -> Result<(), Stop> {
        tracing::warn!(
            topic = &*record.origin.topic,
            partition = record.origin.partition,
            offset = record.offset,
            stage = reason.stage,
            code = reason.code,
            message = reason.message,
            "dead letter"
        );
        let headers = self.headers(record, reason);
        let whole = Outgoing {
            topic: &self.topic,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &headers,
        };
        let sent = attempts.run("dead_letter", tenure, || self.log.produce(&whole)).await;
        match sent {
            Err(crate::retry::Failure::Failed(error)) if error.disposition() == Disposition::DeadLetter => {
                self.send_without_value(record, reason, attempts, tenure).await?;
            }
            other => {
                other.map_err(Stop::of("dead_letter"))?;
            }
        }
        metrics()
            .kafka
            .dead_letters
            .with_label_values(&[reason.stage, reason.code, reason.class.as_str()])
            .inc();
        Ok(())
    }

    /// With its reason the record is larger than the topic takes: only where it came
    /// from and how large it was goes there, and the original stays at its origin.
    async fn send_without_value(
        &self,
        record: &Record,
        reason: &Reason,
        attempts: &Attempts,
        tenure: &dyn Tenure,
    ) -> Result<(), Stop> {
        let mut headers = self.headers(record, reason);
        headers.drain(..record.headers.len());
        for (name, bytes) in [("key", &record.key), ("value", &record.value)] {
            let size = bytes.as_ref().map_or(0, Vec::len);
            headers.push((format!("dlq.{name}_omitted_bytes"), size.to_string().into_bytes()));
        }
        let outgoing = Outgoing { topic: &self.topic, key: None, value: None, headers: &headers };
        let sent = attempts.run("dead_letter", tenure, || self.log.produce(&outgoing));
        sent.await.map(drop).map_err(Stop::of("dead_letter"))
    }

    fn headers(&self, record: &Record, reason: &Reason) -> Vec<(String, Vec<u8>)> {
        let mut end = reason.message.len().min(MAX_MESSAGE_BYTES);
        while !reason.message.is_char_boundary(end) {
            end -= 1;
        }
        let own = [
            ("dlq.schema", SCHEMA.to_owned()),
            ("dlq.class", reason.class.as_str().to_owned()),
            ("dlq.code", reason.code.to_owned()),
            ("dlq.message", reason.message[..end].to_owned()),
            ("dlq.stage", reason.stage.to_owned()),
            ("dlq.topic", record.origin.topic.to_string()),
            ("dlq.partition", record.origin.partition.to_string()),
            ("dlq.offset", record.offset.to_string()),
            ("dlq.timestamp", record.timestamp_ms.map(|at| at.to_string()).unwrap_or_default()),
            ("dlq.encoder", self.encoder.clone()),
            ("dlq.build", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let mut headers = record.headers.clone();
        headers.extend(own.map(|(name, value)| (name.to_owned(), value.into_bytes())));
        headers
    }
}
