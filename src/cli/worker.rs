//! `lookalike run`: the worker, until a signal.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::ConfigArguments;
use crate::app::Worker;
use crate::config::Role;
use crate::shutdown::signalled;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookalike run -c lookalike.yaml
  lookalike run -c lookalike.yaml --role embed      # on GPU nodes
  LOOKALIKE__QDRANT__URL=http://qdrant:6334 lookalike run -c lookalike.yaml --role rank

SIGTERM and SIGINT finish work under way, commit, and end with exit code 0.")]
pub(super) struct RunArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Stages to run; overrides `role` of the configuration
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleArgument>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArgument {
    All,
    Embed,
    Rank,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::All => Self::All,
            RoleArgument::Embed => Self::Embed,
            RoleArgument::Rank => Self::Rank,
        }
    }
}

pub(super) async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let mut config = arguments.config.load_worker()?;
    if let Some(role) = arguments.role {
        config.role = role.into();
    }
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone());
    Worker::bind(config).await?.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Cancels `stop` at the first signal.
pub(super) fn stop_on_signal(stop: CancellationToken) {
    tokio::spawn(async move {
        match signalled().await {
            Ok(signal) => tracing::info!(signal, "stopping"),
            Err(error) => tracing::error!(%error, "signals cannot be received, stopping"),
        }
        stop.cancel();
    });
}
