//! Neighbour lists: what is compared, stored, published and explained.

use std::sync::Arc;

use list_maintenance::Stored;
use serde::{Deserialize, Serialize};

use super::event::Version;

/// Two images matched one to one, and their cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchedPair(pub String, pub String, pub f64);

/// Images that matched nothing, by side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Unmatched {
    pub own: Vec<String>,
    pub neighbour: Vec<String>,
}

/// Why two articles score what they score, seen from one of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
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
    /// Version of this article that was compared.
    pub own_version: Version,
    /// Version of the neighbour that was compared.
    pub version: Version,
}

impl list_maintenance::Explanation for Explanation {
    fn mirrored(&self) -> Self {
        let Unmatched { own, neighbour } = self.unmatched.clone();
        let mirrored =
            |MatchedPair(own, other, cosine): &MatchedPair| MatchedPair(other.clone(), own.clone(), *cosine);
        Self {
            pairs: self.pairs.iter().map(mirrored).collect(),
            unmatched: Unmatched { own: neighbour, neighbour: own },
            own_version: self.version,
            version: self.own_version,
            ..*self
        }
    }
}

/// An explanation as it goes through a ranking, which copies it often.
pub type Why = Arc<Explanation>;
/// The ranking state of one article in the store.
pub type RankState = Stored<String, Why>;
/// One stored neighbour.
pub type Entry = list_maintenance::Entry<String, Why>;

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

impl Neighbour {
    /// A stored entry as it is published.
    pub fn new(article_id: String, score: f64, explanation: Explanation) -> Self {
        let Explanation { image_score, text_score, coverage, pairs, unmatched, own_version: _, version } =
            explanation;
        Self { article_id, score, image_score, text_score, coverage, pairs, unmatched, version }
    }
}

impl From<Entry> for Neighbour {
    fn from(entry: Entry) -> Self {
        Self::new(entry.id, entry.score.0, Arc::unwrap_or_clone(entry.detail))
    }
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
