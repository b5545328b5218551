//! The messages of topic `lookalike.rank`, key = the article to rank.

use serde::{Deserialize, Serialize};

/// Why an article is to be ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankReason {
    /// The article itself changed: its list and the lists it may enter or leave.
    #[serde(rename = "article.changed")]
    ArticleChanged,
    /// Another article changed and may enter or leave this one's list.
    #[serde(rename = "list.affected")]
    ListAffected,
}

/// One request to rank an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankRequest {
    #[serde(rename = "type")]
    pub reason: RankReason,
    pub article_id: String,
    /// The article whose change caused this request.
    pub cause: String,
    /// `occurred_at` of the event behind it, for freshness metrics only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}
