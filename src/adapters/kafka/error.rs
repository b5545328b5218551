//! What a Kafka failure means.

use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};

use crate::error::{Classify, Disposition};

/// A failure of a Kafka client.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    #[error("kafka settings are not valid: {0}")]
    Settings(#[source] ClientError),
    #[error(
        "kafka property {name} cannot be set: the worker's guarantees rest on its own value, \
         or it has a setting of its own; remove it from the kafka properties"
    )]
    ReservedProperty { name: String },
    #[error("kafka at {servers} does not answer: {source}")]
    Unreachable { servers: String, source: ClientError },
    #[error("topic {topic} does not exist; create it first ({hint})")]
    MissingTopic { topic: String, hint: &'static str },
    #[error("topic {topic} could not be created: {code}")]
    Create { topic: String, code: Code },
    #[error("kafka did not answer about its topics: {source}")]
    Admin { source: ClientError },
    #[error("a record could not be produced to {topic}: {source}")]
    Produce { topic: String, source: ClientError },
    #[error("consuming stopped: {0}")]
    Consume(#[source] ClientError),
    #[error(
        "the committed offset is not in the log any more, records may be lost: {0}; \
         reset the consumer group's offsets on purpose to go on"
    )]
    OffsetLost(#[source] ClientError),
    #[error("partitions could not be assigned: {0}")]
    Assign(#[source] ClientError),
    #[error("the consumer thread ended before its time")]
    ThreadEnded,
}

impl Classify for KafkaError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Settings(_) | Self::ReservedProperty { .. } | Self::MissingTopic { .. } => {
                Disposition::Configuration
            }
            Self::Unreachable { .. } | Self::Admin { .. } => Disposition::Retry,
            Self::Create { code, .. } => of_create(*code),
            Self::Produce { source, .. } => of_produce(source),
            Self::Consume(_) | Self::OffsetLost(_) | Self::Assign(_) | Self::ThreadEnded => {
                Disposition::Fatal
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Settings(_) | Self::ReservedProperty { .. } => "kafka_settings",
            Self::Unreachable { .. } => "kafka_unreachable",
            Self::MissingTopic { .. } => "kafka_topic_missing",
            Self::Create { .. } | Self::Admin { .. } => "kafka_admin",
            Self::Produce { .. } => "kafka_produce",
            Self::Consume(_) | Self::Assign(_) | Self::ThreadEnded => "kafka_consume",
            Self::OffsetLost(_) => "kafka_offset_lost",
        }
    }
}

fn of_create(code: Code) -> Disposition {
    match code {
        Code::RequestTimedOut | Code::OperationTimedOut | Code::NotController => Disposition::Retry,
        // A right is missing, or the cluster has fewer brokers than copies were asked for.
        _ => Disposition::Configuration,
    }
}

fn of_produce(error: &ClientError) -> Disposition {
    match error.rdkafka_error_code() {
        Some(
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::PolicyViolation,
        ) => Disposition::Configuration,
        // The idempotent producer lost its sequence; only a new process has a new one.
        Some(Code::Fatal | Code::Fenced) => Disposition::Fatal,
        Some(Code::MessageSizeTooLarge) => Disposition::DeadLetter,
        _ => Disposition::Retry,
    }
}
