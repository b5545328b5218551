//! Carries out the steps of a ranking, one at a time.
//!
//! Guarantee: each step is completed before the next begins, and what the protocol asks
//! to be read first is read first; nothing is decided here.

use std::future::Future;

use list_maintenance::ranking::{self, Outcome, Step};
use list_maintenance::{Claim, Request, Revision, View};

use super::RankRole;
use super::gather::Own;
use crate::domain::event::Version;
use crate::domain::list::{Explanation, RankState};
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;
use crate::ports::{Failed, Ranked};

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
    /// Version of the article in the list last published.
    published_version: Version,
    /// What the last search was for.
    pub(super) own: Option<Own>,
}

impl RankRole {
    /// Ranks an article for all requests that wait together.
    pub(super) async fn rank(
        &self,
        article_id: &str,
        requests: &[Request<String, Explanation>],
        occurred_at: Option<&str>,
        batch: &Batch,
    ) -> Result<Outcome, Stop> {
        let mut ranking = Ranking {
            role: self,
            article_id,
            occurred_at,
            batch,
            revision: Revision(0),
            version: 0,
            published_version: 0,
            own: None,
        };
        let name = self.random.number();
        let mut step = ranking::begin(article_id.to_owned(), name, requests, self.settings.lists());
        loop {
            step = match step {
                Step::Read(reading) => {
                    let view = ranking.read(reading.others()).await?;
                    reading.answer(view)
                }
                Step::Claim(claiming) => {
                    ranking.claim(claiming.claim()).await?;
                    claiming.answer()
                }
                Step::Search(searching) => {
                    let found = ranking.search(&searching).await?;
                    searching.answer(found)
                }
                Step::Compare(comparing) => {
                    let compared = ranking.compare(comparing.others()).await?;
                    comparing.answer(compared)
                }
                Step::Publish(publishing) => {
                    ranking.published_version = ranking.publish(publishing.publication()).await?;
                    publishing.answer()
                }
                Step::Store(storing) => {
                    ranking.store(storing.state()).await?;
                    storing.answer()
                }
                Step::Holders(holding) => {
                    let holders = ranking.holders().await?;
                    holding.answer(holders)
                }
                Step::Send(sending) => {
                    ranking.send(sending.requests()).await?;
                    sending.answer()
                }
                Step::Done(outcome) => return Ok(outcome),
            };
        }
    }
}

impl Ranking<'_> {
    async fn read(&mut self, others: &[String]) -> Result<Option<View<String, Explanation>>, Stop> {
        let catalogue = &self.role.catalogue;
        let (view, others) = tokio::try_join!(
            self.attempt("rank", || catalogue.rank_view(self.article_id)),
            self.attempt("rank", || catalogue.revisions(others)),
        )?;
        let Some(view) = view else { return Ok(None) };
        self.revision = view.revision;
        self.version = view.version;
        self.published_version = view.ranked.published_version;
        Ok(Some(View { revision: view.revision, is_empty: view.is_empty, stored: view.ranked.state, others }))
    }

    async fn claim(&self, claim: &Claim<String>) -> Result<(), Stop> {
        self.attempt("rank", || self.role.catalogue.claim(self.article_id, claim)).await
    }

    async fn store(&self, state: &RankState) -> Result<(), Stop> {
        let ranked = Ranked { state: state.clone(), published_version: self.published_version };
        self.attempt("rank", || self.role.catalogue.store(self.article_id, &ranked)).await
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
