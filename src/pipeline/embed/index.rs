//! Stage index: what was decided is written to Qdrant, embeddings first, the
//! article's facts last, each write completed before the next.

use jiff::Timestamp;

use super::EmbedRole;
use super::obtain::Image;
use crate::adapters::qdrant::{FactsWrite, ImageWrite, TextWrite};
use crate::domain::apply::{Plan, facts_after, images_deleted_with_article};
use crate::domain::article::{ArticleFacts, ArticleState, StoredImage};
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;

/// An image with what it is to become.
pub(super) struct Chosen {
    pub(super) image_id: String,
    pub(super) image: Image,
}

/// What obtaining has decided beyond the plan.
pub(super) struct Decided {
    pub(super) chosen: Vec<Chosen>,
    pub(super) text: TextWrite,
}

impl EmbedRole {
    /// Writes a plan with its obtained images.
    pub(super) async fn index(
        &self,
        article_id: &str,
        state: &ArticleState,
        plan: &Plan<'_>,
        decided: Decided,
        batch: &Batch,
    ) -> Result<(), Stop> {
        let Decided { chosen, text } = decided;
        let timer = metrics().stage.stage_duration.with_label_values(&["index"]).start_timer();
        let writes = image_writes(state, plan, chosen);
        let facts = facts_after(state, plan, live_images(state, &writes));
        let run = || self.catalogue.write_images(article_id, &facts, &writes);
        self.attempts.run("index", batch, run).await.map_err(Stop::of("index"))?;
        if state.facts.as_ref().is_some_and(|before| filter_fields_differ(before, &facts)) {
            let run = || self.catalogue.write_filter_fields(article_id, &facts);
            self.attempts.run("index", batch, run).await.map_err(Stop::of("index"))?;
        }
        let exists = state.facts.is_some();
        let written = writes.iter().map(|write| write.image().version).max();
        let revision =
            written.max(facts.text_version).max(facts.deleted_version).unwrap_or(0).max(state.revision());
        let run = || {
            let (facts, text) = (&facts, text.clone());
            self.catalogue.write_facts(FactsWrite { article_id, facts, text, revision, exists })
        };
        self.attempts.run("index", batch, run).await.map_err(Stop::of("index"))?;
        timer.observe_duration();
        Ok(())
    }
}

fn image_writes(state: &ArticleState, plan: &Plan<'_>, chosen: Vec<Chosen>) -> Vec<ImageWrite> {
    let deleted_version = plan.deleted_version.unwrap_or(0);
    let mut writes: Vec<ImageWrite> = images_deleted_with_article(state, plan)
        .filter(|image_id| chosen.iter().all(|chosen| chosen.image_id != *image_id))
        .map(|image_id| ImageWrite::Tombstone(tombstone(image_id, deleted_version)))
        .collect();
    writes.extend(chosen.into_iter().map(|Chosen { image_id, image }| match image {
        Image::Deleted { version } => ImageWrite::Tombstone(tombstone(&image_id, version)),
        Image::Described(image) => ImageWrite::Described(image),
        Image::Embedded(image, embedding) => ImageWrite::Embedded(image, embedding),
    }));
    writes
}

fn tombstone(image_id: &str, version: u64) -> StoredImage {
    StoredImage {
        image_id: image_id.to_owned(),
        version,
        deleted: true,
        uri: None,
        view: None,
        position: None,
        etag: None,
        content_hash: None,
    }
}

/// Live images after the writes.
fn live_images(state: &ArticleState, writes: &[ImageWrite]) -> usize {
    let written = |image_id: &str| writes.iter().any(|write| write.image().image_id == image_id);
    let kept = state.images.values().filter(|image| !image.deleted && !written(&image.image_id)).count();
    kept + writes.iter().filter(|write| !matches!(write, ImageWrite::Tombstone(_))).count()
}

fn filter_fields_differ(before: &ArticleFacts, after: &ArticleFacts) -> bool {
    before.fields.categories != after.fields.categories || before.fields.group != after.fields.group
}

/// Age of a change when a step of it is durable; nothing without `occurred_at`.
pub(in crate::pipeline) fn observe_age(step: &str, occurred_at: Option<&str>) {
    let Some(occurred_at) = occurred_at.and_then(|text| text.parse::<Timestamp>().ok()) else { return };
    let age = Timestamp::now().duration_since(occurred_at).as_secs_f64();
    metrics().list.freshness.with_label_values(&[step]).observe(age.max(0.0));
}
