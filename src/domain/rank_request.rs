//! The messages of topic `lookalike.rank`, key = the article to rank.
//!
//! Guarantee: what is written can be read; a message that says nothing that could be
//! done is an error that says what is wrong.

use std::sync::Arc;

use list_maintenance::{Request, Revision, Score, Scored};
use serde::{Deserialize, Serialize};

use super::list::{Explanation, Why};

/// Why an article is to be ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankReason {
    /// The article itself changed: its list and the lists it may enter or leave.
    #[serde(rename = "article.changed")]
    ArticleChanged,
    /// Another article changed, and this is what the two score now.
    #[serde(rename = "pair.scored")]
    PairScored,
    /// Rank again, to see whether the stored list is right.
    #[serde(rename = "list.sweep")]
    ListSweep,
    /// An older list was published after the newest: publish the newest again.
    #[serde(rename = "list.republish")]
    ListRepublish,
}

/// What two articles score; both as they were compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredPair {
    /// Revision of the article to rank.
    #[serde(with = "hexadecimal")]
    pub revision: u64,
    /// Revision of the article that changed, named by `cause`.
    #[serde(with = "hexadecimal")]
    pub cause_revision: u64,
    /// `None`: the two are not neighbours.
    pub neighbour: Option<ScoredNeighbour>,
}

/// A score with its explanation, seen from the article to rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredNeighbour {
    pub score: f64,
    pub explanation: Explanation,
}

/// One request to rank an article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankRequest {
    #[serde(rename = "type")]
    pub reason: RankReason,
    pub article_id: String,
    /// The article whose change caused this request, or what else did.
    pub cause: String,
    /// Only and always with `pair.scored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<ScoredPair>,
    /// `occurred_at` of the event behind it, for freshness metrics only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}

impl RankRequest {
    /// A request without a pair.
    pub fn plain(reason: RankReason, article_id: &str, cause: &str) -> Self {
        Self {
            reason,
            article_id: article_id.to_owned(),
            cause: cause.to_owned(),
            pair: None,
            occurred_at: None,
        }
    }

    /// A request that the ranking of `cause` sends to the owner of `article_id`.
    pub fn sent(
        article_id: &str,
        cause: &str,
        request: &Request<String, Why>,
        occurred_at: Option<&str>,
    ) -> Self {
        let (reason, pair) = match request {
            Request::Changed => (RankReason::ArticleChanged, None),
            Request::Sweep => (RankReason::ListSweep, None),
            Request::Republish => (RankReason::ListRepublish, None),
            Request::Scored(scored) => (RankReason::PairScored, Some(ScoredPair::from(scored))),
        };
        let occurred_at = occurred_at.map(str::to_owned);
        Self { pair, occurred_at, ..Self::plain(reason, article_id, cause) }
    }

    /// The request as the ranking takes it.
    ///
    /// # Errors
    ///
    /// In words, when a scored pair comes without its score.
    pub fn into_request(self) -> Result<Request<String, Why>, String> {
        Ok(match (self.reason, self.pair) {
            (RankReason::ArticleChanged, _) => Request::Changed,
            (RankReason::ListSweep, _) => Request::Sweep,
            (RankReason::ListRepublish, _) => Request::Republish,
            (RankReason::PairScored, Some(pair)) => Request::Scored(Scored {
                other: self.cause,
                other_revision: Revision(pair.cause_revision),
                revision: Revision(pair.revision),
                compared: pair.neighbour.map(|one| (Score(one.score), Arc::new(one.explanation))),
            }),
            (RankReason::PairScored, None) => return Err("pair.scored without a pair".to_owned()),
        })
    }
}

impl From<&Scored<String, Why>> for ScoredPair {
    fn from(scored: &Scored<String, Why>) -> Self {
        let neighbour = |(score, why): &(Score, Why)| ScoredNeighbour {
            score: score.0,
            explanation: Explanation::clone(why),
        };
        Self {
            revision: scored.revision.0,
            cause_revision: scored.other_revision.0,
            neighbour: scored.compared.as_ref().map(neighbour),
        }
    }
}

/// Revisions are 64 random-looking bits, more than a JSON number holds everywhere.
pub mod hexadecimal {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::list::{MatchedPair, Unmatched};

    #[test]
    fn what_is_sent_is_what_is_read() {
        let explanation = Explanation {
            image_score: Some(0.1 + 0.2),
            pairs: vec![MatchedPair("a".into(), "b".into(), 0.7)],
            unmatched: Unmatched { own: vec!["c".into()], neighbour: Vec::new() },
            version: 7,
            ..Explanation::default()
        };
        let scored = |compared| {
            Request::Scored(Scored {
                other: "x".to_owned(),
                other_revision: Revision(u64::MAX - 1),
                revision: Revision(3),
                compared,
            })
        };
        let requests = [
            Request::Changed,
            Request::Sweep,
            Request::Republish,
            scored(None),
            scored(Some((Score(0.3), Arc::new(explanation)))),
        ];
        for request in requests {
            let sent = RankRequest::sent("a", "x", &request, Some("2026-01-01T00:00:00Z"));
            let text = serde_json::to_string(&sent).unwrap();
            let read: RankRequest = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (read.article_id.as_str(), read.occurred_at.as_deref()),
                ("a", Some("2026-01-01T00:00:00Z"))
            );
            assert_eq!(read.into_request().unwrap(), request, "{text}");
        }
    }

    #[test]
    fn a_pair_without_its_score_is_refused() {
        let read = |text| serde_json::from_str::<RankRequest>(text).unwrap().into_request();
        assert!(read(r#"{"type":"pair.scored","article_id":"a","cause":"x"}"#).is_err());
        assert_eq!(read(r#"{"type":"list.sweep","article_id":"a","cause":"x"}"#), Ok(Request::Sweep));
    }
}
