//! The collections of one directory.
//!
//! `collections/<name>/` holds complete collections only: one is built in
//! `staging/` and renamed into place, and renamed back before it is removed, so a
//! crash leaves either the whole collection or none of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tonic::Status;

use super::EmbeddedQdrantError;
use super::collection::Collection;
use super::lock::DirectoryLock;
use super::settings::{CollectionSettings, check_collection_name};

#[derive(Debug)]
pub(super) struct Registry {
    collections_folder: PathBuf,
    staging_folder: PathBuf,
    /// `None` when the server has stopped.
    open: RwLock<Option<Open>>,
    /// Creating and deleting happen one at a time.
    changing: Mutex<()>,
}

#[derive(Debug)]
struct Open {
    collections: BTreeMap<String, Arc<Collection>>,
    /// Shared with every collection: calls in flight hold the directory too.
    lock: Arc<DirectoryLock>,
}

impl Registry {
    pub(super) fn open(directory: &Path) -> Result<Registry, EmbeddedQdrantError> {
        let collections_folder = directory.join("collections");
        let staging_folder = directory.join("staging");
        create_folder(&collections_folder)?;
        let lock = Arc::new(DirectoryLock::acquire(directory)?);
        // What a crash left half built or half removed.
        if staging_folder.exists() {
            std::fs::remove_dir_all(&staging_folder).map_err(storage(&staging_folder))?;
        }
        create_folder(&staging_folder)?;

        let mut collections = BTreeMap::new();
        for entry in std::fs::read_dir(&collections_folder).map_err(storage(&collections_folder))? {
            let path = entry.map_err(storage(&collections_folder))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let opened = Collection::open(&path, Arc::clone(&lock));
            let collection = opened.map_err(|error| EmbeddedQdrantError::Damaged {
                name: name.clone(),
                reason: error.to_string(),
            })?;
            collections.insert(name, Arc::new(collection));
        }
        Ok(Registry {
            collections_folder,
            staging_folder,
            open: RwLock::new(Some(Open { collections, lock })),
            changing: Mutex::new(()),
        })
    }

    pub(super) fn get(&self, name: &str) -> Result<Arc<Collection>, Status> {
        self.find(name)?
            .ok_or_else(|| Status::not_found(format!("Not found: Collection `{name}` doesn't exist!")))
    }

    /// `None` when there is no such collection.
    pub(super) fn find(&self, name: &str) -> Result<Option<Arc<Collection>>, Status> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        Ok(open.as_ref().ok_or_else(stopping)?.collections.get(name).cloned())
    }

    pub(super) fn names(&self) -> Result<Vec<String>, Status> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        Ok(open.as_ref().ok_or_else(stopping)?.collections.keys().cloned().collect())
    }

    pub(super) fn create(&self, name: &str, settings: &CollectionSettings) -> Result<(), Status> {
        check_collection_name(name)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.find(name)?.is_some() {
            return Err(Status::already_exists(format!("Collection `{name}` already exists!")));
        }
        let staged = self.staging_folder.join("new");
        let place = self.collections_folder.join(name);
        let failed = |error: &dyn std::fmt::Display| {
            Status::internal(format!("collection `{name}` cannot be created: {error}"))
        };
        // A creation that failed earlier may have left files.
        remove_folder(&staged).map_err(|error| failed(&error))?;
        Collection::create(&staged, settings).map_err(|error| failed(&error))?;
        self.rename(&staged, &place).map_err(|error| failed(&error))?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_mut().ok_or_else(stopping)?;
        let collection = Collection::open(&place, Arc::clone(&open.lock)).map_err(|error| failed(&error))?;
        open.collections.insert(name.to_owned(), Arc::new(collection));
        Ok(())
    }

    /// False when there is no such collection, as a Qdrant server answers.
    pub(super) fn delete(&self, name: &str) -> Result<bool, Status> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            open.as_mut().ok_or_else(stopping)?.collections.remove(name)
        };
        let Some(collection) = removed else {
            return Ok(false);
        };
        // Waits for its readers and writers. Its data goes away: an error on
        // writing it out matters to no one.
        if let Err(status) = collection.close() {
            tracing::warn!(collection = name, reason = status.message(), "deleted collection was not clean");
        }
        let staged = self.staging_folder.join("old");
        remove_folder(&staged)
            .and_then(|()| self.rename(&self.collections_folder.join(name), &staged))
            .and_then(|()| remove_folder(&staged))
            .map_err(|error| Status::internal(format!("collection `{name}` cannot be deleted: {error}")))?;
        Ok(true)
    }

    /// Refuses further calls, waits for those in flight, and writes every
    /// collection out.
    pub(super) fn close(&self) -> Result<(), EmbeddedQdrantError> {
        let Some(open) = self.take() else {
            return Ok(());
        };
        let mut first_error = Ok(());
        for (name, collection) in open.collections {
            if let Err(status) = collection.close() {
                let reason = status.message().to_owned();
                first_error = first_error.and(Err(EmbeddedQdrantError::Flush { name, reason }));
            }
        }
        first_error
    }

    /// Refuses further calls and lets go of the collections; each one closes with
    /// its last call in flight.
    pub(super) fn abandon(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Open> {
        self.open.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)?;
        File::open(&self.collections_folder)?.sync_all()?;
        File::open(&self.staging_folder)?.sync_all()
    }
}

fn stopping() -> Status {
    Status::unavailable("the embedded Qdrant server is stopping")
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn create_folder(path: &Path) -> Result<(), EmbeddedQdrantError> {
    std::fs::create_dir_all(path).map_err(storage(path))
}

fn storage(path: &Path) -> impl Fn(io::Error) -> EmbeddedQdrantError {
    let path = path.to_path_buf();
    move |source| EmbeddedQdrantError::Storage { path: path.clone(), source }
}
