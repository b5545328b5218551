//! The log, and traces of events through both roles.
//!
//! Guarantee: the log goes to standard error, so that standard output stays data.
//! Telemetry never blocks or fails the work: what the receiver of traces does not take
//! in time is dropped and counted. A trace that a record came in is handed on and named
//! in the log also where nothing is exported.

mod export;
mod log;
pub mod spans;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::prelude::*;

use crate::config::LogSettings;

/// What is told about the work besides log and metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Export of traces in OpenTelemetry's protocol.
    pub otlp: OtlpSettings,
}

/// Export of traces in OpenTelemetry's protocol, OTLP over gRPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtlpSettings {
    /// `http(s)://host:4317` of the receiver; none switches the export off.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Share of traces begun here that are exported, 0 to 1. A trace that a record came
    /// in is exported if its sender says so.
    pub sample_ratio: f64,
    /// `service.name` of the spans.
    pub service_name: String,
    /// Spans that may wait for the receiver; further ones are dropped and counted.
    pub queue_capacity: usize,
    /// Longest time for one export, and for the last one when the worker stops.
    pub timeout_ms: u64,
}

impl OtlpSettings {
    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Log or export cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    #[error("telemetry.otlp.endpoint {endpoint} cannot be used: {reason}")]
    Endpoint { endpoint: String, reason: String },
}

/// Starts the log, and with `otlp` the export of traces. Called once; a second call
/// changes nothing. With `otlp` it must be called within a tokio runtime.
pub fn start(settings: &LogSettings, otlp: Option<&OtlpSettings>) -> Result<(), TelemetryError> {
    let filter: EnvFilter = settings.filter.parse()?;
    let traces = match otlp.and_then(|otlp| Some((otlp, otlp.endpoint.as_deref()?))) {
        Some((otlp, endpoint)) => export::layer(otlp, endpoint)?,
        // Makes no spans, but hands on the trace that a record came in.
        None => tracing_opentelemetry::layer().boxed(),
    };
    // Our own spans, and of the log what went wrong in them; not those of libraries.
    let traces = traces.with_filter(filter_fn(|about| {
        about.target().starts_with("lookalike") && (about.is_span() || *about.level() <= Level::WARN)
    }));
    // Lines are told apart by the trace, not by the stages they came from.
    let events = filter_fn(|about| !about.is_span());
    let log = log::layer(settings.format, std::io::stderr).with_filter(filter.and(events));
    // An earlier subscriber (another command of the same test process) stays.
    tracing_subscriber::registry().with(vec![traces.boxed(), log.boxed()]).try_init().ok();
    Ok(())
}

/// Exports what waits, no longer than one export may take, and ends the export.
pub async fn stop() {
    export::stop().await;
}
