//! The producer: idempotent, every record acknowledged before it counts.
//!
//! Guarantee: [`Producer::send`] answers success only after all in-sync replicas
//! have the record. A record carries the trace that it was produced in.

use std::time::Duration;

use async_trait::async_trait;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

use super::error::KafkaError;
use super::settings::KafkaSettings;
use crate::ports::{Failed, Log, Outgoing, Place};
use crate::telemetry::spans;

/// A cheap handle to the process's one producer.
#[derive(Clone)]
pub struct Producer {
    inner: FutureProducer,
    /// How long a full local queue is waited for.
    queue_deadline: Duration,
}

impl Producer {
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Ok(Self {
            inner: settings.producer()?.create().map_err(KafkaError::Settings)?,
            queue_deadline: Duration::from_millis(settings.delivery_timeout_ms),
        })
    }

    /// Produces one record and waits for its acknowledgement.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Place, KafkaError> {
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(outgoing.topic);
        record.key = outgoing.key;
        record.payload = outgoing.value;
        // Whoever reads the record goes on in the trace that it was produced in.
        let onward = spans::onward(outgoing.headers);
        let all = outgoing.headers.iter().chain(&onward);
        record.headers = all.fold(None, |headers, (key, value)| {
            let headers = headers.unwrap_or_else(OwnedHeaders::new);
            Some(headers.insert(Header { key, value: Some(value) }))
        });
        let sent = self.inner.send(record, self.queue_deadline).await;
        sent.map(|delivery| Place { partition: delivery.partition, offset: delivery.offset })
            .map_err(|(source, _)| KafkaError::Produce { topic: outgoing.topic.to_owned(), source })
    }

    /// Waits until nothing is queued or in flight. Dropping a producer throws its
    /// queue away, so this comes first.
    pub async fn flush(&self, deadline: Duration) -> Result<(), KafkaError> {
        let inner = self.inner.clone();
        let flushed = tokio::task::spawn_blocking(move || inner.flush(deadline)).await;
        match flushed {
            Ok(flushed) => {
                flushed.map_err(|source| KafkaError::Produce { topic: "(flush)".to_owned(), source })
            }
            Err(_) => Err(KafkaError::ThreadEnded),
        }
    }
}

#[async_trait]
impl Log for Producer {
    async fn produce(&self, outgoing: &Outgoing<'_>) -> Result<Place, Failed> {
        self.send(outgoing).await.map_err(Failed::new)
    }
}
