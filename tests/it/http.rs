//! The HTTP interface over real sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use lookalike::adapters::http::HttpSettings;
use lookalike::adapters::http::server::{HttpError, Interface, Probe, bind, serve};
use lookalike::domain::list::{MatchedPair, Neighbour, NeighbourList, Unmatched};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Health {
    dead: AtomicBool,
    missing: Mutex<Vec<String>>,
}

impl Probe for Health {
    fn live(&self) -> Result<(), String> {
        match self.dead.load(Ordering::SeqCst) {
            true => Err("the consumer has not polled for 400 s".to_owned()),
            false => Ok(()),
        }
    }

    fn ready(&self) -> Vec<String> {
        self.missing.lock().unwrap().clone()
    }
}

struct Running {
    address: SocketAddr,
    health: Arc<Health>,
    /// One permit for each lookup of "slow" that has begun.
    begun: Arc<Semaphore>,
    /// Lets one lookup of "slow" end.
    release: Arc<Notify>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), HttpError>>,
}

fn list(article_id: &str) -> NeighbourList {
    let neighbour = Neighbour {
        article_id: "boot-2".to_owned(),
        score: 0.82925,
        image_score: Some(0.82925),
        text_score: None,
        coverage: Some(1.0),
        pairs: vec![MatchedPair("left".to_owned(), "right".to_owned(), 0.881)],
        unmatched: Unmatched::default(),
        version: 3,
    };
    NeighbourList { article_id: article_id.to_owned(), sequence: 9, version: 4, neighbours: vec![neighbour] }
}

async fn start() -> Running {
    let bound = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = bound.address();
    let (health, begun, release) =
        (Arc::new(Health::default()), Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (counted, waiting) = (Arc::clone(&begun), Arc::clone(&release));
    let lookup = Arc::new(move |article: String| {
        let (counted, waiting) = (Arc::clone(&counted), Arc::clone(&waiting));
        async move {
            match article.as_str() {
                "boot-1" | "größe 38/a" => Ok(Some(list(&article))),
                "broken" => Err("qdrant at secret-host is down".to_owned()),
                "slow" => {
                    counted.add_permits(1);
                    waiting.notified().await;
                    Ok(Some(list(&article)))
                }
                _ => Ok(None),
            }
        }
        .boxed()
    });
    let interface = Interface { probe: Arc::clone(&health) as Arc<dyn Probe>, lookup };
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(bound, interface, async {
        stopped.await.ok();
    }));
    Running { address, health, begun, release, stop, served }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn send(address: SocketAddr, request: String) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let answer = timeout(DEADLINE, exchange).await.expect("an answer in time");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn get(address: SocketAddr, path: &str) -> impl Future<Output = Answer> + use<> {
    send(address, format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"))
}

#[tokio::test]
async fn health_tells_what_is_missing() {
    let server = start().await;
    let live = get(server.address, "/livez").await;
    assert_eq!((live.status, live.json()), (200, json!({"live": true})));
    let ready = get(server.address, "/readyz").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"ready": true, "not_ready": []})));

    server.health.dead.store(true, Ordering::SeqCst);
    server.health.missing.lock().unwrap().push("kafka: topic lookalike.rank does not exist".to_owned());
    let live = get(server.address, "/livez").await;
    let reason = "the consumer has not polled for 400 s";
    assert_eq!((live.status, live.json()), (503, json!({"live": false, "reason": reason})));
    let ready = get(server.address, "/readyz").await;
    let reasons = ["kafka: topic lookalike.rank does not exist"];
    assert_eq!((ready.status, ready.json()), (503, json!({"ready": false, "not_ready": reasons})));
    assert!(!ready.body.contains('\n'));
}

#[tokio::test]
async fn metrics_are_in_the_text_format() {
    let server = start().await;
    let metrics = get(server.address, "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.body.contains("# TYPE lookalike_ready gauge\n"), "{}", metrics.body);
}

#[tokio::test]
async fn a_list_is_shown_with_and_without_its_explanation() {
    let server = start().await;
    let brief = json!({
        "article_id": "boot-1", "sequence": 9, "version": 4,
        "neighbours": [{"article_id": "boot-2", "score": 0.82925}],
    });
    for query in ["", "?", "?explain=false"] {
        let answer = get(server.address, &format!("/v1/articles/boot-1/similar{query}")).await;
        assert_eq!((answer.status, answer.json()), (200, brief.clone()), "{query}");
        assert!(answer.head.contains("\r\ncontent-type: application/json"));
    }
    let answer = get(server.address, "/v1/articles/boot-1/similar?explain=true").await;
    assert_eq!(serde_json::from_str::<NeighbourList>(&answer.body).unwrap(), list("boot-1"));
    let answer = get(server.address, "/v1/articles/gr%C3%B6%C3%9Fe%2038%2Fa/similar").await;
    assert_eq!((answer.status, &answer.json()["article_id"]), (200, &json!("größe 38/a")));
}

#[tokio::test]
async fn refusals_are_json() {
    let server = start().await;
    let long = format!("/v1/articles/{}/similar", "a".repeat(2100));
    for (path, status, words) in [
        ("/v1/articles/unknown/similar", 404, "no list is stored for article unknown"),
        ("/v1/articles/boot-1", 404, "nothing is at this path"),
        ("/", 404, "nothing is at this path"),
        ("/v1/articles/boot-1/similar?explain=maybe", 400, "explain=true or false"),
        ("/v1/articles/%FF/similar", 400, "percent-encoded"),
        ("/v1/articles/broken/similar", 503, "cannot be read now"),
        (long.as_str(), 414, "too long"),
    ] {
        let answer = get(server.address, path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(words) && !error.contains("secret-host"), "{path}: {error}");
    }
    let close = "host: test\r\nconnection: close\r\n";
    let posted =
        send(server.address, format!("POST /livez HTTP/1.1\r\n{close}content-length: 0\r\n\r\n")).await;
    assert_eq!((posted.status, posted.json()), (405, json!({"error": "only GET is answered"})));
    for body in ["content-length: 5\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n"] {
        let answer = send(server.address, format!("GET /livez HTTP/1.1\r\nhost: test\r\n{body}")).await;
        assert_eq!(answer.status, 413, "{body}");
    }
}

#[tokio::test]
async fn lookups_are_bounded_in_number_and_time() {
    let server = start().await;
    let path = "/v1/articles/slow/similar";
    let slow: Vec<_> = (0..32).map(|_| tokio::spawn(get(server.address, path))).collect();
    // All 32 have begun when all permits are there.
    timeout(DEADLINE, server.begun.acquire_many(32)).await.unwrap().unwrap().forget();
    let refused = get(server.address, path).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(get(server.address, "/livez").await.status, 200);
    server.release.notify_one();
    let mut statuses: Vec<u16> = join_all(slow).await.into_iter().map(|a| a.unwrap().status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[504; 31][..]));
    assert_eq!(get(server.address, "/v1/articles/boot-1/similar").await.status, 200);
}

#[tokio::test]
async fn a_taken_port_is_an_error_of_bind() {
    let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = bind(first.address()).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {}: ", first.address())), "{error}");
}

#[tokio::test]
async fn shutdown_finishes_answers_under_way() {
    let server = start().await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let answer = tokio::spawn(get(server.address, "/v1/articles/slow/similar"));
    timeout(DEADLINE, server.begun.acquire()).await.unwrap().unwrap().forget();
    server.stop.send(()).unwrap();
    // The idle connection closes while the answer is still under way.
    let closed = timeout(DEADLINE, idle.read(&mut [0; 1])).await.unwrap().unwrap();
    assert_eq!(closed, 0);
    assert!(!server.served.is_finished());
    server.release.notify_one();
    assert_eq!(timeout(DEADLINE, answer).await.unwrap().unwrap().status, 200);
    timeout(DEADLINE, server.served).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_stuck_client() {
    let server = start().await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    stuck.write_all(b"GET /livez HT").await.unwrap();
    // Served after the stuck bytes were sent, on a connection accepted later.
    assert_eq!(get(server.address, "/livez").await.status, 200);
    server.stop.send(()).unwrap();
    timeout(DEADLINE, server.served).await.unwrap().unwrap().unwrap();
}

#[test]
fn settings_refuse_unknown_keys() {
    let settings: HttpSettings = serde_json::from_value(json!({"listen": "0.0.0.0:9090"})).unwrap();
    assert_eq!(settings.listen, Some("0.0.0.0:9090".parse().unwrap()));
    assert_eq!(serde_json::from_value::<HttpSettings>(json!({})).unwrap(), HttpSettings::default());
    assert!(serde_json::from_value::<HttpSettings>(json!({"port": 9090})).is_err());
}
