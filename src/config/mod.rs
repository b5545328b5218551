//! The configuration: built-in defaults < file < environment < flags.
//!
//! Guarantee: an unknown or missing key is an error that names the key and what to
//! write instead; a configuration that loads has every value in its range.

mod keys;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::adapters::http::HttpSettings;
use crate::adapters::kafka::settings::KafkaSettings;
use crate::adapters::objects::ObjectSettings;
use crate::adapters::qdrant::QdrantSettings;
use crate::encoder::{EncoderError, EncoderSettings};
use crate::pipeline::dispatch::DispatchSettings;
use crate::pipeline::rank::RankingSettings;
use crate::pipeline::rank::sweep::SweepSettings;
use crate::retry::BackoffSettings;

/// Every setting with its default, commented.
pub const DEFAULTS: &str = include_str!("../../config/default.yaml");
/// Prefix of environment variables: `LOOKALIKE__KAFKA__BOOTSTRAP_SERVERS`.
const ENVIRONMENT_PREFIX: &str = "LOOKALIKE";

/// Which stages this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    All,
    Embed,
    Rank,
}

/// The whole process's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub role: Role,
    pub kafka: KafkaSettings,
    pub objects: ObjectSettings,
    pub encoder: EncoderSettings,
    pub qdrant: QdrantSettings,
    pub ranking: RankingSettings,
    pub embed_jobs: DispatchSettings,
    pub rank_jobs: DispatchSettings,
    pub watch_jobs: DispatchSettings,
    pub sweep: SweepSettings,
    pub retry: BackoffSettings,
    pub http: HttpSettings,
    pub shutdown: ShutdownSettings,
    pub log: LogSettings,
}

/// Bounds of a clean stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownSettings {
    /// Work under way may finish.
    pub drain_ms: u64,
    /// From the signal to the end of the process, whatever is left.
    pub deadline_ms: u64,
}

/// How the log looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    pub format: LogFormat,
    /// Filter directives, e.g. `info,lookalike=debug`.
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// A configuration that cannot be used. Exit code 78.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration: {0}")]
    Read(#[from] config::ConfigError),
    #[error("configuration file {}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("configuration: unknown key {key}{}", suggestion(nearest))]
    UnknownKey { key: String, nearest: Option<String> },
    #[error("configuration: {key} is missing; set it in the file, or as {variable}")]
    MissingKey { key: &'static str, variable: String },
    #[error("configuration: {0}")]
    Encoder(#[from] EncoderError),
    #[error("configuration: {key} is {value}; it must be {must}")]
    Range { key: &'static str, value: String, must: &'static str },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

/// Keys without default that every worker needs.
const REQUIRED: [&str; 2] = ["kafka.bootstrap_servers", "qdrant.url"];

impl Config {
    /// Reads a file and the environment over the defaults.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let mut sources = Vec::new();
        if let Some(path) = path {
            let file = config::File::from(path).format(format_of(path)?);
            let file = config::Config::builder()
                .add_source(file)
                .build()
                .map_err(|error| ConfigError::File { path: path.to_path_buf(), reason: error.to_string() })?;
            sources.push(file);
        }
        let environment = config::Environment::with_prefix(ENVIRONMENT_PREFIX)
            .prefix_separator("__")
            .separator("__")
            .ignore_empty(true);
        sources.push(config::Config::builder().add_source(environment).build()?);
        let mut config = Self::merge(sources)?;
        let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        config.encoder = config.encoder.or_library(library);
        Ok(config)
    }

    /// Reads YAML text over the defaults, without the environment.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        let source = config::File::from_str(text, config::FileFormat::Yaml);
        Self::merge(vec![config::Config::builder().add_source(source).build()?])
    }

    fn merge(sources: Vec<config::Config>) -> Result<Self, ConfigError> {
        let defaults = config::File::from_str(DEFAULTS, config::FileFormat::Yaml);
        let known = config::Config::builder().add_source(defaults).build()?;
        let known: serde_json::Value = known.try_deserialize()?;
        let defaults = config::File::from_str(DEFAULTS, config::FileFormat::Yaml);
        let mut builder = config::Config::builder().add_source(defaults);
        for source in sources {
            keys::check(&source.clone().try_deserialize()?, &known)?;
            builder = builder.add_source(source);
        }
        let merged = builder.build()?;
        for key in REQUIRED {
            if merged.get_string(key).is_err() {
                let variable = format!("{ENVIRONMENT_PREFIX}__{}", key.to_uppercase().replace('.', "__"));
                return Err(ConfigError::MissingKey { key, variable });
            }
        }
        let config: Self = merged.try_deserialize()?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.encoder.validate()?;
        let ranking = &self.ranking;
        let range = |fits: bool, key, value: String, must| {
            if fits { Ok(()) } else { Err(ConfigError::Range { key, value, must }) }
        };
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let cosine = |value: f64| (-1.0..=1.0).contains(&value);
        // 1000 neighbours without explanations stay below Kafka's default record size.
        range((1..=1000).contains(&ranking.k), "ranking.k", ranking.k.to_string(), "1 to 1000")?;
        range(share(ranking.text_weight), "ranking.text_weight", ranking.text_weight.to_string(), "0 to 1")?;
        range(cosine(ranking.threshold), "ranking.threshold", ranking.threshold.to_string(), "-1 to 1")?;
        let weight = ranking.coverage_weight;
        range(
            weight >= 0.0 && weight.is_finite(),
            "ranking.coverage_weight",
            weight.to_string(),
            "0 or more",
        )?;
        let positive = [
            ("ranking.min_matches", ranking.min_matches),
            ("ranking.candidate_limit", ranking.candidate_limit),
            ("ranking.max_images", ranking.max_images),
            ("ranking.fan_out_per_second", ranking.fan_out_per_second as usize),
            ("ranking.max_matches", ranking.max_matches.unwrap_or(1)),
            ("objects.max_concurrent_fetches", self.objects.max_concurrent_fetches),
            ("embed_jobs.max_concurrent_articles", self.embed_jobs.max_concurrent_articles),
            ("embed_jobs.max_batch_records", self.embed_jobs.max_batch_records),
            ("rank_jobs.max_concurrent_articles", self.rank_jobs.max_concurrent_articles),
            ("rank_jobs.max_batch_records", self.rank_jobs.max_batch_records),
            ("watch_jobs.max_concurrent_articles", self.watch_jobs.max_concurrent_articles),
            ("watch_jobs.max_batch_records", self.watch_jobs.max_batch_records),
            ("kafka.max_in_flight_records", self.kafka.max_in_flight_records),
            ("kafka.max_uncommitted_records", self.kafka.max_uncommitted_records),
            ("qdrant.replication_factor", self.qdrant.replication_factor as usize),
        ];
        for (key, value) in positive {
            range(value >= 1, key, value.to_string(), "at least 1")?;
        }
        let milliseconds = [
            ("kafka.commit_interval_ms", self.kafka.commit_interval_ms),
            ("kafka.delivery_timeout_ms", self.kafka.delivery_timeout_ms),
            ("qdrant.timeout_ms", self.qdrant.timeout_ms),
            ("sweep.interval_ms", self.sweep.interval_ms),
            ("retry.first_ms", self.retry.first_ms),
            ("retry.max_ms", self.retry.max_ms),
        ];
        for (key, value) in milliseconds {
            range(value >= 1, key, value.to_string(), "at least 1")?;
        }
        range(
            self.shutdown.deadline_ms > self.shutdown.drain_ms,
            "shutdown.deadline_ms",
            self.shutdown.deadline_ms.to_string(),
            "above shutdown.drain_ms",
        )
    }
}

fn format_of(path: &Path) -> Result<config::FileFormat, ConfigError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => Ok(config::FileFormat::Yaml),
        Some("toml") => Ok(config::FileFormat::Toml),
        _ => Err(ConfigError::File {
            path: path.to_path_buf(),
            reason: "its name must end in .yaml, .yml or .toml".to_owned(),
        }),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
