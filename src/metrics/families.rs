//! The families, by what they tell about. A new metric is one field and one line.

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::{BATCH_BUCKETS, FRESHNESS_BUCKETS, LATENCY_BUCKETS, Registrar};

/// Records, offsets and the consumer group.
pub struct KafkaMetrics {
    pub records_received: IntCounterVec,
    pub records_resolved: IntCounterVec,
    pub dead_letters: IntCounterVec,
    pub records_in_flight: IntGaugeVec,
    pub consumer_lag: IntGaugeVec,
    pub assigned_partitions: IntGaugeVec,
    pub rebalances: IntCounterVec,
}

impl KafkaMetrics {
    pub(super) fn register(r: &Registrar) -> prometheus::Result<Self> {
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
                "Records moved to the dead-letter topic, by stage, reason and error class.",
                &["stage", "code", "class"],
            )?,
            records_in_flight: r.gauges(
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
        })
    }
}

/// Jobs, and time and retries of their stages.
pub struct StageMetrics {
    pub stage_duration: HistogramVec,
    pub stage_retries: IntCounterVec,
    pub jobs_running: IntGaugeVec,
    pub job_records: HistogramVec,
}

impl StageMetrics {
    pub(super) fn register(r: &Registrar) -> prometheus::Result<Self> {
        Ok(Self {
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
            jobs_running: r.gauges(
                "lookalike_jobs_running",
                "Articles being worked on, by kind of job.",
                &["stage"],
            )?,
            job_records: r.histograms(
                "lookalike_job_records",
                "Records of one article that a job did together, by kind of job.",
                &["stage"],
                &BATCH_BUCKETS,
            )?,
        })
    }
}

/// Image files and their embeddings.
pub struct ImageMetrics {
    pub images_fetched_bytes: IntCounter,
    pub images_embedded: IntCounter,
    pub embeddings_reused: IntCounter,
    pub inputs_waiting: IntGaugeVec,
    pub images_over_limit: IntCounter,
}

impl ImageMetrics {
    pub(super) fn register(r: &Registrar) -> prometheus::Result<Self> {
        Ok(Self {
            images_fetched_bytes: r
                .counter("lookalike_images_fetched_bytes_total", "Bytes of image files fetched.")?,
            images_embedded: r.counter("lookalike_images_embedded_total", "Images embedded.")?,
            embeddings_reused: r.counter(
                "lookalike_embeddings_reused_total",
                "Image events that kept their embedding because the file's bytes were the same.",
            )?,
            inputs_waiting: r.gauges(
                "lookalike_encoder_queue_inputs",
                "Inputs given to the encoder and not answered yet: waiting for a batch or in one, by tower.",
                &["tower"],
            )?,
            images_over_limit: r.counter(
                "lookalike_images_over_limit_total",
                "Images left out of a comparison because their article has too many.",
            )?,
        })
    }
}

/// Batches through the encoder.
pub struct EncoderMetrics {
    pub batch_inputs: HistogramVec,
    pub padding_rows: IntCounterVec,
    pub queue_duration: HistogramVec,
    pub inference_duration: HistogramVec,
    pub batch_limit: IntGaugeVec,
    pub out_of_memory: IntCounterVec,
    pub encoder_info: IntGaugeVec,
}

impl EncoderMetrics {
    pub(super) fn register(r: &Registrar) -> prometheus::Result<Self> {
        Ok(Self {
            batch_inputs: r.histograms(
                "lookalike_encoder_batch_inputs",
                "Inputs in one encoder batch, without padding, by tower: image or text.",
                &["tower"],
                &BATCH_BUCKETS,
            )?,
            padding_rows: r.counters(
                "lookalike_encoder_padding_rows_total",
                "Rows that filled encoder batches up to a size of encoder.gpu.batch_sizes, by tower.",
                &["tower"],
            )?,
            queue_duration: r.histograms(
                "lookalike_encoder_queue_duration_seconds",
                "Time an input waited for its encoder batch, by tower.",
                &["tower"],
                &LATENCY_BUCKETS,
            )?,
            inference_duration: r.histograms(
                "lookalike_encoder_inference_duration_seconds",
                "Time the encoder took for one batch, by tower.",
                &["tower"],
                &LATENCY_BUCKETS,
            )?,
            batch_limit: r.gauges(
                "lookalike_encoder_batch_limit",
                "Most inputs in one encoder batch, by tower; halved when memory does not suffice.",
                &["tower"],
            )?,
            out_of_memory: r.counters(
                "lookalike_encoder_out_of_memory_total",
                "Encoder batches for which memory did not suffice, by tower.",
                &["tower"],
            )?,
            encoder_info: r.gauges(
                "lookalike_encoder_info",
                "Encoder in use: fingerprint, execution provider that really runs it, and name of its \
                 directory; always 1.",
                &["fingerprint", "execution_provider", "model"],
            )?,
        })
    }
}

/// Lists computed, published, and how fresh they are.
pub struct ListMetrics {
    pub lists_ranked: IntCounterVec,
    pub lists_published: IntCounter,
    pub lists_without_explanations: IntCounter,
    pub rank_requests_sent: IntCounter,
    pub searches: IntCounter,
    pub lists_swept: IntCounterVec,
    pub recall_neighbours: IntCounterVec,
    pub lists_overtaken: IntCounter,
    pub sets_wanted: IntCounterVec,
    pub set_cache_bytes: IntGauge,
    pub searches_truncated: IntCounterVec,
    pub images_without_vector: IntCounter,
    pub freshness: HistogramVec,
}

impl ListMetrics {
    pub(super) fn register(r: &Registrar) -> prometheus::Result<Self> {
        Ok(Self {
            lists_ranked: r.counters(
                "lookalike_lists_ranked_total",
                "Rankings of an article, by whether its list changed: changed or unchanged.",
                &["result"],
            )?,
            lists_without_explanations: r.counter(
                "lookalike_lists_without_explanations_total",
                "Lists published without explanations because the topic takes no larger records.",
            )?,
            lists_published: r
                .counter("lookalike_lists_published_total", "Lists and list tombstones published.")?,
            rank_requests_sent: r
                .counter("lookalike_rank_requests_sent_total", "Affected articles notified.")?,
            images_without_vector: r.counter(
                "lookalike_images_without_vector_total",
                "Images left out of a comparison because their point has no vector.",
            )?,
            searches: r.counter("lookalike_searches_total", "Candidate searches.")?,
            lists_swept: r.counters(
                "lookalike_lists_swept_total",
                "Lists searched again by the sweeper, by result: right or repaired.",
                &["result"],
            )?,
            recall_neighbours: r.counters(
                "lookalike_recall_neighbours_total",
                "Neighbours of swept lists as searched again, by whether the stored list had them: \
                 found or missed.",
                &["result"],
            )?,
            lists_overtaken: r.counter(
                "lookalike_lists_overtaken_total",
                "Lists that an older one followed in the topic; they are published again.",
            )?,
            sets_wanted: r.counters(
                "lookalike_sets_wanted_total",
                "Image sets needed for a comparison, by source: kept in memory or read.",
                &["source"],
            )?,
            set_cache_bytes: r.gauge(
                "lookalike_set_cache_bytes",
                "Memory of the image sets and lists kept by role rank.",
            )?,
            searches_truncated: r.counters(
                "lookalike_searches_truncated_total",
                "Candidate searches that returned as many hits as their limit, by signal.",
                &["signal"],
            )?,
            freshness: r.histograms(
                "lookalike_freshness_seconds",
                "Age of an event when its effect was durable: indexed, own list or affected list.",
                &["step"],
                &FRESHNESS_BUCKETS,
            )?,
        })
    }
}

/// Kinds of calls to Qdrant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QdrantOperation {
    /// Points by id.
    Read,
    Search,
    /// Points by what is stored of them, page by page.
    Scroll,
    Write,
    /// The server and its collections.
    Admin,
}

impl QdrantOperation {
    pub const ALL: [Self; 5] = [Self::Read, Self::Search, Self::Scroll, Self::Write, Self::Admin];

    /// Its label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Scroll => "scroll",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Calls to Qdrant.
pub struct QdrantMetrics {
    pub requests: IntCounterVec,
    pub request_duration: HistogramVec,
}

impl QdrantMetrics {
    pub(super) fn register(r: &Registrar) -> prometheus::Result<Self> {
        Ok(Self {
            requests: r.counters(
                "lookalike_qdrant_requests_total",
                "Calls to Qdrant, by kind and result: ok or failed.",
                &["operation", "result"],
            )?,
            request_duration: r.histograms(
                "lookalike_qdrant_request_duration_seconds",
                "Time of one call to Qdrant, by kind.",
                &["operation"],
                &LATENCY_BUCKETS,
            )?,
        })
    }
}

/// The process itself.
pub struct ProcessMetrics {
    pub ready: IntGauge,
    pub build_info: IntGaugeVec,
    pub gpus_visible: IntGauge,
    pub spans_exported: IntCounter,
    pub spans_dropped: IntCounterVec,
}

impl ProcessMetrics {
    pub(super) fn register(r: &Registrar) -> prometheus::Result<Self> {
        Ok(Self {
            ready: r.gauge("lookalike_ready", "1 when this process is ready.")?,
            build_info: r.gauges(
                "lookalike_build_info",
                "Version of this build and role of this process; always 1.",
                &["version", "role"],
            )?,
            gpus_visible: r.gauge(
                "lookalike_gpus_visible",
                "NVIDIA GPUs that the process saw at start, whether it uses them or not.",
            )?,
            spans_exported: r
                .counter("lookalike_spans_exported_total", "Spans that the receiver of traces took.")?,
            spans_dropped: r.counters(
                "lookalike_spans_dropped_total",
                "Spans that were not exported: the queue was full, or the export failed.",
                &["reason"],
            )?,
        })
    }
}
