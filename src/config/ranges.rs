//! Which numbers a setting may have: what is checked at start, and what the schema says.
//!
//! The encoder's settings have their own ranges, in [`encoder::RANGES`](crate::encoder::RANGES).

use serde_json::Value;

use super::ConfigError;

/// The numbers from the lowest to the highest, both of them included.
pub(super) struct Range {
    pub(super) key: &'static str,
    pub(super) lowest: f64,
    pub(super) highest: Option<f64>,
    /// It need not be set.
    optional: bool,
}

const fn within(key: &'static str, lowest: f64, highest: f64) -> Range {
    Range { key, lowest, highest: Some(highest), optional: false }
}

const fn at_least(key: &'static str, lowest: f64) -> Range {
    Range { key, lowest, highest: None, optional: false }
}

/// Every setting whose type allows more than its meaning.
pub(super) const RANGES: &[Range] = &[
    at_least("kafka.commit_interval_ms", 1.0),
    at_least("kafka.delivery_timeout_ms", 1.0),
    at_least("kafka.max_in_flight_records", 1.0),
    at_least("kafka.max_uncommitted_records", 1.0),
    at_least("objects.max_concurrent_fetches", 1.0),
    at_least("qdrant.timeout_ms", 1.0),
    at_least("qdrant.replication_factor", 1.0),
    // 1000 neighbours without explanations stay below Kafka's default record size.
    within("ranking.k", 1.0, 1000.0),
    within("ranking.text_weight", 0.0, 1.0),
    within("ranking.threshold", -1.0, 1.0),
    at_least("ranking.coverage_weight", 0.0),
    at_least("ranking.min_matches", 1.0),
    Range { optional: true, ..at_least("ranking.max_matches", 1.0) },
    at_least("ranking.candidate_limit", 1.0),
    at_least("ranking.max_images", 1.0),
    at_least("ranking.fan_out_per_second", 1.0),
    at_least("embed_jobs.max_concurrent_articles", 1.0),
    at_least("embed_jobs.max_batch_records", 1.0),
    at_least("rank_jobs.max_concurrent_articles", 1.0),
    at_least("rank_jobs.max_batch_records", 1.0),
    at_least("watch_jobs.max_concurrent_articles", 1.0),
    at_least("watch_jobs.max_batch_records", 1.0),
    at_least("sweep.interval_ms", 1.0),
    at_least("retry.first_ms", 1.0),
    at_least("retry.max_ms", 1.0),
    within("telemetry.otlp.sample_ratio", 0.0, 1.0),
    // Queues are laid out at once, with room for all.
    within("telemetry.otlp.queue_capacity", 1.0, 1_000_000.0),
    at_least("telemetry.otlp.timeout_ms", 1.0),
];

impl Range {
    fn holds(&self, value: f64) -> bool {
        value >= self.lowest && self.highest.is_none_or(|highest| value <= highest)
    }

    fn in_words(&self) -> String {
        match (self.highest, self.lowest) {
            (Some(highest), lowest) => format!("{lowest} to {highest}"),
            (None, 0.0) => "0 or more".to_owned(),
            (None, lowest) => format!("at least {lowest}"),
        }
    }
}

/// Checks all numbers of a configuration; what is not set is in range.
pub(super) fn check(config: &Value) -> Result<(), ConfigError> {
    for range in RANGES {
        let pointer = format!("/{}", range.key.replace('.', "/"));
        let value = config.pointer(&pointer).unwrap_or(&Value::Null);
        let fits = match value.as_f64() {
            Some(number) => range.holds(number),
            // JSON has no number for infinity, and makes it null.
            None => range.optional,
        };
        if !fits {
            let value = if value.is_null() { "not a finite number".to_owned() } else { value.to_string() };
            return Err(ConfigError::Range { key: range.key, value, must: range.in_words() });
        }
    }
    Ok(())
}
