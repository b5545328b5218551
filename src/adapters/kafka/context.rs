//! librdkafka's callbacks: rebalances, statistics.
//!
//! Guarantee: when a partition is revoked, nothing new starts for it, work under way
//! gets until the revoke deadline, and what it finished is committed before the
//! partition goes. All callbacks run on the consumer's own thread, inside `poll`.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::Assignment;
use super::control::Control;
use super::error::KafkaError;
use super::record::{Resolved, TopicPartition};
use super::settings::{KafkaSettings, StartFrom};
use crate::metrics::metrics;

/// State shared by the poll loop and the callbacks, all on one thread.
pub(super) struct Context {
    settings: KafkaSettings,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) assignment: Assignment,
    pub(super) resolved: Receiver<Resolved>,
    /// Why consuming cannot go on, noted by a callback for the poll loop.
    pub(super) failure: Option<KafkaError>,
    /// Told of every sign of life, also while a callback waits.
    pub(super) control: Arc<Control>,
}

impl State {
    /// Moves the watermarks by all that was resolved meanwhile.
    pub(super) fn drain_resolved(&mut self) {
        while let Ok(resolved) = self.resolved.try_recv() {
            self.assignment.resolve(&resolved);
        }
    }

    /// Waits until no work is under way for these partitions, or the deadline.
    pub(super) fn wait_for_active(&mut self, origins: &[TopicPartition], deadline: Instant) {
        loop {
            self.control.beat();
            self.drain_resolved();
            let left = deadline.saturating_duration_since(Instant::now());
            if self.assignment.active(origins) == 0 || left.is_zero() {
                self.drain_resolved();
                return;
            }
            // Work ends by resolving its record, or by failing: look again soon.
            let pause = left.min(std::time::Duration::from_millis(10));
            if let Ok(resolved) = self.resolved.recv_timeout(pause) {
                self.assignment.resolve(&resolved);
            }
        }
    }
}

impl Context {
    pub(super) fn new(settings: KafkaSettings, resolved: Receiver<Resolved>, control: Arc<Control>) -> Self {
        let state = State { assignment: Assignment::default(), resolved, failure: None, control };
        Self { settings, state: Mutex::new(state) }
    }

    pub(super) fn settings(&self) -> &KafkaSettings {
        &self.settings
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Only this thread takes the lock; a panic elsewhere cannot have torn it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &mut TopicPartitionList,
    ) -> Result<(), ClientError> {
        self.start_new_groups(consumer, partitions)?;
        let mut state = self.state();
        state.control.assigned();
        // A commit sent while the group rebalanced was refused, and nobody told us.
        state.assignment.forget_commits();
        for origin in origins(partitions) {
            metrics().kafka.assigned_partitions.with_label_values(&[&*origin.topic]).inc();
            if origin.partition == 0 {
                state.control.set_first_partition(true);
            }
            state.assignment.assign(origin);
        }
        drop(state);
        metrics().kafka.rebalances.with_label_values(&["assigned"]).inc();
        tracing::info!(partitions = ?named(partitions), "partitions assigned");
        consumer.incremental_assign(partitions)?;
        // librdkafka keeps a partition paused while another member owns it; ours
        // begins unpaused.
        consumer.resume(partitions)
    }

    /// Where the group has no committed offset, begins as configured.
    fn start_new_groups(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &mut TopicPartitionList,
    ) -> Result<(), ClientError> {
        let timeout = std::time::Duration::from_secs(30);
        let committed = consumer.committed_offsets(partitions.clone(), timeout)?;
        let start = match self.settings.start_from {
            StartFrom::Earliest => Offset::Beginning,
            StartFrom::Latest => Offset::End,
        };
        for element in committed.elements() {
            // An offset that cannot be read is not an absent one.
            element.error()?;
            let offset = match element.offset() {
                Offset::Offset(next) => Offset::Offset(next),
                _ => start,
            };
            partitions.set_partition_offset(element.topic(), element.partition(), offset)?;
        }
        Ok(())
    }

    fn revoke(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> Result<(), ClientError> {
        let origins = origins(partitions);
        let mut state = self.state();
        state.assignment.end_leases(&origins);
        if origins.iter().any(|origin| origin.partition == 0) {
            state.control.set_first_partition(false);
        }
        if consumer.assignment_lost() {
            // Another member may own them by now: our offsets no longer count.
            metrics().kafka.rebalances.with_label_values(&["lost"]).inc();
            tracing::warn!(partitions = ?named(partitions), "partitions lost");
        } else {
            state.wait_for_active(&origins, Instant::now() + self.settings.revoke_deadline());
            commit(consumer, &mut state.assignment, CommitMode::Sync);
            metrics().kafka.rebalances.with_label_values(&["revoked"]).inc();
            tracing::info!(partitions = ?named(partitions), "partitions revoked");
        }
        state.assignment.remove(&origins);
        drop(state);
        for origin in &origins {
            metrics().kafka.assigned_partitions.with_label_values(&[&*origin.topic]).dec();
            let labels = [&*origin.topic, &origin.partition.to_string()];
            // Absent until the first statistics came.
            metrics().kafka.consumer_lag.remove_label_values(&labels).ok();
        }
        consumer.incremental_unassign(partitions)
    }
}

/// Commits what moved. A failure is logged and everything is sent again next time.
/// How an asynchronous commit ended is never told: rdkafka 0.39 sets no
/// `offset_commit_cb`, without which librdkafka 2.12 answers nobody
/// (`rd_kafka_cgrp_propagate_commit_result`). So all offsets are sent again after
/// every rebalance, and now and then (`RESEND_EVERY` of the consumer).
pub(super) fn commit(consumer: &BaseConsumer<Context>, assignment: &mut Assignment, mode: CommitMode) {
    let commits = assignment.take_commits();
    if commits.is_empty() {
        return;
    }
    let mut offsets = TopicPartitionList::with_capacity(commits.len());
    for (origin, next) in &commits {
        if let Err(error) =
            offsets.add_partition_offset(&origin.topic, origin.partition, Offset::Offset(*next))
        {
            tracing::error!(%error, "an offset cannot be committed");
        }
    }
    if let Err(error) = consumer.commit(&offsets, mode) {
        tracing::warn!(%error, "commit failed, sent again later");
        assignment.forget_commits();
    }
}

fn origins(partitions: &TopicPartitionList) -> Vec<TopicPartition> {
    partitions
        .elements()
        .iter()
        .map(|element| TopicPartition { topic: element.topic().into(), partition: element.partition() })
        .collect()
}

fn named(partitions: &TopicPartitionList) -> Vec<String> {
    partitions.elements().iter().map(|e| format!("{}/{}", e.topic(), e.partition())).collect()
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        for (topic, statistics) in &statistics.topics {
            for (partition, statistics) in &statistics.partitions {
                let owned = statistics.desired && statistics.consumer_lag >= 0;
                if owned {
                    let labels = [topic.as_str(), &partition.to_string()];
                    metrics().kafka.consumer_lag.with_label_values(&labels).set(statistics.consumer_lag);
                }
            }
        }
    }

    fn error(&self, error: ClientError, reason: &str) {
        tracing::warn!(%error, reason, "kafka client");
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let done = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, partitions),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoke(consumer, partitions),
            other => Err(ClientError::Rebalance(other.into())),
        };
        if let Err(error) = done {
            self.state().failure = Some(KafkaError::Assign(error));
        }
    }
}
