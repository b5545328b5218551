//! Every metric: its name, help and labels, in one place.
//!
//! Guarantee: names and units follow the Prometheus conventions (base units,
//! `_total` for counters), and no label ever carries an id of an article, an image
//! or a record.

mod families;
mod zero;

use std::sync::LazyLock;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
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

pub use families::{
    EncoderMetrics, ImageMetrics, KafkaMetrics, ListMetrics, ProcessMetrics, QdrantMetrics, QdrantOperation,
    StageMetrics,
};

/// All metric families of the process.
pub struct Metrics {
    registry: Registry,
    pub kafka: KafkaMetrics,
    pub stage: StageMetrics,
    pub image: ImageMetrics,
    pub encoder: EncoderMetrics,
    pub list: ListMetrics,
    pub qdrant: QdrantMetrics,
    pub process: ProcessMetrics,
}

/// So many things more in a gauge, until this is dropped.
pub struct Counted(IntGauge, i64);

impl Counted {
    pub fn begin(gauge: IntGauge, things: usize) -> Self {
        let things = things as i64;
        gauge.add(things);
        Self(gauge, things)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sub(self.1);
    }
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

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.keep(IntGauge::new(name, help)?)
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
}

impl Metrics {
    fn register() -> prometheus::Result<Self> {
        let r = Registrar(Registry::new());
        r.0.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            kafka: KafkaMetrics::register(&r)?,
            stage: StageMetrics::register(&r)?,
            image: ImageMetrics::register(&r)?,
            encoder: EncoderMetrics::register(&r)?,
            list: ListMetrics::register(&r)?,
            qdrant: QdrantMetrics::register(&r)?,
            process: ProcessMetrics::register(&r)?,
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
