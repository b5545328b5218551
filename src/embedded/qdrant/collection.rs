//! One collection: the engine's shard, its journal, one writer and many readers.
//!
//! Lock order: `durable`, then `writer`, then `shard`. When a flush fails, or a
//! write panics and poisons the writer lock, the collection refuses writes until
//! the server is restarted and the journal has repaired the engine's files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use qdrant_client::qdrant::points_update_operation::Operation;
use qdrant_client::qdrant::{PointsUpdateOperation, UpdateResult, UpdateStatus};
use qdrant_edge::{EdgeShard, UpdateOperation};
use tonic::Status;

use super::convert::engine_status;
use super::engine::{Engine, EngineError};
use super::journal::Journal;
use super::lock::DirectoryLock;
use super::settings::CollectionSettings;
use super::{operation, resolve};

const SETTINGS_FILE: &str = "collection.json";
const JOURNAL_FILE: &str = "journal";
const ENGINE_FOLDER: &str = "engine";

/// When the logs of a collection are shortened.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// The journal is emptied by writing the engine out when it has grown to
    /// this; it bounds the time a start needs after a crash.
    journal_bytes: u64,
    /// The engine never shortens its own log. After this many bytes of writes the
    /// shard is opened again, which removes all of it but the last file.
    engine_log_bytes: u64,
}

const LIMITS: Limits = Limits { journal_bytes: 16 * 1024 * 1024, engine_log_bytes: 256 * 1024 * 1024 };

#[derive(Debug)]
pub(super) struct Collection {
    settings: CollectionSettings,
    limits: Limits,
    directory: PathBuf,
    /// `None` once closed, or when opening it again failed.
    shard: RwLock<Option<Engine>>,
    writer: Mutex<Writer>,
    /// Number of the last write known to be on disk.
    durable: Mutex<u64>,
    /// A flush failed: what is on disk is unknown, so no further write may pass.
    flush_failed: AtomicBool,
    _lock: Arc<DirectoryLock>,
}

#[derive(Debug)]
struct Writer {
    journal: Journal,
    /// Number of the last applied write, counted from the start of the server.
    applied: u64,
    /// Bytes journalled since the shard was opened.
    engine_log_bytes: u64,
}

/// Why a collection's folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{SETTINGS_FILE} is not valid: {0}")]
    Settings(#[from] serde_json::Error),
    #[error("{0}")]
    Engine(#[from] EngineError),
    #[error("its journal cannot be repeated: {0}")]
    Replay(Status),
}

impl Collection {
    /// Writes an empty collection into `directory`, which must be empty. It is
    /// complete only after this returns: build it aside, then rename it.
    pub(super) fn create(directory: &Path, settings: &CollectionSettings) -> Result<(), OpenError> {
        Engine::create(&directory.join(ENGINE_FOLDER), settings)?.flush()?;
        let text = serde_json::to_vec_pretty(settings)?;
        let path = directory.join(SETTINGS_FILE);
        std::fs::write(&path, text)?;
        File::open(&path)?.sync_all()?;
        File::open(directory)?.sync_all()?;
        Ok(())
    }

    /// Opens a collection and repeats its journal. The collection holds `lock`
    /// until its last call has ended.
    pub(super) fn open(directory: &Path, lock: Arc<DirectoryLock>) -> Result<Collection, OpenError> {
        let settings: CollectionSettings =
            serde_json::from_slice(&std::fs::read(directory.join(SETTINGS_FILE))?)?;
        let shard = Engine::open(&directory.join(ENGINE_FOLDER), &settings)?;
        let (mut journal, operations) = Journal::open(&directory.join(JOURNAL_FILE))?;
        if !operations.is_empty() {
            let count = operations.len();
            replay(&shard, operations).map_err(OpenError::Replay)?;
            shard.flush()?;
            journal.truncate_to(0)?;
            tracing::info!(operations = count, directory = %directory.display(), "journal repeated");
        }
        Ok(Collection {
            settings,
            limits: LIMITS,
            directory: directory.to_path_buf(),
            shard: RwLock::new(Some(shard)),
            writer: Mutex::new(Writer { journal, applied: 0, engine_log_bytes: 0 }),
            durable: Mutex::new(0),
            flush_failed: AtomicBool::new(false),
            _lock: lock,
        })
    }

    pub(super) fn settings(&self) -> &CollectionSettings {
        &self.settings
    }

    /// Runs `work` on the shard, beside other readers and a writer.
    pub(super) fn read<T>(&self, work: impl FnOnce(&EdgeShard) -> Result<T, Status>) -> Result<T, Status> {
        self.with_engine(|engine| work(engine))
    }

    fn with_engine<T>(&self, work: impl FnOnce(&Engine) -> Result<T, Status>) -> Result<T, Status> {
        let shard = self.shard.read().unwrap_or_else(PoisonError::into_inner);
        work(shard.as_ref().ok_or_else(closed)?)
    }

    /// Applies operations in their order, each for itself; with `wait`, returns when all
    /// are on disk. After an error those before it are applied.
    pub(super) fn write(&self, operations: Vec<Operation>, wait: bool) -> Result<Vec<UpdateResult>, Status> {
        let numbers: Vec<u64> =
            operations.into_iter().map(|operation| self.carry_out(operation)).collect::<Result<_, _>>()?;
        if let Some(last) = numbers.last().filter(|_| wait) {
            self.wait_durable(*last)?;
        }
        let status = if wait { UpdateStatus::Completed } else { UpdateStatus::Acknowledged };
        let result = |number| UpdateResult { operation_id: Some(number), status: status.into() };
        Ok(numbers.into_iter().map(result).collect())
    }

    /// Applies one operation; answers the number of the write that it rests on.
    fn carry_out(&self, operation: Operation) -> Result<u64, Status> {
        let mut writer = self.lock_writer()?;
        let resolved = self.read(|shard| resolve::resolve(operation, shard, &self.settings))?;
        if let Some(operation) = resolved {
            self.apply(&mut writer, operation)?;
            self.keep_logs_short(&mut writer)?;
        }
        // A write that found nothing to do rests on the writes before it.
        Ok(writer.applied)
    }

    /// Adds a payload index. Not journalled: it is written out before it returns,
    /// and creating the same index twice changes nothing.
    pub(super) fn create_index(&self, index: UpdateOperation) -> Result<UpdateResult, Status> {
        let mut writer = self.lock_writer()?;
        self.read(|shard| shard.update(index).map_err(engine_status))?;
        self.checkpoint(&mut writer)?;
        Ok(UpdateResult { operation_id: Some(writer.applied), status: UpdateStatus::Completed.into() })
    }

    /// Writes everything out and lets go of the files; later calls are refused.
    pub(super) fn close(&self) -> Result<(), Status> {
        let mut writer = self.lock_writer()?;
        let mut shard = self.shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = shard.take() {
            shard.flush().map_err(|error| self.fail(&error))?;
            writer.journal.truncate_to(0).map_err(|error| self.fail(&error))?;
        }
        Ok(())
    }

    fn lock_writer(&self) -> Result<MutexGuard<'_, Writer>, Status> {
        if self.flush_failed.load(Ordering::Acquire) {
            return Err(needs_restart("a flush to disk failed"));
        }
        self.writer.lock().map_err(|_| needs_restart("an earlier write broke off"))
    }

    fn apply(&self, writer: &mut Writer, operation: Operation) -> Result<(), Status> {
        let record = PointsUpdateOperation { operation: Some(operation.clone()) };
        let operation = operation::to_engine(operation)?;
        let before = writer.journal.bytes();
        writer.journal.append(&record).map_err(|error| {
            tracing::error!(%error, "journal write failed");
            Status::internal(format!("the journal cannot be written, nothing was changed: {error}"))
        })?;
        let applied = self.read(|shard| shard.update(operation).map_err(engine_status));
        if let Err(status) = applied {
            writer.journal.truncate_to(before).map_err(|error| self.fail(&error))?;
            return Err(status);
        }
        writer.applied += 1;
        writer.engine_log_bytes += writer.journal.bytes() - before;
        Ok(())
    }

    /// Waiters queue on `durable`; the first one syncs for all that have been
    /// applied by then, and writers go on applying meanwhile.
    fn wait_durable(&self, number: u64) -> Result<(), Status> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if *durable >= number {
            return Ok(());
        }
        let (file, applied) = {
            let writer = self.lock_writer()?;
            (writer.journal.file(), writer.applied)
        };
        file.sync_data().map_err(|error| self.fail(&error))?;
        *durable = applied;
        Ok(())
    }

    fn keep_logs_short(&self, writer: &mut Writer) -> Result<(), Status> {
        if writer.engine_log_bytes >= self.limits.engine_log_bytes {
            self.checkpoint(writer)?;
            self.reopen(writer)
        } else if writer.journal.bytes() >= self.limits.journal_bytes {
            self.checkpoint(writer)
        } else {
            Ok(())
        }
    }

    /// Writes the engine out and empties the journal.
    fn checkpoint(&self, writer: &mut Writer) -> Result<(), Status> {
        self.with_engine(|engine| engine.flush().map_err(|error| self.fail(&error)))?;
        writer.journal.truncate_to(0).map_err(|error| self.fail(&error))
    }

    fn reopen(&self, writer: &mut Writer) -> Result<(), Status> {
        let mut shard = self.shard.write().unwrap_or_else(PoisonError::into_inner);
        // Dropped first: the engine holds its folder.
        *shard = None;
        let opened = Engine::open(&self.directory.join(ENGINE_FOLDER), &self.settings);
        *shard = Some(opened.map_err(|error| Status::internal(error.to_string()))?);
        writer.engine_log_bytes = 0;
        Ok(())
    }

    fn fail(&self, error: &dyn std::fmt::Display) -> Status {
        tracing::error!(%error, directory = %self.directory.display(), "flush failed");
        self.flush_failed.store(true, Ordering::Release);
        needs_restart(&format!("a flush to disk failed: {error}"))
    }
}

fn replay(shard: &EdgeShard, operations: Vec<PointsUpdateOperation>) -> Result<(), Status> {
    for record in operations {
        let operation =
            record.operation.ok_or_else(|| Status::data_loss("a journal record holds no operation"))?;
        if let Some(operation) = resolve::keep_existing(operation, shard)? {
            shard.update(operation::to_engine(operation)?).map_err(engine_status)?;
        }
    }
    Ok(())
}

fn closed() -> Status {
    Status::unavailable("the collection is closed")
}

fn needs_restart(reason: &str) -> Status {
    Status::internal(format!("{reason}; restart the embedded Qdrant server to recover from its journal"))
}

#[cfg(test)]
mod tests;
