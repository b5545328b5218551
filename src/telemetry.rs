//! The log: to standard error, so that standard output stays data.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogFormat, LogSettings};

/// Starts logging. Called once; a second call changes nothing.
pub fn start(settings: &LogSettings) -> Result<(), ParseError> {
    let filter: EnvFilter = settings.filter.parse()?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An earlier subscriber (another command of the same test process) stays.
    match settings.format {
        LogFormat::Text => log.with_ansi(false).try_init().ok(),
        LogFormat::Json => log.json().flatten_event(true).try_init().ok(),
    };
    Ok(())
}
