//! Neighbour lists: what is stored, published and explained.

use serde::{Deserialize, Serialize};

use super::event::Version;

/// Two images matched one to one, and their cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchedPair(pub String, pub String, pub f64);

/// One neighbour with its explanation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    pub article_id: String,
    /// Fused score; higher is closer.
    pub score: f64,
    /// `None` when one side has no images.
    pub image_score: Option<f64>,
    /// `None` when one side has no text, or text has no weight.
    pub text_score: Option<f64>,
    /// Matched pairs divided by what could match; `None` without image score.
    pub coverage: Option<f64>,
    /// (image of this article, image of the neighbour, cosine), best first.
    pub pairs: Vec<MatchedPair>,
    /// Images of this article and of the neighbour that matched nothing.
    pub unmatched: Unmatched,
    /// Version of the neighbour that was compared.
    pub version: Version,
}

/// Images that matched nothing, by side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Unmatched {
    pub own: Vec<String>,
    pub neighbour: Vec<String>,
}

/// An article's list as published to Kafka and served over HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeighbourList {
    pub article_id: String,
    /// Grows with every list of this article; a consumer may drop lower ones.
    pub sequence: u64,
    /// Version of the article that was compared.
    pub version: Version,
    /// Ordered by (score descending, article_id ascending).
    pub neighbours: Vec<Neighbour>,
}

impl NeighbourList {
    /// The same list without matched pairs and unmatched images.
    pub fn without_explanations(&self) -> Self {
        let mut list = self.clone();
        for neighbour in &mut list.neighbours {
            neighbour.pairs.clear();
            neighbour.unmatched = Unmatched::default();
        }
        list
    }
}

/// The ranking state of one article in the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RankState {
    pub sequence: u64,
    /// A ranking is under way, or was cut off: the list may be stale.
    pub dirty: bool,
    /// Names the ranking under way, or the last one.
    pub ranking: Option<String>,
    /// Score to reach to enter the list; `None` while it is not full.
    pub tau: Option<f64>,
    /// The list last published, if any.
    pub list: Option<NeighbourList>,
}

impl RankState {
    /// The lowest score with which another article may belong in the list, and nothing
    /// else will see to it. An article that was never ranked has its own first ranking
    /// before it, which begins after this was read and so sees the other article.
    pub fn bar(&self) -> f64 {
        let never_ranked = self.sequence == 0 && !self.dirty;
        match self.tau {
            _ if never_ranked => f64::INFINITY,
            Some(tau) if !self.dirty => tau,
            _ => f64::NEG_INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest list that may be published without explanations stays far below
    /// Kafka's default record size of a megabyte, even before compression.
    #[test]
    fn a_list_without_explanations_is_small() {
        let neighbour = |at: usize| Neighbour {
            article_id: format!("{at:0>512}"),
            score: -0.123_456_789_012_345_67,
            image_score: Some(-0.123_456_789_012_345_67),
            text_score: Some(-0.123_456_789_012_345_67),
            coverage: Some(0.123_456_789_012_345_67),
            pairs: vec![MatchedPair("i".repeat(512), "j".repeat(512), 0.5); 64],
            unmatched: Unmatched { own: vec!["i".repeat(512); 64], neighbour: Vec::new() },
            version: u64::MAX,
        };
        let list = NeighbourList {
            article_id: "a".repeat(512),
            sequence: u64::MAX,
            version: u64::MAX,
            neighbours: (0..1000).map(neighbour).collect(),
        };
        let size = |list: &NeighbourList| serde_json::to_vec(list).unwrap().len();
        assert!(size(&list) > 10_000_000);
        assert!(size(&list.without_explanations()) < 1_000_000);
    }
}
