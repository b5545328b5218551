//! The consumer: a thread of its own that polls, hands records out and commits.
//!
//! Guarantee: the thread never blocks on the pipeline, so librdkafka is always
//! polled in time; a full pipeline pauses partitions instead. Stopping ends all
//! leases, waits for work under way until the drain deadline, commits, and leaves
//! the group.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc as edge;

use super::assignment::Limits;
use super::context::{Context, commit};
use super::control::Control;
use super::error::KafkaError;
use super::record::{Ack, Record, Resolved, TopicPartition};
use super::settings::KafkaSettings;
use crate::metrics::metrics;

/// Longest wait for a record; bounds how late resolved records and a stop are seen.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// How often all offsets are committed again, moved or not: how an asynchronous
/// commit ended is never told, and one that was lost must not stay so.
const RESEND_EVERY: Duration = Duration::from_secs(30);

/// A running consumer of one topic.
pub struct Consumer {
    /// Closed when the consumer stops.
    pub records: edge::Receiver<Record>,
    pub control: Arc<Control>,
    /// Ends with the thread; an error ends the process.
    pub finished: tokio::sync::oneshot::Receiver<Result<(), KafkaError>>,
}

/// Starts consuming `topic` in `group`. At most `edge_capacity` records wait for
/// the pipeline; `drain` bounds the wait for work under way when stopping.
pub fn start(
    settings: &KafkaSettings,
    topic: &str,
    group: &str,
    edge_capacity: usize,
    drain: Duration,
) -> Result<Consumer, KafkaError> {
    let (resolved_sender, resolved) = mpsc::channel();
    let control = Arc::new(Control::new());
    let context = Context::new(settings.clone(), resolved, Arc::clone(&control));
    let consumer: BaseConsumer<Context> =
        settings.consumer(group)?.create_with_context(context).map_err(KafkaError::Settings)?;
    consumer.subscribe(&[topic]).map_err(KafkaError::Consume)?;
    let (records_sender, records) = edge::channel(edge_capacity);
    let poller = Poller {
        consumer,
        group: group.to_owned(),
        topic: topic.into(),
        records: records_sender,
        resolved: resolved_sender,
        held: VecDeque::new(),
        control: Arc::clone(&control),
        drain,
    };
    let (finished_sender, finished) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name(format!("consume {topic}"))
        .spawn(move || {
            // The receiver is gone only when the process is ending anyway.
            finished_sender.send(poller.run()).ok();
        })
        .map_err(|_| KafkaError::ThreadEnded)?;
    Ok(Consumer { records, control, finished })
}

struct Poller {
    consumer: BaseConsumer<Context>,
    group: String,
    topic: Arc<str>,
    records: edge::Sender<Record>,
    resolved: mpsc::Sender<Resolved>,
    /// Polled while the edge was full; bounded by the partitions' limits.
    held: VecDeque<Record>,
    control: Arc<Control>,
    drain: Duration,
}

impl Poller {
    fn run(mut self) -> Result<(), KafkaError> {
        let (mut committed, mut resent) = (Instant::now(), Instant::now());
        while !self.control.is_stopped() {
            self.control.beat();
            self.apply_backpressure()?;
            self.release_held();
            if resent.elapsed() >= RESEND_EVERY {
                self.consumer.context().state().assignment.forget_commits();
                resent = Instant::now();
            }
            if committed.elapsed() >= self.settings().commit_interval() {
                commit(&self.consumer, &mut self.consumer.context().state().assignment, CommitMode::Async);
                committed = Instant::now();
            }
            self.poll()?;
            let mut state = self.consumer.context().state();
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            if self.records.is_closed() {
                break;
            }
        }
        self.finish();
        Ok(())
    }

    fn settings(&self) -> &KafkaSettings {
        self.consumer.context().settings()
    }

    /// Takes in what was resolved, pauses full partitions, resumes roomy ones.
    fn apply_backpressure(&self) -> Result<(), KafkaError> {
        let limits = Limits {
            in_flight: self.settings().max_in_flight_records,
            span: self.settings().max_uncommitted_records,
        };
        let mut state = self.consumer.context().state();
        state.drain_resolved();
        let in_flight = i64::try_from(state.assignment.in_flight()).unwrap_or(i64::MAX);
        metrics().kafka.records_in_flight.with_label_values(&[&self.group]).set(in_flight);
        let flow = state.assignment.flow(limits);
        drop(state);
        if !flow.pause.is_empty() {
            self.consumer.pause(&list(&flow.pause)).map_err(KafkaError::Consume)?;
        }
        if !flow.resume.is_empty() {
            self.consumer.resume(&list(&flow.resume)).map_err(KafkaError::Consume)?;
        }
        Ok(())
    }

    fn release_held(&mut self) {
        while let Some(record) = self.held.pop_front() {
            if let Err(edge::error::TrySendError::Full(record)) = self.records.try_send(record) {
                self.held.push_front(record);
                return;
            }
        }
    }

    fn poll(&mut self) -> Result<(), KafkaError> {
        let record = match self.consumer.poll(POLL_WAIT) {
            None => return Ok(()),
            Some(Ok(message)) => self.delivered(&message),
            Some(Err(error)) => return tolerated(error),
        };
        if let Some(record) = record {
            metrics().kafka.records_received.with_label_values(&[&*self.topic]).inc();
            self.held.push_back(record);
            self.release_held();
        }
        Ok(())
    }

    fn delivered(&self, message: &BorrowedMessage<'_>) -> Option<Record> {
        let origin = TopicPartition { topic: Arc::clone(&self.topic), partition: message.partition() };
        let offset = message.offset();
        let lease = self.consumer.context().state().assignment.deliver(&origin, offset)?;
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect()
        });
        let resolved = self.resolved.clone();
        Some(Record {
            ack: Ack::new(origin.clone(), offset, lease, resolved),
            origin,
            offset,
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
            timestamp_ms: message.timestamp().to_millis(),
        })
    }

    /// Nothing new starts; work under way may finish; then the group is left.
    fn finish(self) {
        let Self { consumer, records, held, drain, .. } = self;
        let context = Arc::clone(consumer.context());
        let owned = context.state().assignment.partitions();
        context.state().assignment.end_leases(&owned);
        drop(held);
        // The closed edge tells the pipeline that nothing more will come.
        drop(records);
        if !owned.is_empty()
            && let Err(error) = consumer.pause(&list(&owned))
        {
            tracing::warn!(%error, "partitions could not be paused");
        }
        let mut state = context.state();
        state.wait_for_active(&owned, Instant::now() + drain);
        state.assignment.forget_commits();
        commit(&consumer, &mut state.assignment, CommitMode::Sync);
        // Closing calls the revoke callback, which takes the state itself.
        drop(state);
        drop(consumer);
    }
}

fn list(origins: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(origins.len());
    for origin in origins {
        list.add_partition(&origin.topic, origin.partition).set_offset(Offset::Invalid).ok();
    }
    list
}

/// librdkafka heals most errors itself; the others end the process.
fn tolerated(error: ClientError) -> Result<(), KafkaError> {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
            Err(KafkaError::OffsetLost(error))
        }
        Some(RDKafkaErrorCode::Fatal) => Err(KafkaError::Consume(error)),
        _ if matches!(error, ClientError::MessageConsumptionFatal(_)) => Err(KafkaError::Consume(error)),
        _ => {
            tracing::warn!(%error, "kafka consumer");
            Ok(())
        }
    }
}
