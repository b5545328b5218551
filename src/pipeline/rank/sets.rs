//! Images and texts of articles that were compared lately, ready to be compared.
//!
//! Guarantee: what is answered for a revision is the content that the revision names, or
//! newer; never older. It was read after the revision was, and is kept under it.

use std::collections::HashMap;
use std::sync::Arc;

use list_maintenance::Revision;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::article::Profile;
use crate::metrics::metrics;
use crate::pipeline::dispatch::Batch;
use crate::pipeline::{PipelineError, Stop};
use crate::ports::Catalogue;
use crate::retry::Attempts;
use crate::similarity::Packed;

/// Memory of an article's set, about: only for the first size of the table.
const USUAL_BYTES: u64 = 10_000;

/// A set and the revision it was read under.
type Kept = (Revision, Arc<Packed>);

#[derive(Clone)]
struct ByMemory;

impl Weighter<String, Kept> for ByMemory {
    fn weight(&self, article_id: &String, (_, set): &Kept) -> u64 {
        article_id.len() as u64 + set.bytes()
    }
}

/// The sets. Clones share them.
#[derive(Clone)]
pub struct Sets {
    kept: Arc<Cache<String, Kept, ByMemory>>,
    dimension: usize,
    max_images: usize,
}

impl Sets {
    /// Keeps sets of vectors with `dimension` numbers in up to `bytes` of memory; of an
    /// article with more than `max_images` images it takes the first.
    pub fn new(dimension: usize, max_images: usize, bytes: u64) -> Self {
        let items = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX).max(1);
        Self { kept: Arc::new(Cache::with_weighter(items, bytes, ByMemory)), dimension, max_images }
    }

    /// Memory of what is kept, about.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    /// The sets of these articles, each at the revision beside it or newer; those never
    /// stored are absent.
    pub(super) async fn get(
        &self,
        wanted: &HashMap<String, Revision>,
        catalogue: &dyn Catalogue,
        attempts: &Attempts,
        batch: &Batch,
    ) -> Result<HashMap<String, Arc<Packed>>, Stop> {
        let mut sets = HashMap::with_capacity(wanted.len());
        let mut missing = Vec::new();
        for (article_id, revision) in wanted {
            match self.kept.get(article_id) {
                Some((kept, set)) if kept == *revision => {
                    sets.insert(article_id.clone(), set);
                }
                _ => missing.push(article_id.clone()),
            }
        }
        let results = &metrics().list.sets_wanted;
        results.with_label_values(&["kept"]).inc_by(sets.len() as u64);
        if missing.is_empty() {
            return Ok(sets);
        }
        results.with_label_values(&["read"]).inc_by(missing.len() as u64);
        // In the order of ids: the map's own order differs from run to run.
        missing.sort_unstable();
        let read = || catalogue.profiles(&missing);
        let profiles = attempts.run("rank", batch, read).await.map_err(Stop::of("rank"))?;
        for (article_id, mut profile) in profiles {
            let set = self.keep(wanted[&article_id], &mut profile)?;
            sets.insert(article_id, set);
        }
        Ok(sets)
    }

    /// Keeps what was read after `revision`.
    pub(super) fn keep(&self, revision: Revision, profile: &mut Profile) -> Result<Arc<Packed>, Stop> {
        let left_out = profile.limit_images(self.max_images);
        metrics().image.images_over_limit.inc_by(left_out as u64);
        let set = Packed::of(profile, self.dimension)
            .map_err(|error| Stop::Fatal(PipelineError::Stage { stage: "compare", source: error.into() }))?;
        let set = Arc::new(set);
        self.kept.insert(profile.article_id.clone(), (revision, Arc::clone(&set)));
        Ok(set)
    }
}
