//! Carries out the steps of a ranking, one at a time.
//!
//! Guarantee: each step is completed before the next begins, and what the protocol asks
//! to be read first is read first; nothing is decided here.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use list_maintenance::ranking::{self, Outcome, Step};
use list_maintenance::{Claim, Request, Revision, View};

use super::RankRole;
use super::gather::Own;
use super::publish::Published;
use crate::domain::event::Version;
use crate::domain::list::{RankState, Why};
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;
use crate::pipeline::stage::stage;
use crate::ports::{Content, Failed, Ranked};

/// One ranking of one article under way.
pub(super) struct Ranking<'r> {
    pub(super) role: &'r RankRole,
    pub(super) article_id: &'r str,
    /// `occurred_at` of the change behind it.
    pub(super) occurred_at: Option<&'r str>,
    pub(super) batch: &'r Batch,
    /// Of the article as it was last read.
    pub(super) revision: Revision,
    pub(super) version: Version,
    /// The state as it was last read.
    read: Arc<Ranked>,
    /// The list as it was found, if it is of the article as it was then.
    found: Option<Arc<Ranked>>,
    /// The state that the last write left, if it was in force.
    written: Option<Ranked>,
    /// Of the list last published.
    published: Published,
    /// What the last search was for.
    pub(super) own: Option<Own>,
}

impl RankRole {
    /// Ranks an article for all requests that wait together.
    pub(super) async fn rank(
        &self,
        article_id: &str,
        requests: &[Request<String, Why>],
        occurred_at: Option<&str>,
        batch: &Batch,
    ) -> Result<Outcome, Stop> {
        // A sweep compares what it finds with what it has read before.
        let sweeps = requests.iter().all(|one| matches!(one, Request::Sweep));
        let remembered = self.lists.get(article_id).filter(|_| !sweeps);
        let name = self.random.number();
        let remembered_state = remembered.as_deref().map(|ranked| &ranked.state);
        let settings = self.settings.lists();
        let mut step = ranking::begin(article_id.to_owned(), name, requests, settings, remembered_state);
        let mut ranking = Ranking {
            role: self,
            article_id,
            occurred_at,
            batch,
            revision: Revision(0),
            version: 0,
            read: remembered.unwrap_or_default(),
            found: None,
            written: None,
            published: Published::default(),
            own: None,
        };
        loop {
            match step {
                Step::Done(outcome) => {
                    if outcome.searches > 0 && sweeps {
                        ranking.count_recall();
                    }
                    return Ok(outcome);
                }
                other => step = ranking.perform(other).await?,
            }
        }
    }
}

impl Ranking<'_> {
    /// Carries out one step; answers the next.
    async fn perform(&mut self, step: Step<String, Why>) -> Result<Step<String, Why>, Stop> {
        Ok(match step {
            Step::Read(reading) => {
                let view = self.read(reading.others()).await?;
                reading.answer(view)
            }
            Step::Check(checking) => {
                let (revision, others) = self.check(&checking.others()).await?;
                checking.answer(revision, others)
            }
            Step::Claim(claiming) => {
                self.claim(claiming.claim()).await?;
                claiming.answer()
            }
            Step::Search(searching) => {
                let found = stage("gather", self.search(&searching)).await?;
                searching.answer(found)
            }
            Step::Compare(comparing) => {
                let compared = self.compare(comparing.others()).await?;
                comparing.answer(compared)
            }
            Step::Publish(publishing) => {
                self.published = stage("publish", self.publish(publishing.publication())).await?;
                publishing.answer()
            }
            Step::Store(storing) => {
                self.store(storing.state()).await?;
                storing.answer()
            }
            Step::Confirm(confirming) => {
                let in_force = self.confirm().await?;
                confirming.answer(in_force)
            }
            Step::Holders(holding) => {
                let holders = self.holders().await?;
                holding.answer(holders)
            }
            Step::Send(sending) => {
                stage("notify", self.send(sending.requests())).await?;
                sending.answer()
            }
            Step::Done(outcome) => Step::Done(outcome),
        })
    }

    async fn read(&mut self, others: &[String]) -> Result<Option<View<String, Why>>, Stop> {
        let known = self.written.take().map(Arc::new).or_else(|| self.role.lists.get(self.article_id));
        let ids = self.with_own(others);
        let (mut contents, ranked) = tokio::try_join!(
            self.attempt("rank", || self.role.catalogue.contents(&ids)),
            self.read_state(known),
        )?;
        let Some(content) = contents.remove(self.article_id) else { return Ok(None) };
        let Content { revision, version, is_empty } = content;
        self.role.lists.keep(self.article_id, &ranked);
        let is_current = ranked.state.list.as_ref().is_some_and(|list| list.revision == revision);
        if self.read.writes == 0 && is_current {
            self.found = Some(Arc::clone(&ranked));
        }
        (self.revision, self.version) = (revision, version);
        self.published = Published::of(&ranked);
        let stored = ranked.state.clone();
        self.read = ranked;
        Ok(Some(View { revision, is_empty, stored, others: revisions(contents) }))
    }

    /// Revisions of the article and of others, to hold against the state read before.
    async fn check(
        &mut self,
        others: &[String],
    ) -> Result<(Option<Revision>, BTreeMap<String, Revision>), Stop> {
        let ids = self.with_own(others);
        let mut contents = self.attempt("rank", || self.role.catalogue.contents(&ids)).await?;
        let own = contents.remove(self.article_id);
        self.published = Published::of(&self.read);
        Ok((own.map(|content| content.revision), revisions(contents)))
    }

    fn with_own(&self, others: &[String]) -> Vec<String> {
        others.iter().cloned().chain([self.article_id.to_owned()]).collect()
    }

    /// The state that is stored. One that this process has made or read is only looked at.
    async fn read_state(&self, known: Option<Arc<Ranked>>) -> Result<Arc<Ranked>, Stop> {
        let catalogue = &self.role.catalogue;
        if let Some(known) = known {
            let stored = self.attempt("rank", || catalogue.glance(self.article_id)).await?;
            if known.glance() == stored {
                return Ok(known);
            }
        }
        self.attempt("rank", || catalogue.ranked(self.article_id)).await.map(Arc::new)
    }

    /// Counts how many of the neighbours that a search has found the list had before. One
    /// that still waits for its own request tells nothing.
    fn count_recall(&self) {
        let best = |ranked: &Ranked| -> Vec<String> {
            let entries = ranked.state.list.iter().flat_map(|list| list.entries.best(self.role.settings.k));
            entries.map(|entry| entry.id.clone()).collect()
        };
        let Some(before) = self.found.as_deref().map(best) else { return };
        let after = best(&self.read);
        let found = after.iter().filter(|id| before.contains(id)).count();
        let neighbours = &metrics().list.recall_neighbours;
        neighbours.with_label_values(&["found"]).inc_by(found as u64);
        neighbours.with_label_values(&["missed"]).inc_by((after.len() - found) as u64);
    }

    async fn claim(&mut self, claim: &Claim<String>) -> Result<(), Stop> {
        self.attempt("rank", || self.role.catalogue.claim(self.article_id, &self.read, claim)).await?;
        self.written = Some(self.read.claimed(claim));
        Ok(())
    }

    async fn store(&mut self, state: &RankState) -> Result<(), Stop> {
        let Published { version, at } = self.published;
        let ranked = Ranked {
            state: state.clone(),
            published_version: version,
            published_at: at,
            writes: self.read.writes,
            list_writes: self.read.list_writes,
        };
        self.attempt("rank", || self.role.catalogue.store(self.article_id, &ranked)).await?;
        self.written = Some(ranked.stored());
        Ok(())
    }

    /// Whether the state that was written last is in force. It then is remembered.
    async fn confirm(&mut self) -> Result<bool, Stop> {
        let stored = self.attempt("rank", || self.role.catalogue.glance(self.article_id)).await?;
        let Some(written) = self.written.take().filter(|written| written.glance() == stored) else {
            return Ok(false);
        };
        self.read = Arc::new(written);
        self.role.lists.keep(self.article_id, &self.read);
        Ok(true)
    }

    async fn holders(&self) -> Result<Vec<String>, Stop> {
        self.attempt("notify", || self.role.catalogue.holders(self.article_id)).await
    }

    /// Has a port do something, as often as it takes.
    pub(super) async fn attempt<T, F>(
        &self,
        stage: &'static str,
        operation: impl FnMut() -> F,
    ) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        self.role.attempts.run(stage, self.batch, operation).await.map_err(Stop::of(stage))
    }
}

fn revisions(contents: BTreeMap<String, Content>) -> BTreeMap<String, Revision> {
    contents.into_iter().map(|(id, content)| (id, content.revision)).collect()
}
