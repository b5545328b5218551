//! `lookalike topics`: the topics that the worker needs.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::ConfigArguments;
use crate::adapters::kafka::topics::{self, Sizes, State};
use crate::app::{AppError, exit};

#[derive(Debug, Args)]
pub(super) struct TopicsArguments {
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(Debug, Subcommand)]
enum TopicsCommand {
    /// Create the topics that are missing, and verify the others
    #[command(after_help = "Examples:
  lookalike topics create -c lookalike.yaml --dry-run
  lookalike topics create -c lookalike.yaml --partitions 24 --replication-factor 3

Names come from the configuration. Lists are compacted; events, rank requests and dead
letters are not, and dead letters are kept for 30 days. What exists is never altered.

Exit codes: 0 all topics are right, 1 an existing one differs, 69 Kafka does not answer, 78
the configuration is at fault or a topic was refused.")]
    Create(CreateArguments),
}

#[derive(Debug, Args)]
struct CreateArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Partitions of each topic but the dead letters', which get 1 [default: 12 for new
    /// ones; existing ones may have any]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// Copies of each partition [default: what the brokers are set to; existing topics may
    /// have any]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=32767))]
    replication_factor: Option<i32>,
    /// Only say what would be created
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(arguments: &TopicsArguments) -> anyhow::Result<ExitCode> {
    let TopicsCommand::Create(arguments) = &arguments.command;
    let config = arguments.config.load()?;
    let sizes = Sizes { partitions: arguments.partitions, replication_factor: arguments.replication_factor };
    let reports = topics::create(&config.kafka, sizes, arguments.dry_run).await.map_err(AppError::from)?;
    let mut code = ExitCode::SUCCESS;
    for report in reports {
        let (topic, about) = (report.topic, report.about);
        match report.state {
            State::Right => println!("ok       {topic}: {about}"),
            State::Created => println!("created  {topic}: {about}"),
            State::Missing => println!("missing  {topic}: would be created with {about}"),
            State::Differs(differences) => {
                println!("differs  {topic}: {}", differences.join("; "));
                code = ExitCode::from(exit::FAILURE);
            }
        }
    }
    Ok(code)
}
