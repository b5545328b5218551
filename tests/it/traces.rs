//! One event is followed through both roles: by the spans that a receiver gets, by the
//! headers of the records in between, and by the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::support::bench::Bench;
use crate::support::process::Process;
use crate::support::shop::{Record, image, text};
use crate::support::until;

/// The trace of the event, the span that sent it, and another event's.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SENDER: &str = "b7ad6b7169203331";
const OTHER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Whoever collects the spans.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans;
        let spans = resources.into_iter().flat_map(|one| one.scope_spans).flat_map(|one| one.spans);
        self.0.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Receiver {
    /// Answers at the endpoint until `stop`.
    async fn start(stop: CancellationToken) -> (Self, String) {
        let receiver = Self::default();
        let any_port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", any_port.local_addr().unwrap());
        let service = TraceServiceServer::new(receiver.clone());
        let incoming = tonic::transport::server::TcpIncoming::from(any_port);
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()));
        (receiver, endpoint)
    }

    /// The spans of a trace by name.
    fn of_trace(&self, trace: &str) -> BTreeMap<String, Vec<Span>> {
        let mut named: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in self.0.lock().unwrap().iter().filter(|span| hex(&span.trace_id) == trace) {
            named.entry(span.name.clone()).or_default().push(span.clone());
        }
        named
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn traced(event: &Value, trace: &str, span: &str) -> Record {
    let header = ("traceparent".to_owned(), format!("00-{trace}-{span}-01").into_bytes());
    Record { headers: vec![header], ..Record::event(event) }
}

/// An article that is a neighbour of every other one of these.
fn article(bench: &Bench, id: &str) -> [Value; 2] {
    [text(id, "red mug", &["mug"], None), image(id, "front", &bench.draw(&format!("{id}.png"), 1, 0))]
}

async fn ended(worker: Process) -> String {
    worker.terminate();
    let (code, log) = worker.ended().await;
    assert_eq!(code, Some(0), "{log}");
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_is_one_trace_through_both_roles() {
    let stop = CancellationToken::new();
    let (receiver, endpoint) = Receiver::start(stop.clone()).await;
    let bench = Bench::start(&json!({"k": 4})).await;
    let config = bench.config(&json!({}));
    let own = json!({
        "telemetry": {"otlp": {"endpoint": endpoint}},
        // Both events of the article in one batch.
        "embed_jobs": {"coalesce_window_ms": 500, "coalesce_max_age_ms": 5000},
    });
    let embed = bench.process("embed", &own, &["--role", "embed"]).await;
    let rank = bench.process("rank", &own, &["--role", "rank"]).await;
    bench.feed(&article(&bench, "first").map(|event| Record::event(&event))).await;
    bench.quiet(&config, &[&embed, &rank]).await;

    let [title, picture] = article(&bench, "second");
    bench.feed(&[traced(&title, TRACE, SENDER), traced(&picture, OTHER_TRACE, "00f067aa0ba902b7")]).await;
    bench.quiet(&config, &[&embed, &rank]).await;
    until("the lists of both articles", || async {
        let lists = bench.topic("similar").await;
        let traced = lists.iter().filter(|list| list.header("traceparent").contains(TRACE)).count();
        if traced >= 2 { Ok(()) } else { Err(format!("{lists:?}")) }
    })
    .await;
    until("spans to be exported", || async {
        let exported = embed.metric("lookalike_spans_exported_total", &[]).await;
        if exported > 0.0 { Ok(()) } else { Err(embed.log()) }
    })
    .await;
    // The last spans are exported when the workers end.
    ended(embed).await;
    ended(rank).await;

    let spans = receiver.of_trace(TRACE);
    let names: Vec<&str> = spans.keys().map(String::as_str).collect();
    for stage in ["fetch", "decode", "embed", "embed_text", "index", "announce", "gather", "search", "score"]
    {
        assert!(names.contains(&stage), "{stage} in {names:?}");
    }
    let job = &spans["embed_job"][0];
    assert_eq!(hex(&job.parent_span_id), SENDER, "the sender's span is the parent");
    let links: Vec<String> = job.links.iter().map(|link| hex(&link.trace_id)).collect();
    assert_eq!(links, [OTHER_TRACE], "the other event of the batch is linked");
    for (child, parent) in [
        ("fetch", "embed_job"),
        ("announce", "embed_job"),
        ("rank_job", "announce"),
        ("gather", "rank_job"),
        ("search", "gather"),
        ("score", "gather"),
        ("publish", "rank_job"),
        ("notify", "rank_job"),
        // The other article's list is changed in the same trace.
        ("rank_job", "notify"),
        ("watch_job", "publish"),
    ] {
        let of_parent = |span: &Span| spans[parent].iter().any(|one| one.span_id == span.parent_span_id);
        assert!(spans[child].iter().any(of_parent), "{child} of {parent} in {spans:#?}");
    }
    stop.cancel();
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_receiver_the_work_goes_on_and_traces_pass_through() {
    let bench = Bench::start(&json!({"k": 4})).await;
    let config = bench.config(&json!({}));
    // One exports to nobody, the other does not export.
    let nobody = json!({"telemetry": {"otlp": {"endpoint": "http://127.0.0.1:1", "timeout_ms": 200}}});
    let embed = bench.process("embed", &nobody, &["--role", "embed"]).await;
    let rank = bench.process("rank", &json!({}), &["--role", "rank"]).await;
    let mut records: Vec<Record> = ["first", "second"]
        .iter()
        .flat_map(|id| article(&bench, id).map(|event| traced(&event, TRACE, SENDER)))
        .collect();
    records.push(Record { headers: records[0].headers.clone(), ..Record::raw("first", b"no event") });
    bench.feed(&records).await;
    bench.quiet(&config, &[&embed, &rank]).await;
    until("spans to be dropped", || async {
        let dropped = embed.metric("lookalike_spans_dropped_total", &["reason=\"export\""]).await;
        if dropped > 0.0 { Ok(()) } else { Err(embed.log()) }
    })
    .await;

    let requests = bench.topic("rank").await;
    let sent: Vec<&str> = requests.iter().map(|request| request.header("traceparent")).collect();
    assert!(sent.iter().all(|one| one.starts_with(&format!("00-{TRACE}-"))), "{sent:?}");
    // Role rank makes no spans: what it was sent is what it hands on.
    for list in bench.topic("similar").await {
        let parent = list.header("traceparent");
        assert!(sent.contains(&parent), "{parent} of {sent:?}");
    }
    let log = ended(embed).await;
    let dead = log.lines().find(|line| line.contains("dead letter")).unwrap_or_else(|| panic!("{log}"));
    assert!(dead.contains(&format!("trace_id={TRACE}")), "{dead}");
    assert!(log.contains("are dropped"), "told once: {log}");
    ended(rank).await;
    bench.close().await;
}
