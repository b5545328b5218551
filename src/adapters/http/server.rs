//! The HTTP server: `/livez`, `/readyz`, `/metrics` and an article's stored list.
//!
//! Guarantee: it knows neither the pipeline nor a store, only the [`Interface`] it is
//! given; a port that is taken is an error of [`bind`], before anything else starts;
//! and [`serve`] ends within [`DRAIN_DEADLINE`] of the shutdown.

use std::future::{Future, IntoFuture as _};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use super::listener::Limited;
use crate::domain::event::MAX_ID_BYTES;
use crate::domain::list::NeighbourList;
use crate::metrics::metrics;

/// Connections at once; a further one waits to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// Silence after which a connection is closed; longer than any answer takes.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Lists being read at once; a further request is answered 503.
const MAX_LOOKUPS: usize = 32;
/// How long reading a list may take before the request is answered 504.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest path and query in bytes: the longest article id, percent-encoded, fits.
const MAX_URL_BYTES: usize = 4 * MAX_ID_BYTES;
/// How long answers under way may take when shutting down.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// Text format 0.0.4 of Prometheus, as its exposition formats name it.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the process says about itself. Answers at once, without IO.
pub trait Probe: Send + Sync {
    /// An error, in words, when only a restart can help.
    fn live(&self) -> Result<(), String>;
    /// What is not ready and why, one entry each; empty when all is.
    fn ready(&self) -> Vec<String>;
}

/// Reads the stored list of an article id; `None` when there is none. The error is
/// logged, not shown.
pub type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<Option<NeighbourList>, String>> + Send + Sync>;

/// What the server shows.
#[derive(Clone)]
pub struct Interface {
    pub probe: Arc<dyn Probe>,
    pub lookup: Lookup,
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot listen on {listen}: {source}; free the port or set another one as http.listen")]
    Bind { listen: SocketAddr, source: io::Error },
    #[error("the http server ended: {0}")]
    Serve(#[source] io::Error),
}

/// An open port on which nobody answers yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// The address, with the real port where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Opens the port.
///
/// # Errors
///
/// [`HttpError::Bind`] when it is taken or not allowed.
pub async fn bind(listen: SocketAddr) -> Result<Bound, HttpError> {
    let failed = |source| HttpError::Bind { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, address })
}

/// Answers until `shutdown` completes; then closes idle connections and gives
/// answers under way until [`DRAIN_DEADLINE`].
pub async fn serve(
    bound: Bound,
    interface: Interface,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), HttpError> {
    let listener = Limited::new(bound.listener, MAX_CONNECTIONS, IDLE_LIMIT);
    let (closing_sender, closing) = oneshot::channel();
    let signal = async move {
        shutdown.await;
        // The receiver is gone only when serving has ended.
        closing_sender.send(()).ok();
    };
    let serving = axum::serve(listener, routes(interface)).with_graceful_shutdown(signal).into_future();
    let overdue = async {
        closing.await.ok();
        tokio::time::sleep(DRAIN_DEADLINE).await;
    };
    tokio::select! {
        served = serving => served.map_err(HttpError::Serve),
        () = overdue => {
            tracing::warn!("http requests cut off by the shutdown");
            Ok(())
        }
    }
}

#[derive(Clone)]
struct Shared {
    interface: Interface,
    lookups: Arc<Semaphore>,
}

fn routes(interface: Interface) -> Router {
    let shared = Shared { interface, lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) };
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(exposition))
        .route("/v1/articles/{id}/similar", get(similar))
        .fallback(async || refused(StatusCode::NOT_FOUND, "nothing is at this path"))
        .method_not_allowed_fallback(async || refused(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered"))
        .layer(from_fn(limit))
        .with_state(shared)
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Refuses long URLs and requests with a body before anything is read.
async fn limit(request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > MAX_URL_BYTES) {
        return refused(StatusCode::URI_TOO_LONG, "the url is too long for any article id");
    }
    let headers = request.headers();
    let announced = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if announced || headers.contains_key(header::TRANSFER_ENCODING) {
        let mut response = refused(StatusCode::PAYLOAD_TOO_LARGE, "no request has a body here");
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    next.run(request).await
}

fn health(healthy: bool, body: Value) -> Response {
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

async fn livez(State(shared): State<Shared>) -> Response {
    match shared.interface.probe.live() {
        Ok(()) => health(true, json!({ "live": true })),
        Err(reason) => health(false, json!({ "live": false, "reason": reason })),
    }
}

async fn readyz(State(shared): State<Shared>) -> Response {
    let reasons = shared.interface.probe.ready();
    let ready = reasons.is_empty();
    health(ready, json!({ "ready": ready, "not_ready": reasons }))
}

async fn exposition(State(shared): State<Shared>) -> Response {
    // Readiness is a metric as well: brought up to date by whoever asks.
    shared.interface.probe.ready();
    match metrics().render() {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be rendered");
            refused(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be rendered")
        }
    }
}

async fn similar(
    State(shared): State<Shared>,
    article: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let Ok(Path(article)) = article else {
        return refused(StatusCode::BAD_REQUEST, "the article id is not percent-encoded UTF-8");
    };
    let explain = match query.as_deref() {
        None | Some("" | "explain=false") => false,
        Some("explain=true") => true,
        Some(_) => return refused(StatusCode::BAD_REQUEST, "the only parameter is explain=true or false"),
    };
    let Ok(_slot) = shared.lookups.try_acquire() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "too many lists are being read, try again");
    };
    let lookup = (shared.interface.lookup)(article.clone());
    match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
        Ok(Ok(Some(list))) if explain => Json(list).into_response(),
        Ok(Ok(Some(list))) => Json(brief(&list)).into_response(),
        Ok(Ok(None)) => refused(StatusCode::NOT_FOUND, &format!("no list is stored for article {article}")),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a list cannot be read");
            refused(StatusCode::SERVICE_UNAVAILABLE, "the list cannot be read now, try again")
        }
        Err(_) => refused(StatusCode::GATEWAY_TIMEOUT, "the store did not answer in time, try again"),
    }
}

/// The list without its explanations.
fn brief(list: &NeighbourList) -> Value {
    let neighbours: Vec<Value> = list
        .neighbours
        .iter()
        .map(|neighbour| json!({ "article_id": neighbour.article_id, "score": neighbour.score }))
        .collect();
    json!({
        "article_id": list.article_id,
        "sequence": list.sequence,
        "version": list.version,
        "neighbours": neighbours,
    })
}
