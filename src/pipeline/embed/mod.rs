//! Role `embed`: catalogue events become stored embeddings, and the article is
//! announced to role `rank`.
//!
//! Guarantee: all events of an article are applied by one job at a time, from the
//! stored state, so that an older version never changes it. What a job wrote is
//! announced before its records are resolved.

mod announce;
mod index;
mod obtain;
mod receive;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::sync::Semaphore;

pub(super) use self::index::observe_age;
use self::index::{Chosen, Decided};
use self::obtain::Obtained;
use self::receive::Received;
use super::dead_letter::{DeadLetters, Reason};
use super::dispatch::{Batch, DispatchSettings, dispatch, resolved};
use super::stage::stage;
use super::{PipelineError, Stop};
use crate::adapters::kafka::record::Record;
use crate::domain::apply::{self, Plan};
use crate::domain::article::ArticleState;
use crate::domain::event::Event;
use crate::ports::{Catalogue, Embedder, Log, ObjectStores};
use crate::retry::Attempts;

/// What the role works with. Cheap to clone.
#[derive(Clone)]
pub struct EmbedRole {
    pub catalogue: Arc<dyn Catalogue>,
    pub objects: Arc<dyn ObjectStores>,
    pub encoder: Arc<dyn Embedder>,
    pub log: Arc<dyn Log>,
    pub dead_letters: DeadLetters,
    pub attempts: Attempts,
    pub rank_topic: String,
    /// Largest image file, in bytes.
    pub max_image_bytes: u64,
    /// Waits before a missing object is looked for again.
    pub missing_retry_delays: Arc<[std::time::Duration]>,
    /// Images decoded at the same time.
    pub decodes: Arc<Semaphore>,
    /// Images that the network failed on since it last succeeded.
    pub failures_in_a_row: Arc<AtomicU32>,
}

/// Runs the role until its edge is closed.
pub async fn run(
    role: EmbedRole,
    records: tokio::sync::mpsc::Receiver<Record>,
    settings: &DispatchSettings,
) -> Result<(), PipelineError> {
    dispatch("embed_job", records, settings, |batch| {
        let role = role.clone();
        async move { role.job(batch).await.or_else(Stop::into_job_result) }
    })
    .await
}

/// A plan with everything that it takes.
struct Applied<'a> {
    fates: Vec<Fate>,
    plan: Plan<'a>,
    decided: Decided,
}

/// The fate of one event.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Applied,
    Superseded,
    Rejected(Reason),
}

impl EmbedRole {
    async fn job(&self, mut batch: Batch) -> Result<(), Stop> {
        let Received { records, events } = self.receive(&mut batch).await?;
        if let Some(first) = events.first() {
            let article_id = first.article_id.clone();
            let fates = self.apply(&article_id, &events, &batch).await?;
            for (event, _) in events.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Applied) {
                observe_age("indexed", event.occurred_at.as_deref());
            }
            self.resolve(records, fates, &batch).await?;
        }
        Ok(())
    }

    /// Applies events of one article; a fate for each. Starts over when another writer
    /// came in between: one that no longer owns the article, or its new owner.
    async fn apply(&self, article_id: &str, events: &[Event], batch: &Batch) -> Result<Vec<Fate>, Stop> {
        loop {
            let read = self.attempts.run("index", batch, || self.catalogue.article_state(article_id));
            let state: ArticleState = read.await.map_err(Stop::of("index"))?;
            let Applied { fates, plan, decided } = self.decide(&state, events, batch).await?;
            let changes = !decided.chosen.is_empty() || plan.text.is_some() || !plan.deletions.is_empty();
            if !changes {
                return Ok(fates);
            }
            if stage("index", self.index(article_id, &state, &plan, decided, batch)).await? {
                stage("announce", self.announce(article_id, events, batch)).await?;
                return Ok(fates);
            }
        }
    }

    /// What events make of the stored state, images and text obtained.
    async fn decide<'a>(
        &self,
        state: &ArticleState,
        events: &'a [Event],
        batch: &Batch,
    ) -> Result<Applied<'a>, Stop> {
        let mut plan = apply::plan(state, events);
        let mut fates = vec![Fate::Applied; events.len()];
        for superseded in &plan.superseded {
            fates[*superseded] = Fate::Superseded;
        }
        let mut chosen = Vec::new();
        for (image_id, obtained) in self.obtain_images(state, &plan, batch).await? {
            let Obtained { image, rejected, passed_over } = obtained;
            for (event, reason) in rejected {
                fates[event] = Fate::Rejected(reason);
            }
            for event in passed_over {
                fates[event] = Fate::Superseded;
            }
            chosen.extend(image.map(|image| Chosen { image_id, image }));
        }
        let (text, rejected) = self.obtain_text(state, &mut plan, batch).await?;
        if let Some((event, reason)) = rejected {
            fates[event] = Fate::Rejected(reason);
        }
        Ok(Applied { fates, plan, decided: Decided { chosen, text } })
    }

    async fn resolve(&self, records: Vec<Record>, fates: Vec<Fate>, batch: &Batch) -> Result<(), Stop> {
        for (record, fate) in records.into_iter().zip(fates) {
            let outcome = match fate {
                Fate::Applied => "applied",
                Fate::Superseded => "superseded",
                Fate::Rejected(reason) => {
                    self.dead_letters.send(&record, &reason, &self.attempts, batch).await?;
                    "dead_lettered"
                }
            };
            resolved(record, outcome);
        }
        Ok(())
    }
}
