//! Stage gather: candidates are searched, read and compared.
//!
//! Guarantee: of every article the revision is read before what it stands for, and the
//! bar after the search began.

use std::collections::HashMap;
use std::sync::Arc;

use list_maintenance::ranking::Searching;
use list_maintenance::{Candidate, Compared, Found, Pair, Revision, Score};

use super::perform::Ranking;
use crate::domain::article::Profile;
use crate::domain::list::Why;
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::stage::{self, stage};
use crate::ports::{CandidateQuery, Candidates, Standing, Truncated};
use crate::similarity::{Method, Packed};

/// The article that is searched for.
pub(super) struct Own {
    profile: Profile,
    set: Arc<Packed>,
}

impl Ranking<'_> {
    /// Searches for candidates and compares each.
    pub(super) async fn search(
        &mut self,
        searching: &Searching<String, Why>,
    ) -> Result<Found<String, Why>, Stop> {
        let nothing = Found { candidates: Vec::new(), truncated: None };
        if searching.bars_up_to().is_none() {
            self.own = self.read_own().await?;
        }
        let Some(own) = &self.own else { return Ok(nothing) };
        let (ids, truncated) = match searching.bars_up_to() {
            None => stage("search", self.nearest(&own.profile)).await?,
            Some(ceiling) => {
                let before: Vec<String> = searching.found_before().cloned().collect();
                stage("search", self.low_bars(&own.profile, ceiling, &before)).await?
            }
        };
        let read = || self.role.catalogue.standings(&ids);
        let standings = self.attempt("rank", read).await?;
        let candidates = self.compare_with(&own.set, standings).await?;
        Ok(Found { candidates, truncated })
    }

    async fn read_own(&self) -> Result<Option<Own>, Stop> {
        let ids = [self.article_id.to_owned()];
        let read = || self.role.catalogue.profiles(&ids);
        let profile = self.attempt("rank", read).await?.remove(self.article_id);
        let Some(mut profile) = profile.filter(|profile| !profile.is_empty()) else { return Ok(None) };
        let set = self.role.sets.keep(self.revision, &mut profile)?;
        Ok(Some(Own { profile, set }))
    }

    async fn nearest(&self, own: &Profile) -> Result<(Vec<String>, Option<Score>), Stop> {
        let query = self.query(own);
        let found = self.attempt("rank", || self.role.catalogue.candidates(&query)).await?;
        let truncated = &metrics().list.searches_truncated;
        for (signal, stopped) in [("image", found.truncated_images), ("text", found.truncated_text)] {
            truncated.with_label_values(&[signal]).inc_by(stopped.map_or(0, |stopped| stopped.searches));
        }
        let ceiling = self.ceiling(own, &found);
        Ok((found.article_ids, ceiling))
    }

    async fn low_bars(
        &self,
        own: &Profile,
        ceiling: Score,
        before: &[String],
    ) -> Result<(Vec<String>, Option<Score>), Stop> {
        let query = self.query(own);
        let search = || self.role.catalogue.low_bars(&query, ceiling.0, before);
        let (ids, more) = self.attempt("rank", search).await?;
        Ok((ids, more.then_some(ceiling)))
    }

    fn query<'q>(&self, own: &'q Profile) -> CandidateQuery<'q> {
        let settings = &self.role.settings;
        CandidateQuery {
            article: own,
            threshold: settings.pair_threshold(),
            limit: settings.candidate_limit,
            exact: settings.exact,
            with_text: settings.text_weight > 0.0,
            restriction: settings.restriction(),
        }
    }

    /// The highest score that an article can have which truncated searches left out.
    fn ceiling(&self, own: &Profile, found: &Candidates) -> Option<Score> {
        let settings = &self.role.settings;
        let images = found.truncated_images.map(|Truncated { ceiling, .. }| {
            let image = match settings.method {
                // The mean of a set may be closer than any of its images.
                Method::Pooled => 1.0,
                // Coverage below 1 brings a negative mean closer to 0.
                _ if settings.coverage_weight > 0.0 => ceiling.max(0.0),
                _ => ceiling,
            };
            // Of texts nothing is known, if both have one.
            let weight = if own.text.is_some() { settings.text_weight } else { 0.0 };
            image.max((1.0 - weight) * image + weight)
        });
        let text = found.truncated_text.map(|truncated| truncated.ceiling);
        [images, text].into_iter().flatten().reduce(f64::max).map(Score)
    }

    async fn compare_with(
        &self,
        own: &Packed,
        standings: Vec<Standing>,
    ) -> Result<Vec<Candidate<String, Why>>, Stop> {
        let revisions = standings.iter().map(|one| (one.article_id.clone(), one.revision)).collect();
        let sets = self.sets(&revisions).await?;
        let mut comparer = self.role.comparison.comparer();
        let compared = standings.into_iter().filter_map(|Standing { article_id, revision, bar }| {
            let (score, detail) = comparer.compare(own, sets.get(&article_id)?)?;
            Some(Candidate { id: article_id, revision, score: Score(score), detail: Arc::new(detail), bar })
        });
        Ok(stage::compute("score", || compared.collect()))
    }

    /// Compares with named articles, all as they are stored now.
    pub(super) async fn compare(&self, others: &[String]) -> Result<Compared<String, Why>, Stop> {
        let mut ids = others.to_vec();
        ids.push(self.article_id.to_owned());
        let read = || self.role.catalogue.contents(&ids);
        let contents = self.attempt("rank", read).await?;
        let revisions: HashMap<String, Revision> =
            contents.into_iter().map(|(id, content)| (id, content.revision)).collect();
        let own =
            HashMap::from_iter(revisions.get_key_value(self.article_id).map(|(id, own)| (id.clone(), *own)));
        let revision = own.values().next().copied().unwrap_or(Revision(0));
        let set = self.sets(&own).await?.remove(self.article_id);
        let wanted: HashMap<String, Revision> =
            others.iter().filter_map(|id| Some((id.clone(), *revisions.get(id)?))).collect();
        // With nothing to compare them with, the others need not be read.
        let sets = match &set {
            Some(set) if !set.is_empty() => self.sets(&wanted).await?,
            _ => HashMap::new(),
        };
        let mut comparer = self.role.comparison.comparer();
        let pairs = others.iter().filter_map(|id| {
            let compared =
                set.as_ref().zip(sets.get(id)).and_then(|(own, other)| comparer.compare(own, other));
            let compared = compared.map(|(score, explanation)| (Score(score), Arc::new(explanation)));
            Some(Pair { id: id.clone(), revision: *revisions.get(id)?, compared })
        });
        Ok(Compared { revision, pairs: pairs.collect() })
    }

    async fn sets(&self, wanted: &HashMap<String, Revision>) -> Result<HashMap<String, Arc<Packed>>, Stop> {
        let role = self.role;
        role.sets.get(wanted, &*role.catalogue, &role.attempts, self.batch).await
    }
}
