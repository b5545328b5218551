//! `lookalike config`: the configuration as it takes effect, its schema, an example.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::ConfigArguments;
use crate::app::AppError;
use crate::config::{Config, DEFAULTS, print, schema};

#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the configuration that takes effect, with secrets masked
    #[command(after_help = "Examples:
  lookalike config print -c lookalike.yaml
  LOOKALIKE__RANKING__K=20 lookalike config print -c lookalike.yaml | grep -n environment
  lookalike config print -c lookalike.yaml --format json | jq .kafka

In YAML, a comment tells where a value comes from that is not the default. Exit codes: 0
done, 78 the configuration is at fault.")]
    Print(PrintArguments),
    /// Print the JSON Schema of the configuration file
    #[command(after_help = "Examples:
  lookalike config schema > lookalike.schema.json
  echo '# yaml-language-server: $schema=lookalike.schema.json' | cat - lookalike.yaml

Editors take the schema for completion and checks. Rules between values are not in it:
`lookalike check --offline` knows them all.")]
    Schema,
    /// Print every setting with its default and what it means
    #[command(after_help = "Example:
  lookalike config example > lookalike.yaml        # then set the values that are null and needed")]
    Example,
}

#[derive(Debug, Args)]
struct PrintArguments {
    #[command(flatten)]
    config: ConfigArguments,
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

pub(super) fn run(arguments: &ConfigCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match &arguments.action {
        Action::Print(arguments) => {
            let path = arguments.config.config.as_deref();
            let (config, origins) = Config::load_with_origins(path).map_err(AppError::from)?;
            let masked = print::masked(&config);
            match arguments.format {
                Format::Yaml => out.write_all(print::yaml(&masked, &origins).as_bytes())?,
                Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&masked)?)?,
            }
        }
        Action::Schema => writeln!(out, "{}", serde_json::to_string_pretty(&schema::of_config())?)?,
        Action::Example => out.write_all(DEFAULTS.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
