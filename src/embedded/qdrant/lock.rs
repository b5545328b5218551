//! One process per directory: the operating system releases the lock when the
//! process ends, however it ends, so a crash never leaves a stale one behind.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::EmbeddedQdrantError;

const LOCK_FILE: &str = "lock";

/// Holds the directory until dropped.
#[derive(Debug)]
pub(super) struct DirectoryLock(#[expect(dead_code, reason = "held, never read")] File);

impl DirectoryLock {
    pub(super) fn acquire(directory: &Path) -> Result<DirectoryLock, EmbeddedQdrantError> {
        let path = directory.join(LOCK_FILE);
        let storage = |source| EmbeddedQdrantError::Storage { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(storage)?;
        match file.try_lock() {
            Ok(()) => Ok(DirectoryLock(file)),
            Err(TryLockError::WouldBlock) => {
                Err(EmbeddedQdrantError::InUse { directory: directory.to_path_buf() })
            }
            Err(TryLockError::Error(source)) => Err(storage(source)),
        }
    }
}
