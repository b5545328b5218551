//! Looks at the cluster before consuming, so that a wrong set-up is named at start.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::error::KafkaError;
use super::settings::KafkaSettings;

/// How long a cluster may take to answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A topic and its number of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    pub name: String,
    pub partitions: usize,
}

/// Checks that the cluster answers and has every topic. Blocking.
pub fn check_topics(settings: &KafkaSettings) -> Result<Vec<TopicInfo>, KafkaError> {
    let client: BaseConsumer = settings.admin()?.create().map_err(KafkaError::Settings)?;
    let metadata = client
        .fetch_metadata(None, ANSWER_TIMEOUT)
        .map_err(|source| KafkaError::Unreachable { servers: settings.bootstrap_servers.clone(), source })?;
    let topics = &settings.topics;
    let wanted = [
        (&topics.events, "keyed by article_id, as many partitions as embed workers at most"),
        (&topics.rank, "as many partitions as rank workers at most"),
        (&topics.similar, "with cleanup.policy=compact"),
        (&topics.dead_letters, "with a long retention"),
    ];
    wanted
        .into_iter()
        .map(|(name, hint)| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            let partitions = topic.map_or(0, |topic| topic.partitions().len());
            if partitions == 0 {
                return Err(KafkaError::MissingTopic { topic: name.to_owned(), hint });
            }
            Ok(TopicInfo { name: name.to_owned(), partitions })
        })
        .collect()
}
