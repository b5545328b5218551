//! The configuration: built-in defaults < file < environment < flags.
//!
//! Guarantee: an unknown or missing key is an error that names the key and what to
//! write instead; a configuration that loads has every value in its range.

mod keys;
pub mod print;
mod ranges;
pub mod schema;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::adapters::http::HttpSettings;
use crate::adapters::kafka::settings::KafkaSettings;
use crate::adapters::objects::ObjectSettings;
use crate::adapters::qdrant::QdrantSettings;
use crate::encoder::{EncoderError, EncoderSettings};
use crate::pipeline::dispatch::DispatchSettings;
use crate::pipeline::rank::RankingSettings;
use crate::pipeline::rank::sweep::SweepSettings;
use crate::retry::BackoffSettings;
use crate::telemetry::TelemetrySettings;

use self::print::Origins;

/// Every setting with its default, commented.
pub const DEFAULTS: &str = include_str!("../../config/default.yaml");
/// Prefix of environment variables: `LOOKALIKE__KAFKA__BOOTSTRAP_SERVERS`.
const ENVIRONMENT_PREFIX: &str = "LOOKALIKE";

/// Which stages this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    All,
    Embed,
    Rank,
}

impl Role {
    /// Its name in settings and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Embed => "embed",
            Self::Rank => "rank",
        }
    }
}

/// The whole process's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    pub telemetry: TelemetrySettings,
    pub http: HttpSettings,
    pub shutdown: ShutdownSettings,
    pub log: LogSettings,
}

/// Bounds of a clean stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShutdownSettings {
    /// Work under way may finish.
    pub drain_ms: u64,
    /// From the signal to the end of the process, whatever is left.
    pub deadline_ms: u64,
}

/// How the log looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    pub format: LogFormat,
    /// Filter directives, e.g. `info,lookalike=debug`.
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    Range { key: &'static str, value: String, must: String },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

/// Keys without default that every worker needs.
const REQUIRED: [&str; 2] = ["kafka.bootstrap_servers", "qdrant.url"];

impl Config {
    /// Reads a file and the environment over the defaults.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Ok(Self::load_with_origins(path)?.0)
    }

    /// The same, with where each value comes from that is not the default.
    pub fn load_with_origins(path: Option<&Path>) -> Result<(Self, Origins), ConfigError> {
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
        let (mut config, mut origins) = Self::merge(sources)?;
        let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let configured = config.encoder.library.is_some();
        config.encoder = config.encoder.or_library(library);
        if !configured && config.encoder.library.is_some() {
            origins.insert("encoder.library".to_owned(), "the environment".to_owned());
        }
        Ok((config, origins))
    }

    /// Reads YAML text over the defaults, without the environment.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        let source = config::File::from_str(text, config::FileFormat::Yaml);
        Ok(Self::merge(vec![config::Config::builder().add_source(source).build()?])?.0)
    }

    fn merge(sources: Vec<config::Config>) -> Result<(Self, Origins), ConfigError> {
        let defaults = config::File::from_str(DEFAULTS, config::FileFormat::Yaml);
        let known = config::Config::builder().add_source(defaults).build()?;
        let known: Value = known.try_deserialize()?;
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
        let mut origins = Origins::new();
        collect_origins(&merged.cache, "", &mut origins);
        let config: Self = merged.try_deserialize()?;
        config.validate()?;
        Ok((config, origins))
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.encoder.validate()?;
        // Strings, numbers and tables of them: it is always JSON.
        ranges::check(&serde_json::to_value(self).unwrap_or_default())?;
        let range = |fits: bool, key, value: String, must: &str| {
            if fits { Ok(()) } else { Err(ConfigError::Range { key, value, must: must.to_owned() }) }
        };
        if let Some(endpoint) = &self.telemetry.otlp.endpoint {
            // Without a scheme the client would take it for https.
            let has_scheme = ["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme));
            let must = "http://host:port or https://host:port";
            range(has_scheme, "telemetry.otlp.endpoint", endpoint.clone(), must)?;
        }
        let ShutdownSettings { drain_ms, deadline_ms } = self.shutdown;
        let must = "above shutdown.drain_ms";
        range(deadline_ms > drain_ms, "shutdown.deadline_ms", deadline_ms.to_string(), must)
    }
}

/// Notes where values come from that have an origin: files by their name, and the
/// environment. Defaults have none.
fn collect_origins(value: &config::Value, path: &str, origins: &mut Origins) {
    if let config::ValueKind::Table(table) = &value.kind {
        for (key, value) in table {
            let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect_origins(value, &here, origins);
        }
    } else if let Some(origin) = value.origin() {
        origins.insert(path.to_owned(), origin.to_owned());
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
