//! Trying again: exponential backoff with jitter, for as long as the work is ours.
//!
//! Guarantee: a failure that passes by itself never costs a record; one that does
//! not is handed back at once. Waiting is bounded per attempt, attempts are not: the
//! record's partition holds its offset, and its lease ends the waiting.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Classify, Disposition};
use crate::health::Health;
use crate::metrics::metrics;
use crate::random::Random;

/// Waiting times between attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackoffSettings {
    /// Wait before the second attempt; doubles each time.
    pub first_ms: u64,
    /// Longest wait.
    pub max_ms: u64,
}

impl BackoffSettings {
    /// The wait after a number of failures (first = 1): half fixed, half random, so
    /// that workers that failed together do not come back together.
    fn delay(&self, failures: u32, random: &Random) -> Duration {
        let doubled = self.first_ms.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let most = doubled.min(self.max_ms).max(1);
        Duration::from_millis(most / 2 + random.at_most(most.div_ceil(2)))
    }
}

/// Work that may lose its right to go on.
pub trait Tenure: Send + Sync {
    /// Side effects are allowed: nobody else has taken the work over.
    fn is_ours(&self) -> bool;
    /// Waiting is worth while: the work is not about to be handed over.
    fn may_wait(&self) -> bool;
}

/// Why an operation has no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// The work is another worker's now; what it has done is repeated there.
    #[error("given up: the partition is no longer ours")]
    Abandoned,
    #[error(transparent)]
    Failed(E),
}

/// Runs operations until they succeed, fail for good, or the work is not ours.
#[derive(Clone)]
pub struct Attempts {
    backoff: BackoffSettings,
    health: Arc<Health>,
    random: Random,
}

impl Attempts {
    pub fn new(backoff: BackoffSettings, health: Arc<Health>, random: Random) -> Self {
        Self { backoff, health, random }
    }

    /// Runs `operation` of a stage. `later`, `dead_letter` and `fatal` failures come
    /// back at once; `configuration` ones make the process not ready meanwhile.
    pub async fn run<T, E, F>(
        &self,
        stage: &'static str,
        tenure: &dyn Tenure,
        mut operation: impl FnMut() -> F,
    ) -> Result<T, Failure<E>>
    where
        E: Classify,
        F: Future<Output = Result<T, E>>,
    {
        let mut failures = 0;
        let ended = |failures: u32, result| {
            // Whatever comes next, this stage answers again; whoever goes on with
            // abandoned work reports for itself.
            if failures > 0 {
                self.health.unblock(stage);
            }
            result
        };
        loop {
            if !tenure.is_ours() {
                return ended(failures, Err(Failure::Abandoned));
            }
            let error = match operation().await {
                Ok(value) => return ended(failures, Ok(value)),
                Err(error) => error,
            };
            let disposition = error.disposition();
            match disposition {
                Disposition::Retry => {}
                Disposition::Configuration => self.health.block(stage, error.to_string()),
                Disposition::Later | Disposition::DeadLetter | Disposition::Fatal => {
                    return ended(failures, Err(Failure::Failed(error)));
                }
            }
            failures += 1;
            let labels = [stage, disposition.as_str(), error.code()];
            metrics().stage.stage_retries.with_label_values(&labels).inc();
            let delay = self.backoff.delay(failures, &self.random);
            tracing::warn!(stage, class = disposition.as_str(), %error, failures, ?delay, "trying again");
            if !wait(tenure, delay).await {
                return ended(failures, Err(Failure::Abandoned));
            }
        }
    }
}

/// Waits; answers false as soon as waiting is no longer worth while.
pub async fn wait(tenure: &dyn Tenure, delay: Duration) -> bool {
    /// How late a lost partition is noticed while waiting.
    const STEP: Duration = Duration::from_millis(100);
    let end = tokio::time::Instant::now() + delay;
    while tenure.may_wait() {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            return true;
        }
        tokio::time::sleep(left.min(STEP)).await;
    }
    false
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
