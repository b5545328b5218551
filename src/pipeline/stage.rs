//! A stage of a job: timed, and a span of the job's trace.

use std::future::Future;

use tracing::Instrument as _;

use crate::metrics::metrics;
use crate::telemetry::spans;

/// Carries out a stage.
pub(super) async fn stage<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let _timer = metrics().stage.stage_duration.with_label_values(&[name]).start_timer();
    work.instrument(spans::stage(name)).await
}

/// Carries out a stage that only computes.
pub(super) fn compute<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    let _timer = metrics().stage.stage_duration.with_label_values(&[name]).start_timer();
    spans::stage(name).in_scope(work)
}
