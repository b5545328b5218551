//! A Qdrant server inside this process, on the `qdrant-edge` engine.
//!
//! # Guarantee
//!
//! A write answered `Completed` survives a crash of the process and of the
//! machine. A write without an answer is found whole or not at all after the
//! process was killed; after a power failure it may be found in part, so the
//! caller must repeat it, as with a Qdrant server. A conditional write (`update_filter`, insert-only,
//! update-only, a filter as selector) is atomic against all other writes of its
//! collection. Searches are exact and always see every applied write.
//!
//! # How
//!
//! The engine never replays its own log, and it overwrites vectors in place, so
//! on its own a crash can leave half a write behind. Each collection therefore
//! keeps a journal: a write is resolved to plain point ids under the
//! collection's write lock, appended to the journal, applied, and acknowledged
//! after one `fdatasync` that all waiting writers share (1 to 2 ms where writing
//! the engine out takes 60 ms, at 20 000 points). Opening a collection
//! applies the journal again. Only id-based operations reach journal and engine:
//! they give the same result however often they are repeated.
//!
//! # Limits
//!
//! One process per directory (a lock file holds it). Dense vectors only, no
//! aliases, snapshots, shards or quantization: a call outside the subset is
//! answered `UNIMPLEMENTED`, an option or condition outside it
//! `INVALID_ARGUMENT`; nothing is ignored that would change a result. There is
//! no vector index: a search reads every vector, which suits up to some 100 000.

mod blocking;
mod collection;
mod convert;
mod engine;
mod journal;
mod lock;
mod operation;
mod registry;
mod resolve;
mod service;
mod settings;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::QdrantServer as HealthServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use self::registry::Registry;
use self::service::Service;

/// Largest gRPC message, both ways. A page of 10 000 points with 1 024
/// dimensions is about 40 MiB; tonic's default is 4 MiB.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// How long [`QdrantServer::shutdown`] waits for calls in flight.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// Why the server could not start, or could not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedQdrantError {
    #[error(
        "{} is in use by another embedded Qdrant server: stop it, or choose another directory",
        directory.display()
    )]
    InUse { directory: PathBuf },
    #[error("cannot listen on {address}: {source}; choose a free port, or port 0 for any")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot use {}: {source}", path.display())]
    Storage { path: PathBuf, source: io::Error },
    #[error(
        "collection `{name}` cannot be opened: {reason}; restore it, or delete its folder to start it empty"
    )]
    Damaged { name: String, reason: String },
    #[error("the server stopped with an error: {0}")]
    Serve(#[from] tonic::transport::Error),
    #[error("the server did not finish its calls in {DRAIN_DEADLINE:?}; they were cut off")]
    DrainDeadline,
    #[error("collection `{name}` was not written out: {reason}; its journal is kept for the next start")]
    Flush { name: String, reason: String },
}

/// A running server. Dropping it refuses further calls at once; what was
/// answered `Completed` is safe, and the directory is free again when the calls
/// in flight have ended. [`QdrantServer::shutdown`] waits for that.
#[derive(Debug)]
pub struct QdrantServer {
    address: SocketAddr,
    registry: Arc<Registry>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Drop for QdrantServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.registry.abandon();
    }
}

impl QdrantServer {
    /// Opens or creates `directory`, loads every collection in it, listens on
    /// `listen` (port 0: any free port) and serves in background tasks of the
    /// current tokio runtime.
    ///
    /// # Errors
    ///
    /// When another process holds the directory, a collection in it cannot be
    /// opened, or the address is taken.
    pub async fn start(directory: &Path, listen: SocketAddr) -> Result<QdrantServer, EmbeddedQdrantError> {
        let path = directory.to_path_buf();
        let opened = tokio::task::spawn_blocking(move || Registry::open(&path)).await;
        let registry = Arc::new(opened.map_err(|panic| EmbeddedQdrantError::Damaged {
            name: directory.display().to_string(),
            reason: panic.to_string(),
        })??);

        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| EmbeddedQdrantError::Listen { address: listen, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| EmbeddedQdrantError::Listen { address: listen, source })?;

        let stop = CancellationToken::new();
        let service = Service::new(Arc::clone(&registry));
        let serving = tokio::spawn(serve(listener, service, stop.clone()));
        tracing::info!(%address, directory = %directory.display(), "embedded qdrant listens");
        Ok(QdrantServer { address, registry, stop, serving })
    }

    /// The address for `qdrant_client::Qdrant::from_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address the server listens on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting calls, waits for those in flight, and writes every
    /// collection out, so that the next start has nothing to repeat.
    ///
    /// # Errors
    ///
    /// When calls did not end in time or a collection could not be written out;
    /// no `Completed` write is lost either way.
    pub async fn shutdown(mut self) -> Result<(), EmbeddedQdrantError> {
        self.stop.cancel();
        let drained = tokio::time::timeout(DRAIN_DEADLINE, &mut self.serving).await;
        if drained.is_err() {
            self.serving.abort();
        }
        let served = match drained {
            Ok(Ok(served)) => served.map_err(EmbeddedQdrantError::from),
            Ok(Err(_)) | Err(_) => Err(EmbeddedQdrantError::DrainDeadline),
        };
        let registry = Arc::clone(&self.registry);
        let closed = tokio::task::spawn_blocking(move || registry.close()).await;
        served?;
        closed.unwrap_or_else(|panic| {
            Err(EmbeddedQdrantError::Flush { name: "unknown".to_owned(), reason: panic.to_string() })
        })
    }
}

async fn serve(
    listener: TcpListener,
    service: Service,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let points = PointsServer::new(service.clone())
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let collections = CollectionsServer::new(service.clone())
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Server::builder()
        .add_service(HealthServer::new(service))
        .add_service(collections)
        .add_service(points)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stop.cancelled_owned(),
        )
        .await
}
