//! Connecting to everything a role needs, at start.
//!
//! Guarantee: a wrong set-up is refused at once; a service that does not answer yet
//! is waited for, not ready meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::AppError;
use crate::adapters::kafka::admin;
use crate::adapters::kafka::control::Control;
use crate::adapters::kafka::producer::Producer;
use crate::adapters::objects::Objects;
use crate::adapters::qdrant::{Catalogue, QdrantSettings, VectorShape};
use crate::config::{Config, Role};
use crate::embedded::qdrant::QdrantServer;
use crate::encoder::Encoder;
use crate::error::{Classify, Disposition};
use crate::health::Health;
use crate::metrics::metrics;
use crate::pipeline::dead_letter::DeadLetters;
use crate::pipeline::embed::EmbedRole;
use crate::pipeline::rank::sweep::Sweeper;
use crate::pipeline::rank::{Lists, RankRole, Sets};
use crate::random::Random;
use crate::retry::{Attempts, Failure, Tenure};
use crate::similarity::MAX_DIMENSION;

/// Marks a `qdrant.url` that means the built-in server.
const EMBEDDED: &str = "embedded:";

/// What the roles are made of.
pub(super) struct Parts {
    pub(super) catalogue: Catalogue,
    pub(super) producer: Producer,
    encoder: Option<Encoder>,
    fingerprint: String,
    dimension: usize,
    attempts: Attempts,
    random: Random,
    embedded: Option<QdrantServer>,
}

/// A start that was not asked to stop.
struct Starting<'a>(&'a CancellationToken);

impl Tenure for Starting<'_> {
    fn is_ours(&self) -> bool {
        !self.0.is_cancelled()
    }

    fn may_wait(&self) -> bool {
        self.is_ours()
    }
}

/// At start, what would later be waited for is refused: nothing works yet.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct AtStart(AppError);

impl Classify for AtStart {
    fn disposition(&self) -> Disposition {
        match self.0.disposition() {
            Disposition::Configuration => Disposition::Fatal,
            other => other,
        }
    }

    fn code(&self) -> &'static str {
        "start"
    }
}

impl Parts {
    /// Connects; `None` when stopped meanwhile.
    pub(super) async fn start(
        config: &Config,
        health: &Arc<Health>,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, AppError> {
        let random = Random::from_os();
        let attempts = Attempts::new(config.retry.clone(), Arc::clone(health), random.clone());
        let (encoder, identity) = load_encoder(config).await?;
        let (embedded, qdrant) = embedded_qdrant(&config.qdrant).await?;
        let catalogue = Catalogue::connect(&qdrant, &identity.fingerprint, config.ranking.sizes())?;
        let tenure = Starting(stop);
        let shape = VectorShape { dimension: identity.dimension, variants: config.encoder.has_variants() };
        let prepare = || async {
            let prepared = catalogue.prepare(&qdrant, shape).await;
            prepared.map_err(|error| AtStart(error.into()))
        };
        if !reached(attempts.run("qdrant", &tenure, prepare).await)? {
            return Ok(None);
        }
        let topics = || async {
            let kafka = config.kafka.clone();
            let checked = tokio::task::spawn_blocking(move || admin::check_topics(&kafka)).await;
            checked.map_err(|error| AtStart(AppError::Task(error)))?.map_err(|error| AtStart(error.into()))
        };
        if !reached(attempts.run("kafka", &tenure, topics).await)? {
            return Ok(None);
        }
        let producer = Producer::new(&config.kafka)?;
        let Identity { fingerprint, dimension } = identity;
        Ok(Some(Self { catalogue, producer, encoder, fingerprint, dimension, attempts, random, embedded }))
    }

    pub(super) fn embed_role(&self, config: &Config) -> Result<EmbedRole, AppError> {
        let delays = config.objects.missing_retry_delays_ms.iter().map(|delay| Duration::from_millis(*delay));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(EmbedRole {
            catalogue: Arc::new(self.catalogue.clone()),
            objects: Arc::new(Objects::new(&config.objects)?),
            encoder: Arc::new(self.encoder.clone().ok_or(crate::encoder::EncoderError::Stopped)?),
            log: Arc::new(self.producer.clone()),
            dead_letters: self.dead_letters(config),
            attempts: self.attempts.clone(),
            rank_topic: config.kafka.topics.rank.clone(),
            max_image_bytes: config.encoder.images.max_compressed_bytes,
            missing_retry_delays: delays.collect(),
            decodes: Arc::new(Semaphore::new(cores)),
            failures_in_a_row: Arc::default(),
        })
    }

    pub(super) fn rank_role(&self, config: &Config) -> RankRole {
        let ranking = &config.ranking;
        let cache_bytes = ranking.cache_mebibytes.saturating_mul(1 << 20);
        RankRole {
            catalogue: Arc::new(self.catalogue.clone()),
            log: Arc::new(self.producer.clone()),
            // Sets are large and needed for each candidate, lists for each edit.
            sets: Sets::new(self.dimension, ranking.max_images, cache_bytes / 4 * 3),
            lists: Lists::new(cache_bytes / 4),
            dead_letters: self.dead_letters(config),
            attempts: self.attempts.clone(),
            random: self.random.clone(),
            rank_topic: config.kafka.topics.rank.clone(),
            similar_topic: config.kafka.topics.similar.clone(),
            settings: ranking.clone(),
            comparison: Arc::new(ranking.comparison()),
        }
    }

    pub(super) fn sweeper(&self, config: &Config, rank: Arc<Control>) -> Sweeper {
        Sweeper {
            catalogue: Arc::new(self.catalogue.clone()),
            log: Arc::new(self.producer.clone()),
            attempts: self.attempts.clone(),
            rank_topic: config.kafka.topics.rank.clone(),
            settings: config.sweep.clone(),
            has_turn: Box::new(move || rank.owns_first_partition()),
        }
    }

    fn dead_letters(&self, config: &Config) -> DeadLetters {
        DeadLetters {
            log: Arc::new(self.producer.clone()),
            topic: config.kafka.topics.dead_letters.clone(),
            encoder: self.fingerprint.clone(),
        }
    }

    /// Stops what runs inside the process.
    pub(super) async fn stop(self) -> Result<(), AppError> {
        if let Some(server) = self.embedded {
            server.shutdown().await?;
        }
        Ok(())
    }
}

fn reached<T>(result: Result<T, Failure<AtStart>>) -> Result<bool, AppError> {
    match result {
        Ok(_) => Ok(true),
        Err(Failure::Abandoned) => Ok(false),
        Err(Failure::Failed(AtStart(error))) => Err(error),
    }
}

/// The encoder's name and dimension, which name and shape the collections.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    fingerprint: String,
    dimension: usize,
}

impl Identity {
    /// # Errors
    ///
    /// When vectors are longer than can be compared.
    fn new(fingerprint: String, dimension: usize) -> Result<Self, AppError> {
        if dimension > MAX_DIMENSION {
            return Err(AppError::TooManyDimensions(dimension));
        }
        Ok(Self { fingerprint, dimension })
    }
}

/// Loads the encoder for roles that embed; the others only read who it is.
async fn load_encoder(config: &Config) -> Result<(Option<Encoder>, Identity), AppError> {
    if config.role == Role::Rank {
        let (fingerprint, dimension) = Encoder::identify(&config.encoder)?;
        let dimension = dimension.ok_or(AppError::NoDimension)?;
        return Ok((None, Identity::new(fingerprint, dimension)?));
    }
    let settings = config.encoder.clone();
    let loaded = tokio::task::spawn_blocking(move || Encoder::load(&settings)).await;
    let encoder = loaded.map_err(AppError::Task)??;
    if config.ranking.text_weight > 0.0 && !encoder.has_text() {
        return Err(AppError::NoText);
    }
    let labels = [encoder.fingerprint(), encoder.execution_provider(), encoder.model()];
    metrics().encoder.encoder_info.with_label_values(&labels).set(1);
    let identity = Identity::new(encoder.fingerprint().to_owned(), encoder.dimension())?;
    Ok((Some(encoder), identity))
}

/// Starts the built-in server where the url asks for it; answers settings with a
/// url that a client can use.
pub(super) async fn embedded_qdrant(
    settings: &QdrantSettings,
) -> Result<(Option<QdrantServer>, QdrantSettings), AppError> {
    let Some(folder) = settings.url.strip_prefix(EMBEDDED) else {
        return Ok((None, settings.clone()));
    };
    let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = QdrantServer::start(Path::new(folder), any_port).await?;
    let settings = QdrantSettings { url: server.url(), ..settings.clone() };
    Ok((Some(server), settings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::exit;

    #[test]
    fn vectors_that_cannot_be_compared_are_refused_at_start() {
        let identity = |dimension| Identity::new("encoder".to_owned(), dimension);
        assert!(identity(MAX_DIMENSION).is_ok());
        let refused = identity(MAX_DIMENSION + 1).unwrap_err();
        assert_eq!(refused.exit_code(), exit::CONFIGURATION);
        assert!(refused.to_string().contains("8193"), "{refused}");
    }
}
