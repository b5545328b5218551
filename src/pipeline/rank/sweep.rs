//! Lists are searched again, a few at a time, all of them in turn.
//!
//! Guarantee: every stored article is swept once before any is swept twice, while one
//! process of the group does it; a mark that was left behind is swept after two rounds.
//! What no request leads to is so repaired in the end: what truncated or approximate
//! searches missed, and what a changed setting asks for. `lookalike_lists_swept_total`
//! tells how often that was so.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::send_request;
use crate::domain::rank_request::{RankReason, RankRequest};
use crate::pipeline::{PipelineError, Stop};
use crate::ports::{Catalogue, Log};
use crate::retry::{Attempts, Tenure};

/// How fast the sweeper goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepSettings {
    /// Lists of one round; 0 switches the sweeper off.
    pub lists: usize,
    /// From one round to the next.
    pub interval_ms: u64,
}

/// What the sweeper works with.
pub struct Sweeper {
    pub catalogue: Arc<dyn Catalogue>,
    pub log: Arc<dyn Log>,
    pub attempts: Attempts,
    pub rank_topic: String,
    pub settings: SweepSettings,
    /// One process of the group has the turn: the owner of the first partition.
    pub has_turn: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A worker that was not asked to stop.
struct Until<'a>(&'a CancellationToken);

impl Tenure for Until<'_> {
    fn is_ours(&self) -> bool {
        !self.0.is_cancelled()
    }

    fn may_wait(&self) -> bool {
        self.is_ours()
    }
}

impl Sweeper {
    /// Sweeps until `stop`.
    pub async fn run(self, stop: CancellationToken) -> Result<(), PipelineError> {
        if self.settings.lists == 0 {
            stop.cancelled().await;
            return Ok(());
        }
        let mut place = Place::default();
        loop {
            let pause = Duration::from_millis(self.settings.interval_ms);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            if (self.has_turn)() {
                self.round(&mut place, &Until(&stop)).await.or_else(Stop::into_job_result)?;
            } else {
                place.marked.clear();
            }
        }
    }

    async fn round(&self, place: &mut Place, tenure: &dyn Tenure) -> Result<(), Stop> {
        let most = self.settings.lists;
        let read = || self.catalogue.marked(most);
        let marked = self.attempts.run("sweep", tenure, read).await.map_err(Stop::of("sweep"))?;
        let mut sweeping = place.left_behind(marked);
        let read = || self.catalogue.page(place.next.clone(), most - sweeping.len().min(most - 1));
        let (page, next) = self.attempts.run("sweep", tenure, read).await.map_err(Stop::of("sweep"))?;
        place.next = next;
        sweeping.extend(page);
        for article_id in sweeping {
            let request = RankRequest::plain(RankReason::ListSweep, &article_id, "sweep");
            let run = || send_request(&*self.log, &self.rank_topic, &request);
            self.attempts.run("sweep", tenure, run).await.map_err(Stop::of("sweep"))?;
        }
        Ok(())
    }
}

/// How far the sweeper has come.
#[derive(Debug, Default)]
struct Place {
    /// Where the next round goes on; `None`: at the beginning.
    next: Option<String>,
    /// Marks of the last round, with the sequence each was of.
    marked: HashSet<(String, u64)>,
}

impl Place {
    /// Articles whose mark has not moved since the last round.
    fn left_behind(&mut self, marked: Vec<(String, u64)>) -> Vec<String> {
        let before = std::mem::replace(&mut self.marked, marked.iter().cloned().collect());
        marked.into_iter().filter(|mark| before.contains(mark)).map(|(article_id, _)| article_id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mark_that_does_not_move_is_left_behind() {
        let mut place = Place::default();
        let marks = |marks: &[(&str, u64)]| -> Vec<(String, u64)> {
            marks.iter().map(|(id, sequence)| ((*id).to_owned(), *sequence)).collect()
        };
        assert!(place.left_behind(marks(&[("a", 1), ("b", 1)])).is_empty());
        assert_eq!(place.left_behind(marks(&[("a", 1), ("b", 2), ("c", 1)])), ["a"]);
        assert_eq!(place.left_behind(marks(&[("b", 2)])), ["b"]);
        assert!(place.left_behind(marks(&[])).is_empty());
        assert!(place.left_behind(marks(&[("b", 2)])).is_empty());
    }
}
