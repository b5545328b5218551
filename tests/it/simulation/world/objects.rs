//! Image files: some appear late, some never, some change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lookalike::error::Disposition;
use lookalike::ports::{Failed, Fetched, ObjectStores};

use super::network::Trouble;
use super::{Client, lock};

/// What every allowed uri begins with.
pub(crate) const ALLOWED: &str = "s3://shop/products/";

/// Files by uri.
pub(crate) type Objects = BTreeMap<String, Vec<u8>>;

/// The etag that the store gives to these bytes.
pub(crate) fn etag(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("\"{sum:x}\"")
}

#[async_trait]
impl ObjectStores for Client {
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Fetched, Failed> {
        if !uri.starts_with(ALLOWED) {
            return Err(Trouble::failed(Disposition::DeadLetter, "forbidden_uri"));
        }
        let wanted = uri.to_owned();
        let read = move |world: &super::World| lock(&world.objects).get(&wanted).cloned();
        let bytes = self.call(format!("fetches {uri}"), read).await?;
        let bytes = bytes.ok_or_else(|| Trouble::failed(Disposition::Later, "missing"))?;
        if bytes.len() as u64 > limit {
            return Err(Trouble::failed(Disposition::DeadLetter, "too_large"));
        }
        Ok(Fetched { etag: Some(etag(&bytes)), bytes })
    }
}
