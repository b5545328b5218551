//! The command line, a file for each command.
//!
//! Guarantee: data goes to standard output, everything else to standard error. Exit
//! codes: 0 done, 1 failed, 2 wrong usage, 65 bad input data, 69 a service does not
//! answer, 78 the configuration is at fault.

mod check;
mod config;
mod demo;
pub mod dev;
mod embed;
mod listing;
mod rebuild;
pub mod score;
mod similar;
mod topics;
mod tune_encoder;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::app::{AppError, exit};
use crate::config::{Config, LogFormat, LogSettings};
use crate::imaging;
use crate::telemetry;

/// Keeps every product's list of similar products fresh.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the worker: Kafka events in, lists of similar articles out
    Run(worker::RunArguments),
    /// Run the worker on built-in servers, fed from a catalogue
    Demo(demo::DemoArguments),
    /// Check the configuration and everything it names, one line each
    Check(check::CheckArguments),
    /// Print the configuration, its schema or an example
    Config(config::ConfigCommand),
    /// Create the topics of the worker, or verify them
    Topics(topics::TopicsArguments),
    /// Turn images and texts into embeddings
    Embed(embed::EmbedArguments),
    /// Measure which sessions, threads and batches make the encoder fastest on this machine
    TuneEncoder(tune_encoder::TuneArguments),
    /// Score similarity matrices or pairs of image sets
    Score(score::ScoreArguments),
    /// Compute exact lists by brute force over what is stored, or compare with them
    Rebuild(rebuild::RebuildArguments),
    /// Show the stored list of an article
    Similar(similar::SimilarArguments),
    /// Built-in servers for development
    Dev(dev::DevArguments),
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
struct ConfigArguments {
    /// Configuration file, .yaml or .toml [environment: LOOKALIKE__SECTION__KEY overrides it]
    #[arg(short, long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    /// Loads the configuration and starts logging as it says.
    fn load(&self) -> Result<Config, AppError> {
        let config = Config::load(self.config.as_deref())?;
        telemetry::start(&config.log, None)?;
        Ok(config)
    }

    /// The same for a worker, whose traces are exported as well.
    fn load_worker(&self) -> Result<Config, AppError> {
        let config = Config::load(self.config.as_deref())?;
        telemetry::start(&config.log, Some(&config.telemetry.otlp))?;
        Ok(config)
    }
}

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let matches = Cli::command().get_matches();
    let command = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => error.exit(),
    };
    imaging::keep_freed_buffers();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = runtime.block_on(dispatch(command, &matches));
    // A thread stuck in a client library must not keep the process alive.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| failed(&error))
}

async fn dispatch(command: Command, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(arguments) => worker::run(&arguments).await,
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Check(arguments) => check::run(&arguments).await,
        Command::Config(arguments) => config::run(&arguments, &mut std::io::stdout().lock()),
        Command::Topics(arguments) => topics::run(&arguments).await,
        Command::Embed(arguments) => {
            // The order of images among texts is only here.
            let own = matches.subcommand_matches("embed").unwrap_or(matches);
            embed::run(&arguments, own).await
        }
        Command::TuneEncoder(arguments) => tune_encoder::run(&arguments, &mut std::io::stdout()).await,
        Command::Score(arguments) => score::run(&arguments, &mut std::io::stdout().lock()),
        Command::Rebuild(arguments) => rebuild::run(&arguments).await,
        Command::Similar(arguments) => similar::run(&arguments).await,
        Command::Dev(arguments) => {
            log_warnings()?;
            dev::run(&arguments, &mut std::io::stdout()).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Commands other than the worker only log what is wrong.
fn log_warnings() -> Result<(), AppError> {
    let log = LogSettings { format: LogFormat::Text, filter: "warn".to_owned() };
    Ok(telemetry::start(&log, None)?)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("lookalike: {}", without_repetition(error));
    let code = error.downcast_ref::<AppError>().map_or(exit::FAILURE, AppError::exit_code);
    ExitCode::from(code)
}

/// The chain of causes, leaving out those that the one before tells already.
fn without_repetition(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        _ if told.contains(&cause) => told,
        _ => format!("{told}: {cause}"),
    })
}
