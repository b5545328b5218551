//! Every metric: its name, help and labels, in one place.
//!
//! Guarantee: names and units follow the Prometheus conventions (base units,
//! `_total` for counters), and no label ever carries an id of an article, an image
//! or a record.

use std::sync::LazyLock;

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

/// Latencies from a millisecond to a minute.
const LATENCY_BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// Ages of an event when its effect is visible, from 50 ms to an hour.
const FRESHNESS_BUCKETS: [f64; 13] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
const BATCH_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    // Names and labels are constants below: a clash shows in the first test that runs.
    Metrics::register().expect("metric names are valid and distinct")
});

/// The process's metrics.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

/// All metric families of the process.
pub struct Metrics {
    registry: Registry,
    pub records_received: IntCounterVec,
    pub records_resolved: IntCounterVec,
    pub dead_letters: IntCounterVec,
    pub in_flight: IntGaugeVec,
    pub consumer_lag: IntGaugeVec,
    pub assigned_partitions: IntGaugeVec,
    pub rebalances: IntCounterVec,
    pub stage_duration: HistogramVec,
    pub stage_retries: IntCounterVec,
    pub images_fetched_bytes: IntCounter,
    pub images_embedded: IntCounter,
    pub embeddings_reused: IntCounter,
    pub batch_size: Histogram,
    pub batch_wait: Histogram,
    pub inference_duration: HistogramVec,
    pub lists_ranked: IntCounterVec,
    pub lists_published: IntCounter,
    pub rank_requests_sent: IntCounter,
    pub searches_truncated: IntCounterVec,
    pub images_over_limit: IntCounter,
    pub freshness: HistogramVec,
    pub ready: IntGauge,
    pub build_info: IntGaugeVec,
    pub encoder_info: IntGaugeVec,
}

/// Registers families as they are made.
struct Registrar(Registry);

impl Registrar {
    fn keep<C: prometheus::core::Collector + Clone + 'static>(&self, family: C) -> prometheus::Result<C> {
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.keep(IntCounter::new(name, help)?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep(HistogramVec::new(options, labels)?)
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> prometheus::Result<Histogram> {
        self.keep(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
    }
}

impl Metrics {
    fn register() -> prometheus::Result<Self> {
        let r = Registrar(Registry::new());
        r.0.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            records_received: r.counters(
                "lookalike_records_received_total",
                "Records consumed from Kafka.",
                &["topic"],
            )?,
            records_resolved: r.counters(
                "lookalike_records_resolved_total",
                "Records finished, by outcome: applied, superseded or dead_lettered.",
                &["topic", "outcome"],
            )?,
            dead_letters: r.counters(
                "lookalike_dead_letters_total",
                "Records moved to the dead-letter topic, by stage and reason.",
                &["stage", "code"],
            )?,
            in_flight: r.gauges(
                "lookalike_records_in_flight",
                "Records consumed and not yet resolved.",
                &["group"],
            )?,
            consumer_lag: r.gauges(
                "lookalike_consumer_lag_records",
                "Records between the committed offset and the end of a partition owned by this process.",
                &["topic", "partition"],
            )?,
            assigned_partitions: r.gauges(
                "lookalike_assigned_partitions",
                "Partitions assigned to this process.",
                &["topic"],
            )?,
            rebalances: r.counters(
                "lookalike_rebalances_total",
                "Changes of the assignment, by kind: assigned, revoked or lost.",
                &["kind"],
            )?,
            stage_duration: r.histograms(
                "lookalike_stage_duration_seconds",
                "Time a stage took for one unit of work.",
                &["stage"],
                &LATENCY_BUCKETS,
            )?,
            stage_retries: r.counters(
                "lookalike_stage_retries_total",
                "Attempts that failed and were tried again, by error class and reason.",
                &["stage", "disposition", "code"],
            )?,
            images_fetched_bytes: r
                .counter("lookalike_images_fetched_bytes_total", "Bytes of image files fetched.")?,
            images_embedded: r.counter("lookalike_images_embedded_total", "Images embedded.")?,
            embeddings_reused: r.counter(
                "lookalike_embeddings_reused_total",
                "Image events that kept their embedding because the file's bytes were the same.",
            )?,
            batch_size: r.histogram(
                "lookalike_encoder_batch_inputs",
                "Inputs in one encoder batch.",
                &BATCH_BUCKETS,
            )?,
            batch_wait: r.histogram(
                "lookalike_encoder_queue_duration_seconds",
                "Time an input waited for its encoder batch.",
                &LATENCY_BUCKETS,
            )?,
            inference_duration: r.histograms(
                "lookalike_encoder_inference_duration_seconds",
                "Time the encoder took for one batch, by tower.",
                &["tower"],
                &LATENCY_BUCKETS,
            )?,
            lists_ranked: r.counters(
                "lookalike_lists_ranked_total",
                "Lists computed, by whether they changed: changed or unchanged.",
                &["result"],
            )?,
            lists_published: r
                .counter("lookalike_lists_published_total", "Lists and list tombstones published.")?,
            rank_requests_sent: r
                .counter("lookalike_rank_requests_sent_total", "Affected articles notified.")?,
            searches_truncated: r.counters(
                "lookalike_searches_truncated_total",
                "Candidate searches that returned as many hits as their limit, by signal.",
                &["signal"],
            )?,
            images_over_limit: r.counter(
                "lookalike_images_over_limit_total",
                "Images left out of a comparison because their article has too many.",
            )?,
            freshness: r.histograms(
                "lookalike_freshness_seconds",
                "Age of an event when its effect was durable: indexed, own list or affected list.",
                &["step"],
                &FRESHNESS_BUCKETS,
            )?,
            ready: r.keep(IntGauge::new("lookalike_ready", "1 when this process is ready.")?)?,
            build_info: r.gauges("lookalike_build_info", "Version of this build; always 1.", &["version"])?,
            encoder_info: r.gauges(
                "lookalike_encoder_info",
                "Encoder in use: fingerprint and execution provider; always 1.",
                &["fingerprint", "execution_provider"],
            )?,
            registry: r.0,
        })
    }

    /// Records that a stage moved aside.
    pub fn dead_letters_of_stage(&self, stage: &str) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == "lookalike_dead_letters_total");
        let of_stage = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().any(|label| label.name() == "stage" && label.value() == stage)
        };
        let metrics = family.into_iter().flat_map(|family| family.get_metric()).filter(of_stage);
        metrics.map(|metric| metric.get_counter().get_value() as u64).sum()
    }

    /// All families in the Prometheus text format.
    pub fn render(&self) -> prometheus::Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        // The encoder writes names and labels of ours and numbers: always UTF-8.
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
