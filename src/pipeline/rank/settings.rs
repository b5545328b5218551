//! How lists are made, as it is configured.

use list_maintenance::{Sizes, ranking};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::ports::Restriction;
use crate::similarity::compare::{Comparison, Field};
use crate::similarity::{Matching, Method};

/// How lists are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RankingSettings {
    /// Neighbours of a list.
    pub k: usize,
    /// Neighbours stored beyond those: as many may leave before the list is searched
    /// again.
    pub spare: usize,
    /// How images are matched.
    #[schemars(schema_with = "methods")]
    pub method: Method,
    /// Lowest cosine of a matched image pair, −1 to 1.
    pub threshold: f64,
    #[serde(default)]
    pub max_matches: Option<usize>,
    pub min_matches: usize,
    pub coverage_weight: f64,
    /// Share of text in the score, 0 to 1.
    pub text_weight: f64,
    /// Fields that neighbours must share.
    #[serde(default)]
    #[schemars(schema_with = "fields")]
    pub same: Vec<Field>,
    /// Fields that neighbours must not share.
    #[serde(default)]
    #[schemars(schema_with = "fields")]
    pub different: Vec<Field>,
    /// Most hits of one candidate search.
    pub candidate_limit: usize,
    /// Scan everything instead of walking the vector index.
    pub exact: bool,
    /// Further searches among articles with low bars, after a truncated one.
    pub max_low_searches: u32,
    /// Most images of one article that are compared.
    pub max_images: usize,
    /// Memory for images and texts of articles compared lately, in MiB.
    pub cache_mebibytes: u64,
    /// Requests that one change sends at once; what exceeds it goes out more slowly.
    pub fan_out_burst: usize,
    /// Requests a second of what exceeds the burst.
    pub fan_out_per_second: u32,
}

fn methods(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": Method::ALL.map(Method::as_str)})
}

fn fields(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"enum": [Field::Categories, Field::Group]}})
}

impl RankingSettings {
    /// Sizes of a list.
    pub fn sizes(&self) -> Sizes {
        Sizes { k: self.k, kept: self.k + self.spare }
    }

    /// What the protocol has to know.
    pub(super) fn lists(&self) -> ranking::Settings {
        ranking::Settings { sizes: self.sizes(), max_low_searches: self.max_low_searches }
    }

    /// Cosine that an image pair must reach for its articles to be neighbours; `None`
    /// where no pair has to.
    pub fn pair_threshold(&self) -> Option<f64> {
        match self.method {
            Method::Greedy | Method::Optimal | Method::Ordered | Method::Best => Some(self.threshold),
            Method::MaxSim | Method::Pooled => None,
        }
    }

    /// Who may be neighbours at all.
    pub(super) fn restriction(&self) -> Restriction {
        Restriction {
            same_categories: self.same.contains(&Field::Categories),
            same_group: self.same.contains(&Field::Group),
            different_categories: self.different.contains(&Field::Categories),
            different_group: self.different.contains(&Field::Group),
        }
    }

    /// The comparison these settings ask for.
    pub fn comparison(&self) -> Comparison {
        Comparison {
            matching: Matching {
                method: self.method,
                threshold: self.threshold,
                max_matches: self.max_matches,
                min_matches: self.min_matches,
                coverage_weight: self.coverage_weight,
            },
            text_weight: self.text_weight,
            same: self.same.clone(),
            different: self.different.clone(),
        }
    }
}
