//! The worker's metrics at one moment.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::Failure;
use crate::process::get;

/// Series and their values.
#[derive(Debug, Clone)]
pub(crate) struct Page(BTreeMap<String, f64>);

/// Counters that tell what ranking did: the name in the answer, the metric, a label.
const COUNTERS: [(&str, &str, &str); 14] = [
    ("searches", "lookalike_searches_total", ""),
    ("truncated", "lookalike_searches_truncated_total", ""),
    ("requests_sent", "lookalike_rank_requests_sent_total", ""),
    ("requests_resolved", "lookalike_records_resolved_total", "topic=\"lookalike.rank\""),
    ("lists_published", "lookalike_lists_published_total", ""),
    ("rankings_changed", "lookalike_lists_ranked_total", "\"changed\""),
    ("rankings_unchanged", "lookalike_lists_ranked_total", "\"unchanged\""),
    ("lists_swept", "lookalike_lists_swept_total", ""),
    ("lists_overtaken", "lookalike_lists_overtaken_total", ""),
    ("sets_kept", "lookalike_sets_wanted_total", "\"kept\""),
    ("sets_read", "lookalike_sets_wanted_total", "\"read\""),
    ("retries", "lookalike_stage_retries_total", ""),
    ("dead_letters", "lookalike_dead_letters_total", ""),
    ("images_embedded", "lookalike_images_embedded_total", ""),
];

impl Page {
    pub(crate) fn read(address: SocketAddr) -> Result<Self, Failure> {
        let (status, text) = get(address, "/metrics")?;
        if status != 200 {
            return Err(format!("/metrics answers {status}: {text}").into());
        }
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Ok(Self(series.collect()))
    }

    /// Sum of a metric's series whose labels hold these texts.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_name = |series: &str| {
            series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        let chosen = self
            .0
            .iter()
            .filter(|(series, _)| of_name(series) && labels.iter().all(|label| series.contains(label)));
        chosen.map(|(_, value)| value).sum()
    }

    /// What was counted since an earlier page.
    pub(crate) fn since(&self, earlier: &Self) -> Value {
        let counted = COUNTERS.map(|(name, metric, label)| {
            let count = self.sum(metric, &[label]) - earlier.sum(metric, &[label]);
            (name.to_owned(), json!(count))
        });
        let mut counted: serde_json::Map<String, Value> = counted.into_iter().collect();
        counted.insert("stages".to_owned(), self.stages_since(earlier));
        Value::Object(counted)
    }

    /// How often each stage ran, and for how long altogether.
    fn stages_since(&self, earlier: &Self) -> Value {
        const STAGES: [&str; 4] = ["rank_job", "gather", "notify", "index"];
        let stages = STAGES.map(|stage| {
            let label = format!("stage=\"{stage}\"");
            let of = |suffix: &str| {
                let name = format!("lookalike_stage_duration_seconds{suffix}");
                self.sum(&name, &[&label]) - earlier.sum(&name, &[&label])
            };
            (stage.to_owned(), json!({"count": of("_count"), "seconds": of("_sum")}))
        });
        Value::Object(stages.into_iter().collect())
    }
}
