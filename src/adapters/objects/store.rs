//! Reading one object, within bounds.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::Semaphore;

use super::allow_list::AllowList;
use super::error::ObjectError;
use super::{ObjectSettings, StoreSettings};
use crate::metrics::metrics;
use crate::ports::{Failed, Fetched, ObjectStores};

/// All allow-listed stores. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    allow_list: AllowList,
    stores: Vec<Arc<dyn ObjectStore>>,
    fetches: Arc<Semaphore>,
}

impl Objects {
    /// Builds a client for each allow-listed store; connects to none.
    pub fn new(settings: &ObjectSettings) -> Result<Self, ObjectError> {
        let refused =
            |store: &StoreSettings, reason: String| ObjectError::Settings { uri: store.uri.clone(), reason };
        for store in &settings.stores {
            AllowList::new([store.uri.as_str()]).map_err(|error| refused(store, error.to_string()))?;
        }
        let allow_list = AllowList::new(settings.stores.iter().map(|store| store.uri.as_str()))?;
        let stores = settings
            .stores
            .iter()
            .enumerate()
            .map(|(index, store)| super::build::build(store, allow_list.root(index).unwrap_or_default()))
            .collect::<Result<_, _>>()?;
        Ok(Self { allow_list, stores, fetches: Arc::new(Semaphore::new(settings.max_concurrent_fetches)) })
    }

    /// Reads an object of at most `limit` bytes.
    pub async fn read(&self, uri: &str, limit: u64) -> Result<Fetched, ObjectError> {
        let located = self.allow_list.locate(uri)?;
        // The semaphore is never closed.
        let _permit = self.fetches.acquire().await;
        let result = self.stores[located.store].get(&located.path).await?;
        if result.meta.size > limit {
            return Err(ObjectError::TooLarge { size: result.meta.size, limit });
        }
        let etag = result.meta.e_tag.clone();
        let mut bytes = Vec::with_capacity(usize::try_from(result.meta.size).unwrap_or(0));
        let mut body = result.into_stream();
        while let Some(part) = body.try_next().await? {
            if bytes.len() as u64 + part.len() as u64 > limit {
                return Err(ObjectError::TooLarge { size: limit + 1, limit });
            }
            bytes.extend_from_slice(&part);
        }
        metrics().image.images_fetched_bytes.inc_by(bytes.len() as u64);
        Ok(Fetched { bytes, etag })
    }
}

#[async_trait]
impl ObjectStores for Objects {
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Fetched, Failed> {
        self.read(uri, limit).await.map_err(Failed::new)
    }
}
