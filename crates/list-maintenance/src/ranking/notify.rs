//! Who is told of a changed article: those whose entries it may now enter, and those
//! that hold it, each with the pair's score.

use super::search::ThenCompared;
use super::{Comparing, Step, Work};
use crate::{Compared, Explanation, Request, Scored};

impl<I: Clone + Ord, D: Explanation> Work<I, D> {
    pub(super) fn holders(self) -> Step<I, D> {
        Step::Holders(Holding { work: self })
    }

    fn held_by(self, mut holders: Vec<I>) -> Step<I, D> {
        holders.retain(|holder| *holder != self.job.article);
        holders.sort();
        holders.dedup();
        let known = |id: &I| self.found.iter().any(|candidate| candidate.id == *id);
        let others: Vec<I> = holders.iter().filter(|holder| !known(holder)).cloned().collect();
        if others.is_empty() {
            return self.tell(&holders, None);
        }
        Step::Compare(Comparing { others, then: ThenCompared::Holders { work: self, holders } })
    }

    pub(super) fn tell(mut self, holders: &[I], compared: Option<Compared<I, D>>) -> Step<I, D> {
        let article = &self.job.article;
        let candidates = self.found.iter().filter(|candidate| {
            candidate.bar.admits(candidate.score) || holders.binary_search(&candidate.id).is_ok()
        });
        let mut requests: Vec<(I, Request<I, D>)> = candidates
            .map(|candidate| {
                let scored = Scored {
                    other: article.clone(),
                    other_revision: self.revision,
                    revision: candidate.revision,
                    compared: Some((candidate.score, candidate.detail.mirrored())),
                };
                (candidate.id.clone(), Request::Scored(scored))
            })
            .collect();
        if let Some(Compared { revision, pairs }) = compared {
            requests.extend(pairs.into_iter().map(|pair| {
                let scored = Scored {
                    other: article.clone(),
                    other_revision: revision,
                    revision: pair.revision,
                    compared: pair.compared.map(|(score, detail)| (score, detail.mirrored())),
                };
                (pair.id, Request::Scored(scored))
            }));
        }
        self.job.outcome.sent = requests.len();
        if requests.is_empty() {
            return Step::Done(self.job.outcome);
        }
        Step::Send(Sending { requests, work: self })
    }
}

/// A search for the articles that hold this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holding<I, D> {
    work: Work<I, D>,
}

impl<I: Clone + Ord, D: Explanation> Holding<I, D> {
    /// The article that they hold.
    pub fn article(&self) -> &I {
        &self.work.job.article
    }

    /// All of them, in any order.
    pub fn answer(self, holders: Vec<I>) -> Step<I, D> {
        self.work.held_by(holders)
    }
}

/// Requests to send, each to the owner of the article beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sending<I, D> {
    requests: Vec<(I, Request<I, D>)>,
    work: Work<I, D>,
}

impl<I, D> Sending<I, D> {
    /// What to send, to whom.
    pub fn requests(&self) -> &[(I, Request<I, D>)] {
        &self.requests
    }

    /// All were acknowledged.
    pub fn answer(self) -> Step<I, D> {
        Step::Done(self.work.job.outcome)
    }
}
