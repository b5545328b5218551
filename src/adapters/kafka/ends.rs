//! Where the partitions of a topic end at present.

use std::sync::Arc;

use async_trait::async_trait;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::admin::ANSWER_TIMEOUT;
use super::error::KafkaError;
use super::settings::KafkaSettings;
use crate::ports::{Failed, TopicEnds};

/// Asks the brokers. Joins no group.
#[derive(Clone)]
pub struct Ends {
    consumer: Arc<BaseConsumer>,
    servers: String,
}

impl Ends {
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let consumer = settings.admin()?.create().map_err(KafkaError::Settings)?;
        Ok(Self { consumer: Arc::new(consumer), servers: settings.bootstrap_servers.clone() })
    }
}

#[async_trait]
impl TopicEnds for Ends {
    async fn end(&self, topic: &str, partition: i32) -> Result<i64, Failed> {
        let (consumer, topic) = (Arc::clone(&self.consumer), topic.to_owned());
        let asked =
            tokio::task::spawn_blocking(move || consumer.fetch_watermarks(&topic, partition, ANSWER_TIMEOUT));
        let (_, end) = asked.await.map_err(|_| Failed::new(KafkaError::ThreadEnded))?.map_err(|source| {
            Failed::new(KafkaError::Unreachable { servers: self.servers.clone(), source })
        })?;
        Ok(end)
    }
}
