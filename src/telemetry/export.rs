//! Spans on their way to the receiver of traces.
//!
//! Guarantee: the work never waits for the receiver. A bounded number of spans waits;
//! what comes beyond that, and what the receiver did not take, is dropped and counted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData, SpanExporter,
    SpanProcessor,
};
use tracing_subscriber::{Layer, Registry};

use super::{OtlpSettings, TelemetryError};
use crate::metrics::metrics;

/// What turns `tracing`'s spans into those of traces.
type Traces = Box<dyn Layer<Registry> + Send + Sync>;

/// Longest time that a span waits for others to be exported with.
const EXPORT_EVERY: Duration = Duration::from_secs(1);
/// Most spans of one export.
const EXPORTED_TOGETHER: usize = 512;

/// The process's export, with the time that its last one may take.
static EXPORT: OnceLock<(SdkTracerProvider, Duration)> = OnceLock::new();

/// Makes spans of traces and exports them. Must be called within a tokio runtime.
pub(super) fn layer(settings: &OtlpSettings, endpoint: &str) -> Result<Traces, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_tls_config(ClientTlsConfig::new().with_enabled_roots())
        .with_endpoint(endpoint)
        .with_timeout(settings.timeout())
        .build()
        .map_err(|error| TelemetryError::Endpoint {
            endpoint: endpoint.to_owned(),
            reason: error.to_string(),
        })?;
    let waiting = Arc::new(AtomicUsize::new(0));
    let exporter = Counted { inner: exporter, waiting: Arc::clone(&waiting), fails: AtomicBool::new(false) };
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(settings.queue_capacity)
        .with_max_export_batch_size(EXPORTED_TOGETHER.min(settings.queue_capacity))
        .with_scheduled_delay(EXPORT_EVERY)
        .build();
    let inner = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio))))
        .with_span_processor(Bounded { inner, waiting, capacity: settings.queue_capacity })
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("lookalike");
    // A second start changes nothing, as with the log.
    EXPORT.set((provider, settings.timeout())).ok();
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    let layer = layer.with_location(false).with_threads(false).with_target(false);
    Ok(layer.with_tracked_inactivity(false).boxed())
}

/// Exports what waits and ends the export, if there is one.
pub(super) async fn stop() {
    let Some((provider, timeout)) = EXPORT.get() else { return };
    let ending = tokio::task::spawn_blocking(|| provider.shutdown_with_timeout(*timeout));
    match tokio::time::timeout(*timeout, ending).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the last spans were not exported"),
        Ok(Err(_)) | Err(_) => tracing::warn!(?timeout, "the last spans were not exported in time"),
    }
}

/// Lets a bounded number of spans wait for the exporter.
#[derive(Debug)]
struct Bounded<P> {
    inner: P,
    waiting: Arc<AtomicUsize>,
    capacity: usize,
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        // Counted here, so that the inner queue, which is as long, is never full.
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.capacity {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            metrics().process.spans_dropped.with_label_values(&["queue"]).inc();
            return;
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what the receiver took and what it did not.
#[derive(Debug)]
struct Counted<E> {
    inner: E,
    waiting: Arc<AtomicUsize>,
    /// The last export failed: told once, not every second.
    fails: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::AcqRel);
        let exported = self.inner.export(batch).await;
        let process = &metrics().process;
        match &exported {
            Ok(()) => {
                process.spans_exported.inc_by(spans as u64);
                if self.fails.swap(false, Ordering::AcqRel) {
                    tracing::info!("spans are exported again");
                }
            }
            Err(error) => {
                process.spans_dropped.with_label_values(&["export"]).inc_by(spans as u64);
                if !self.fails.swap(true, Ordering::AcqRel) {
                    tracing::warn!(%error, spans, "spans were not exported and are dropped");
                }
            }
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use opentelemetry::trace::Tracer as _;

    use super::*;

    /// Takes a span only when it is let to.
    #[derive(Debug)]
    struct Slow(std::sync::Mutex<mpsc::Receiver<()>>);

    impl SpanExporter for Slow {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().recv().ok();
            Ok(())
        }
    }

    #[test]
    fn a_receiver_that_takes_nothing_costs_spans_and_no_time() {
        let (let_go, gate) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let inner = Counted {
            inner: Slow(std::sync::Mutex::new(gate)),
            waiting: Arc::clone(&waiting),
            fails: AtomicBool::new(false),
        };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(4)
            .with_max_export_batch_size(4)
            .with_scheduled_delay(Duration::from_secs(3600));
        let inner = BatchSpanProcessor::builder(inner).with_batch_config(batches.build()).build();
        let provider =
            SdkTracerProvider::builder().with_span_processor(Bounded { inner, waiting, capacity: 4 }).build();
        let tracer = provider.tracer("test");
        let dropped = || metrics().process.spans_dropped.with_label_values(&["queue"]).get();
        let before = dropped();
        // At most four are with the exporter and four wait.
        for _ in 0..20 {
            drop(tracer.start("span"));
        }
        let lost = dropped() - before;
        assert!((12..=16).contains(&lost), "{lost}");
        drop(let_go);
        provider.shutdown().unwrap();
        drop(tracer.start("span"));
    }
}
