//! Stage receive: records become events; what is none becomes a dead letter.

use super::EmbedRole;
use crate::adapters::kafka::record::Record;
use crate::domain::event::{Event, parse};
use crate::error::Disposition;
use crate::pipeline::Stop;
use crate::pipeline::dead_letter::Reason;
use crate::pipeline::dispatch::{Batch, resolved};

/// Valid events of one article and the records they came in, in the same order.
pub(super) struct Received {
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
}

impl EmbedRole {
    /// Takes the batch's records apart. Invalid ones are dead-lettered and resolved.
    pub(super) async fn receive(&self, batch: &mut Batch) -> Result<Received, Stop> {
        let mut received = Received { records: Vec::new(), events: Vec::new() };
        for record in std::mem::take(&mut batch.records) {
            // A log offset is never negative.
            let offset = record.offset.unsigned_abs();
            let version = record.header("version");
            match parse(record.key.as_deref(), record.value.as_deref(), version, offset) {
                Ok(event) => {
                    received.records.push(record);
                    received.events.push(event);
                }
                Err(error) => {
                    let reason = Reason {
                        stage: "receive",
                        class: Disposition::DeadLetter,
                        code: error.code(),
                        message: error.to_string(),
                    };
                    self.dead_letters.send(&record, &reason, &self.attempts, batch).await?;
                    resolved(record, "dead_lettered");
                }
            }
        }
        Ok(received)
    }
}
