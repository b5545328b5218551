//! The engine is synchronous: its calls run on tokio's blocking threads, never
//! on the threads that serve sockets, and never more of them than stated here.
//! Reads and writes have separate shares, because writers wait for the disk
//! while readers use the processor.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tonic::Status;

/// Reads at the same time, per processor core: they are bound by the processor,
/// and the second one covers page faults of the first.
const READS_PER_CORE: usize = 2;

/// Writes at the same time: so many can share one disk flush.
const WRITES: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct EngineThreads {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
}

impl EngineThreads {
    pub(super) fn new() -> EngineThreads {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        EngineThreads {
            reads: Arc::new(Semaphore::new(cores * READS_PER_CORE)),
            writes: Arc::new(Semaphore::new(WRITES)),
        }
    }

    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Status> + Send + 'static,
    {
        bounded(&self.reads, work).await
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Status> + Send + 'static,
    {
        bounded(&self.writes, work).await
    }
}

async fn bounded<T, F>(share: &Arc<Semaphore>, work: F) -> Result<T, Status>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Status> + Send + 'static,
{
    let permit = Arc::clone(share)
        .acquire_owned()
        .await
        .map_err(|_closed| Status::unavailable("the embedded server is stopping"))?;
    // The permit moves into the work: a caller that goes away cannot free it early.
    let task = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    task.await.unwrap_or_else(|panic| {
        tracing::error!(%panic, "storage engine call failed");
        Err(Status::internal(
            "the storage engine failed; restart the embedded server to recover from its journal",
        ))
    })
}
