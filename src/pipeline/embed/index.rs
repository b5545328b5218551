//! Stage index: what was decided is written to Qdrant, embeddings first, the
//! article's facts last, each write completed before the next.
//!
//! Guarantee: the facts name all that is stored of the article, and only a writer that
//! found nothing changed since it read can have written them.

use jiff::Timestamp;

use super::EmbedRole;
use super::obtain::Image;
use crate::domain::apply::{Plan, facts_after, images_deleted_with_article};
use crate::domain::article::{ArticleFacts, ArticleState, StoredImage};
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;
use crate::ports::{FactsMark, FactsWrite, ImageWrite, TextWrite};

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
    /// Writes a plan with its obtained images. Answers whether it is in force; if not,
    /// another writer came in between.
    pub(super) async fn index(
        &self,
        article_id: &str,
        state: &ArticleState,
        plan: &Plan<'_>,
        decided: Decided,
        batch: &Batch,
    ) -> Result<bool, Stop> {
        let Decided { chosen, text } = decided;
        let writes = image_writes(state, plan, chosen);
        let after = state_after(state, plan, &writes, &text);
        let facts = after.facts.clone().unwrap_or_default();
        let run = || self.catalogue.write_images(article_id, &facts, &writes);
        self.attempts.run("index", batch, run).await.map_err(Stop::of("index"))?;
        if !self.are_described(article_id, &writes, batch).await? {
            return Ok(false);
        }
        if state.facts.as_ref().is_some_and(|before| filter_fields_differ(before, &facts)) {
            let run = || self.catalogue.write_filter_fields(article_id, &facts);
            self.attempts.run("index", batch, run).await.map_err(Stop::of("index"))?;
        }
        let mark = FactsMark { sequence: after.facts_sequence, revision: after.revision() };
        let run = || {
            let (facts, text, version) = (&facts, text.clone(), after.version());
            self.catalogue.write_facts(FactsWrite { article_id, facts, text, version, mark })
        };
        self.attempts.run("index", batch, run).await.map_err(Stop::of("index"))?;
        let read = || self.catalogue.facts_mark(article_id);
        let in_force = self.attempts.run("index", batch, read).await.map_err(Stop::of("index"))?;
        Ok(in_force == Some(mark))
    }
}

impl EmbedRole {
    /// Whether new metadata found the content that it was made for, or something newer.
    async fn are_described(
        &self,
        article_id: &str,
        writes: &[ImageWrite],
        batch: &Batch,
    ) -> Result<bool, Stop> {
        let is_described = |write: &&ImageWrite| matches!(write, ImageWrite::Described(_));
        let mut described = writes.iter().filter(is_described).map(ImageWrite::image).peekable();
        if described.peek().is_none() {
            return Ok(true);
        }
        let read = || self.catalogue.article_state(article_id);
        let stored = self.attempts.run("index", batch, read).await.map_err(Stop::of("index"))?;
        Ok(described.all(|image| {
            stored.images.get(&image.image_id).is_some_and(|stored| {
                let same = stored.version == image.version && stored.content_hash == image.content_hash;
                same || stored.version > image.version
            })
        }))
    }
}

/// All that is stored of the article once the writes are done.
fn state_after(
    state: &ArticleState,
    plan: &Plan<'_>,
    writes: &[ImageWrite],
    text: &TextWrite,
) -> ArticleState {
    let mut images = state.images.clone();
    for write in writes {
        images.insert(write.image().image_id.clone(), write.image().clone());
    }
    let mut facts = facts_after(state, plan, images.values().filter(|image| !image.deleted).count());
    facts.embedded_text = match text {
        TextWrite::Keep => state.facts.as_ref().is_some_and(|before| before.embedded_text),
        TextWrite::Set(_) => true,
        TextWrite::Remove => false,
    };
    let facts_sequence = state.facts_sequence + 1;
    ArticleState { facts: Some(facts), images, facts_sequence, text_unfinished: false }
}

fn image_writes(state: &ArticleState, plan: &Plan<'_>, chosen: Vec<Chosen>) -> Vec<ImageWrite> {
    let deleted_version = plan.deleted_version.unwrap_or(0);
    let mut writes: Vec<ImageWrite> = images_deleted_with_article(state, plan)
        .filter(|image_id| chosen.iter().all(|chosen| chosen.image_id != *image_id))
        .map(|image_id| ImageWrite::Tombstone(StoredImage::tombstone(image_id, deleted_version)))
        .collect();
    writes.extend(chosen.into_iter().map(|Chosen { image_id, image }| match image {
        Image::Deleted { version } => ImageWrite::Tombstone(StoredImage::tombstone(&image_id, version)),
        Image::Described(image) => ImageWrite::Described(image),
        Image::Embedded(image, embedding) => ImageWrite::Embedded(image, embedding),
    }));
    writes
}

fn filter_fields_differ(before: &ArticleFacts, after: &ArticleFacts) -> bool {
    before.fields_version() != after.fields_version()
        || before.fields.categories != after.fields.categories
        || before.fields.group != after.fields.group
}

/// Age of a change when a step of it is durable; nothing without `occurred_at`.
pub(in crate::pipeline) fn observe_age(step: &str, occurred_at: Option<&str>) {
    let Some(occurred_at) = occurred_at.and_then(|text| text.parse::<Timestamp>().ok()) else { return };
    let age = Timestamp::now().duration_since(occurred_at).as_secs_f64();
    metrics().list.freshness.with_label_values(&[step]).observe(age.max(0.0));
}
