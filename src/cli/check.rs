//! `lookalike check`: the configuration and every dependency, one line each.

use std::process::ExitCode;

use clap::Args;

use super::ConfigArguments;
use crate::adapters::kafka::admin;
use crate::adapters::objects::Objects;
use crate::app::{AppError, OpenCatalogue, exit};
use crate::config::{Config, Role};
use crate::encoder::Encoder;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookalike check -c lookalike.yaml
  lookalike check -c lookalike.yaml --offline       # files and settings only

Exit codes: 0 all is well, 69 a service does not answer, 78 the configuration is at fault.")]
pub(super) struct CheckArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Do not connect to anything
    #[arg(long)]
    offline: bool,
}

/// The worst result so far.
struct Outcome(u8);

impl Outcome {
    /// Prints one line.
    fn line(&mut self, name: &str, result: Result<String, AppError>) {
        match result {
            Ok(detail) => println!("ok    {name}: {detail}"),
            Err(error) => {
                println!("fail  {name}: {error}");
                // 78 outweighs 69 outweighs 1: the user can mend the configuration.
                self.0 = self.0.max(error.exit_code());
            }
        }
    }
}

pub(super) async fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let mut outcome = Outcome(0);
    let config = match arguments.config.load() {
        Ok(config) => config,
        Err(error) => {
            outcome.line("configuration", Err(error));
            return Ok(ExitCode::from(outcome.0));
        }
    };
    outcome.line("configuration", Ok(format!("valid, role {:?}", config.role).to_lowercase()));
    outcome.line("encoder", encoder(&config).await);
    outcome.line("object stores", stores(&config));
    if !arguments.offline {
        outcome.line("kafka", kafka(&config).await);
        outcome.line("qdrant", qdrant(&config).await);
    }
    Ok(ExitCode::from(outcome.0.min(exit::CONFIGURATION)))
}

async fn encoder(config: &Config) -> Result<String, AppError> {
    let settings = config.encoder.clone();
    if config.role == Role::Rank {
        let (fingerprint, _) = Encoder::identify(&settings)?;
        return Ok(format!("{fingerprint}, not loaded in role rank"));
    }
    let loaded = tokio::task::spawn_blocking(move || Encoder::load(&settings)).await;
    let encoder = loaded.map_err(AppError::Task)??;
    if config.ranking.text_weight > 0.0 && !encoder.has_text() {
        return Err(AppError::NoText);
    }
    Ok(format!(
        "{}, {} dimensions, on {}, self test passed",
        encoder.fingerprint(),
        encoder.dimension(),
        encoder.execution_provider()
    ))
}

fn stores(config: &Config) -> Result<String, AppError> {
    Objects::new(&config.objects)?;
    let uris: Vec<&str> = config.objects.stores.iter().map(|store| store.uri.as_str()).collect();
    Ok(if uris.is_empty() { "none allowed: image events are refused".to_owned() } else { uris.join(", ") })
}

async fn kafka(config: &Config) -> Result<String, AppError> {
    let settings = config.kafka.clone();
    let checked = tokio::task::spawn_blocking(move || admin::check_topics(&settings)).await;
    let topics = checked.map_err(AppError::Task)??;
    let named: Vec<String> =
        topics.iter().map(|topic| format!("{} ({} partitions)", topic.name, topic.partitions)).collect();
    Ok(named.join(", "))
}

async fn qdrant(config: &Config) -> Result<String, AppError> {
    let found = OpenCatalogue::open(config).await;
    match found {
        Ok(store) => {
            let server = store.catalogue.server().await;
            let collections = store.catalogue.collections().join(", ");
            store.close().await?;
            Ok(format!("{}; {collections}", server?))
        }
        // The first worker creates them.
        Err(AppError::Store(crate::adapters::qdrant::StoreError::MissingCollection { collection }))
            if config.qdrant.create_collections =>
        {
            Ok(format!("{collection} does not exist yet and will be created"))
        }
        Err(error) => Err(error),
    }
}
