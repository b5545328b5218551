//! Series that exist from the start.
//!
//! Guarantee: whatever labels can be known before anything happened have a series at 0,
//! so that Prometheus sees their first increment, and a dashboard 0 instead of nothing.

use super::{Metrics, QdrantOperation};
use crate::config::{Config, Role};

impl Metrics {
    /// Makes the series of a process that is configured like this.
    pub fn begin(&self, config: &Config) {
        for kind in ["assigned", "revoked", "lost"] {
            self.kafka.rebalances.with_label_values(&[kind]);
        }
        for operation in QdrantOperation::ALL.map(QdrantOperation::as_str) {
            self.qdrant.request_duration.with_label_values(&[operation]);
            for result in ["ok", "failed"] {
                self.qdrant.requests.with_label_values(&[operation, result]);
            }
        }
        for reason in ["queue", "export"] {
            self.process.spans_dropped.with_label_values(&[reason]);
        }
        let topics = &config.kafka.topics;
        if matches!(config.role, Role::All | Role::Embed) {
            self.begin_role(&topics.events, &["applied", "superseded", "dead_lettered"], "embed_job");
            self.begin_stages(&["fetch", "decode", "embed", "embed_text", "index", "announce"]);
            self.list.freshness.with_label_values(&["indexed"]);
            for tower in ["image", "text"] {
                self.begin_tower(tower);
            }
        }
        if matches!(config.role, Role::All | Role::Rank) {
            self.begin_role(&topics.rank, &["applied", "dead_lettered"], "rank_job");
            self.begin_role(&topics.similar, &["applied"], "watch_job");
            self.begin_stages(&["gather", "search", "score", "publish", "notify"]);
            self.begin_lists();
        }
    }

    fn begin_role(&self, topic: &str, outcomes: &[&str], job: &str) {
        self.kafka.records_received.with_label_values(&[topic]);
        for outcome in outcomes {
            self.kafka.records_resolved.with_label_values(&[topic, outcome]);
        }
        self.begin_stages(&[job]);
        self.stage.jobs_running.with_label_values(&[job]);
        self.stage.job_records.with_label_values(&[job]);
    }

    fn begin_stages(&self, stages: &[&str]) {
        for stage in stages {
            self.stage.stage_duration.with_label_values(&[stage]);
        }
    }

    fn begin_tower(&self, tower: &str) {
        self.image.inputs_waiting.with_label_values(&[tower]);
        let encoder = &self.encoder;
        for histogram in [&encoder.batch_inputs, &encoder.queue_duration, &encoder.inference_duration] {
            histogram.with_label_values(&[tower]);
        }
        for counter in [&encoder.padding_rows, &encoder.out_of_memory] {
            counter.with_label_values(&[tower]);
        }
    }

    fn begin_lists(&self) {
        let lists = &self.list;
        for (family, values) in [
            (&lists.lists_ranked, ["changed", "unchanged"]),
            (&lists.lists_swept, ["right", "repaired"]),
            (&lists.recall_neighbours, ["found", "missed"]),
            (&lists.sets_wanted, ["kept", "read"]),
            (&lists.searches_truncated, ["image", "text"]),
        ] {
            for value in values {
                family.with_label_values(&[value]);
            }
        }
        for step in ["own_list", "affected_list"] {
            lists.freshness.with_label_values(&[step]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_role_are_there_before_anything_happens() {
        let least = "kafka: {bootstrap_servers: 'k:9092'}\nqdrant: {url: 'http://q:6334'}\n";
        let page = |role: &str| {
            let metrics = Metrics::register().unwrap();
            metrics.begin(&Config::from_yaml(&format!("{least}role: {role}\n")).unwrap());
            metrics.render().unwrap()
        };
        let dead = "lookalike_records_resolved_total{outcome=\"dead_lettered\",topic=\"catalog.events\"} 0\n";
        let swept = "lookalike_lists_swept_total{result=\"repaired\"} 0\n";
        let fresh = "lookalike_freshness_seconds_count{step=\"affected_list\"} 0\n";
        let failed = "lookalike_qdrant_requests_total{operation=\"search\",result=\"failed\"} 0\n";
        let memory = "lookalike_encoder_out_of_memory_total{tower=\"text\"} 0\n";
        let (all, embed, rank) = (page("all"), page("embed"), page("rank"));
        for series in [dead, swept, fresh, failed, memory] {
            assert!(all.contains(series), "{series}");
        }
        assert!(embed.contains(dead) && embed.contains(failed) && !embed.contains(swept));
        assert!(rank.contains(swept) && rank.contains(fresh) && !rank.contains(dead));
        assert!(embed.contains(memory) && !rank.contains(memory));
    }
}
