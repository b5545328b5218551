//! Stage obtain: an image's file becomes an embedding.
//!
//! Guarantee: the same bytes are never embedded a second time for the same image;
//! an image whose file is rejected leaves the stored one, or an older event of the
//! same batch, in place.

use std::sync::atomic::Ordering;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use super::EmbedRole;
use crate::domain::apply::{Candidate, ImagePlan, Plan, facts_after};
use crate::domain::article::{ArticleState, StoredImage};
use crate::domain::embedding::ImageEmbedding;
use crate::domain::event::ImageFields;
use crate::error::{Classify, Disposition};
use crate::metrics::{Counted, metrics};
use crate::pipeline::dead_letter::Reason;
use crate::pipeline::dispatch::Batch;
use crate::pipeline::stage::stage;
use crate::pipeline::{PipelineError, Stop};
use crate::ports::{Failed, Fetched, TextWrite};
use crate::retry::{Failure, wait};

/// Images in a row that the network may fail on before the process gives up.
const MAX_FAILURES_IN_A_ROW: u32 = 8;
/// Images of one article obtained at the same time.
const IMAGES_AT_ONCE: usize = 4;

/// What an image is to become.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Image {
    Deleted {
        version: u64,
    },
    /// The content is as stored.
    Described(StoredImage),
    Embedded(StoredImage, ImageEmbedding),
}

/// The outcome of an image's candidates.
#[derive(Debug, Default)]
pub(super) struct Obtained {
    pub(super) image: Option<Image>,
    /// Events whose file was rejected.
    pub(super) rejected: Vec<(usize, Reason)>,
    /// Events older than the one that was carried out.
    pub(super) passed_over: Vec<usize>,
}

/// How one candidate ended.
enum Trial {
    Image(Box<Image>),
    Rejected(Reason),
}

impl EmbedRole {
    /// Obtains all images of a plan, a few at a time.
    pub(super) async fn obtain_images(
        &self,
        state: &ArticleState,
        plan: &Plan<'_>,
        batch: &Batch,
    ) -> Result<Vec<(String, Obtained)>, Stop> {
        let obtaining: Vec<_> = plan
            .images
            .iter()
            .map(|image| self.obtain(image, state.images.get(image.image_id), batch))
            .collect();
        stream::iter(obtaining).buffer_unordered(IMAGES_AT_ONCE).try_collect().await
    }

    /// Newest candidate first, until one can be carried out.
    async fn obtain(
        &self,
        plan: &ImagePlan<'_>,
        stored: Option<&StoredImage>,
        batch: &Batch,
    ) -> Result<(String, Obtained), Stop> {
        let mut obtained = Obtained::default();
        let mut candidates = plan.candidates.iter();
        for candidate in candidates.by_ref() {
            match self.attempt(candidate, stored, batch).await? {
                Trial::Image(image) => {
                    obtained.image = Some(*image);
                    break;
                }
                Trial::Rejected(reason) => obtained.rejected.push((candidate.event, reason)),
            }
        }
        obtained.passed_over = candidates.map(|candidate| candidate.event).collect();
        Ok((plan.image_id.to_owned(), obtained))
    }

    async fn attempt(
        &self,
        candidate: &Candidate<'_>,
        stored: Option<&StoredImage>,
        batch: &Batch,
    ) -> Result<Trial, Stop> {
        let version = candidate.version;
        let Some(fields) = candidate.image else {
            return Ok(Trial::Image(Box::new(Image::Deleted { version })));
        };
        let stored = stored.filter(|stored| !stored.deleted && stored.content_hash.is_some());
        if let Some(stored) = stored
            && (same_object(fields, stored) || same_event(fields, version, stored))
        {
            metrics().image.embeddings_reused.inc();
            let image = described(fields, version, stored.content_hash.clone(), stored.etag.clone());
            return Ok(Trial::Image(Box::new(Image::Described(image))));
        }
        let Fetched { bytes, etag } = match stage("fetch", self.fetch(fields, batch)).await? {
            Ok(fetched) => fetched,
            Err(reason) => return Ok(Trial::Rejected(reason)),
        };
        let etag = fields.etag.clone().or(etag);
        let hash = hex(&Sha256::digest(&bytes));
        let image = described(fields, version, Some(hash.clone()), etag);
        if stored.is_some_and(|stored| stored.content_hash.as_ref() == Some(&hash)) {
            metrics().image.embeddings_reused.inc();
            return Ok(Trial::Image(Box::new(Image::Described(image))));
        }
        Ok(match self.embed(bytes, batch).await? {
            Ok(embedding) => Trial::Image(Box::new(Image::Embedded(image, embedding))),
            Err(reason) => Trial::Rejected(reason),
        })
    }

    /// Reads the file; a missing one is looked for again a few times.
    async fn fetch(&self, fields: &ImageFields, batch: &Batch) -> Result<Result<Fetched, Reason>, Stop> {
        let mut delays = self.missing_retry_delays.iter();
        loop {
            let fetch = || self.objects.fetch(&fields.uri, self.max_image_bytes);
            let error: Failed = match self.attempts.run("fetch", batch, fetch).await {
                Ok(fetched) => return Ok(Ok(fetched)),
                Err(Failure::Abandoned) => return Err(Stop::Abandoned),
                Err(Failure::Failed(error)) => error,
            };
            match (error.disposition(), delays.next()) {
                (Disposition::Later, Some(delay)) => {
                    if !wait(batch, *delay).await {
                        return Err(Stop::Abandoned);
                    }
                }
                _ => return rejected("fetch", error),
            }
        }
    }

    /// Decodes, preprocesses and embeds a file.
    async fn embed(&self, bytes: Vec<u8>, batch: &Batch) -> Result<Result<ImageEmbedding, Reason>, Stop> {
        let decoded = {
            // The semaphore is never closed.
            let _permit = self.decodes.acquire().await;
            stage("decode", self.encoder.prepare(bytes)).await
        };
        let image = match decoded {
            Ok(image) => image,
            Err(error) => return rejected("decode", error),
        };
        let run = self.attempts.run("embed", batch, || self.encoder.embed_image(image.clone()));
        let embedded = stage("embed", awaited("image", 1 + image.variants.len(), run)).await;
        match embedded {
            Ok(embedding) => {
                metrics().image.images_embedded.inc();
                self.failures_in_a_row.store(0, Ordering::Relaxed);
                Ok(Ok(embedding))
            }
            Err(Failure::Abandoned) => Err(Stop::Abandoned),
            Err(Failure::Failed(error)) => {
                // One picture may be at fault, many in a row are the device's: a dead
                // GPU must not turn the stream into dead letters.
                let failures = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                if failures >= MAX_FAILURES_IN_A_ROW {
                    let source = Box::new(error);
                    return Err(Stop::Fatal(PipelineError::Stage { stage: "embed", source }));
                }
                rejected("embed", error)
            }
        }
    }
}

impl EmbedRole {
    /// The text is embedded only when it is another one than stored, or when it is not
    /// certain that the stored embedding is that of the stored text. A text that
    /// cannot be embedded leaves the plan, with the reason for its event.
    pub(super) async fn obtain_text(
        &self,
        state: &ArticleState,
        plan: &mut Plan<'_>,
        batch: &Batch,
    ) -> Result<(TextWrite, Option<(usize, Reason)>), Stop> {
        let mut rejection = None;
        loop {
            let before = state.facts.as_ref().and_then(|facts| facts.fields.document());
            let document = match facts_after(state, plan, 0).fields.document() {
                after if (after == before && !state.text_unfinished) || !self.encoder.has_text() => {
                    return Ok((TextWrite::Keep, rejection));
                }
                None => return Ok((TextWrite::Remove, rejection)),
                Some(document) => document,
            };
            let run = || self.encoder.embed_text(&document);
            let run = self.attempts.run("embed_text", batch, run);
            let error = match stage("embed_text", awaited("text", 1, run)).await {
                Ok(embedding) => return Ok((TextWrite::Set(embedding), rejection)),
                Err(Failure::Abandoned) => return Err(Stop::Abandoned),
                Err(Failure::Failed(error)) => error,
            };
            // Another document than the stored one comes from the plan's text.
            let (Err(reason), Some((event, ..))) =
                (rejected::<(), _>("embed_text", error)?, plan.text.take())
            else {
                return Ok((TextWrite::Keep, rejection));
            };
            rejection = Some((event, reason));
        }
    }
}

/// Waits for the encoder; so many inputs count as waiting meanwhile.
async fn awaited<T>(tower: &str, inputs: usize, embedding: impl Future<Output = T>) -> T {
    let _waiting = Counted::begin(metrics().image.inputs_waiting.with_label_values(&[tower]), inputs);
    embedding.await
}

/// A lasting failure of one file is a reason; a fatal one ends the process.
fn rejected<T, E: Classify + Send + Sync + 'static>(
    stage: &'static str,
    error: E,
) -> Result<Result<T, Reason>, Stop> {
    match error.disposition() {
        Disposition::Fatal => Err(Stop::Fatal(PipelineError::Stage { stage, source: Box::new(error) })),
        Disposition::Retry | Disposition::Later | Disposition::DeadLetter | Disposition::Configuration => {
            Ok(Err(Reason::of(stage, &error)))
        }
    }
}

/// The event was applied already: it comes again after a crash, and must be announced
/// again even if its file is gone by now.
fn same_event(fields: &ImageFields, version: u64, stored: &StoredImage) -> bool {
    stored.version == version && stored.uri.as_deref() == Some(&fields.uri)
}

/// The event names the very object that is stored: no need to read it.
fn same_object(fields: &ImageFields, stored: &StoredImage) -> bool {
    let bare = |etag: &str| etag.trim_matches('"').to_owned();
    let etags = fields.etag.as_deref().map(bare).zip(stored.etag.as_deref().map(bare));
    stored.uri.as_deref() == Some(&fields.uri) && etags.is_some_and(|(event, stored)| event == stored)
}

fn described(
    fields: &ImageFields,
    version: u64,
    content_hash: Option<String>,
    etag: Option<String>,
) -> StoredImage {
    StoredImage {
        image_id: fields.image_id.clone(),
        version,
        deleted: false,
        uri: Some(fields.uri.clone()),
        view: fields.view.clone(),
        position: fields.position,
        etag,
        content_hash,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
