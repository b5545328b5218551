//! The engine's shard on its folder, with its sharp edges taken off: flushing
//! and dropping panic when the disk does not take the data, and its log grows
//! for ever.

use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use qdrant_edge::{EdgeShard, OperationError};

use super::settings::CollectionSettings;

/// Derefs to the shard for everything that cannot panic.
#[derive(Debug)]
pub(super) struct Engine {
    /// `None` only inside `drop`.
    shard: Option<EdgeShard>,
    folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the engine reports: {0}")]
    Engine(OperationError),
    #[error("the engine cannot write to its folder")]
    Flush,
}

impl Engine {
    /// Creates an empty shard in `folder`, created too.
    pub(super) fn create(folder: &Path, settings: &CollectionSettings) -> Result<Engine, EngineError> {
        std::fs::create_dir_all(folder)?;
        let shard = EdgeShard::new(folder, settings.engine_config()).map_err(EngineError::Engine)?;
        Ok(Engine { shard: Some(shard), folder: folder.to_path_buf() })
    }

    /// Loads the shard of `folder` and shortens the engine's log.
    pub(super) fn open(folder: &Path, settings: &CollectionSettings) -> Result<Engine, EngineError> {
        trim_log(&folder.join("wal"))?;
        let shard = EdgeShard::load(folder, Some(settings.engine_config())).map_err(EngineError::Engine)?;
        Ok(Engine { shard: Some(shard), folder: folder.to_path_buf() })
    }

    /// Writes everything out. Not beside an update of the same shard: the engine
    /// panics on its own lock. After an error the shard must not be used again.
    pub(super) fn flush(&self) -> Result<(), EngineError> {
        // A broken-off flush leaves memory as it was; the caller stops writing.
        catch_unwind(AssertUnwindSafe(|| EdgeShard::flush(self))).map_err(|_panic| EngineError::Flush)
    }
}

impl Deref for Engine {
    type Target = EdgeShard;

    fn deref(&self) -> &EdgeShard {
        self.shard.as_ref().expect("the shard is taken only while dropping")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let shard = self.shard.take();
        if catch_unwind(AssertUnwindSafe(|| drop(shard))).is_err() {
            tracing::warn!(folder = %self.folder.display(), "engine could not write itself out, its journal is kept");
        }
    }
}

/// Removes the closed files of the engine's log, `closed-<first number>`, but the
/// last: the engine reads from them only where to go on counting.
fn trim_log(folder: &Path) -> io::Result<()> {
    let mut closed = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("closed-")?.parse::<u64>().ok());
        closed.extend(number.map(|number| (number, entry.path())));
    }
    closed.sort_unstable();
    closed.pop();
    // Oldest first: what is left is without a gap, wherever this breaks off.
    for (_, path) in closed {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
