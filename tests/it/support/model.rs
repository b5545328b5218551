//! The lists by definition: every pair of articles, every pair of images, sorted.
//!
//! Written apart from the product, on plain numbers, so that an error would have to
//! be made twice.

use std::collections::BTreeMap;

/// An article in numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    /// By image id.
    pub(crate) images: BTreeMap<String, Vec<f32>>,
    pub(crate) text: Option<Vec<f32>>,
    pub(crate) categories: Vec<String>,
    pub(crate) group: Option<String>,
}

/// The settings that change lists.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) k: usize,
    pub(crate) threshold: f64,
    pub(crate) max_matches: usize,
    pub(crate) min_matches: usize,
    pub(crate) coverage_weight: f64,
    pub(crate) text_weight: f64,
    pub(crate) same_categories: bool,
    pub(crate) different_group: bool,
}

/// One expected neighbour.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expected {
    pub(crate) article_id: String,
    pub(crate) score: f64,
    pub(crate) image_score: Option<f64>,
    pub(crate) text_score: Option<f64>,
    pub(crate) coverage: Option<f64>,
    /// (own image, the other's image, cosine), best first.
    pub(crate) pairs: Vec<(String, String, f64)>,
}

/// The list of one article of the catalogue.
pub(crate) fn list(of: &str, catalogue: &BTreeMap<String, Item>, rules: &Rules) -> Vec<Expected> {
    let others = catalogue.keys().filter(|id| id.as_str() != of);
    let mut all: Vec<Expected> = others.filter_map(|id| neighbour(of, id, catalogue, rules)).collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.article_id.cmp(&b.article_id)));
    all.truncate(rules.k);
    all
}

fn neighbour(of: &str, id: &str, catalogue: &BTreeMap<String, Item>, rules: &Rules) -> Option<Expected> {
    let (own, other) = (&catalogue[of], &catalogue[id]);
    if rules.same_categories && !own.categories.iter().any(|one| other.categories.contains(one)) {
        return None;
    }
    if rules.different_group && own.group.is_some() && own.group == other.group {
        return None;
    }
    let text_score = match (&own.text, &other.text) {
        (Some(a), Some(b)) if rules.text_weight > 0.0 => Some(cosine(a, b)),
        _ => None,
    };
    let mut expected = Expected {
        article_id: id.to_owned(),
        score: 0.0,
        image_score: None,
        text_score,
        coverage: None,
        pairs: Vec::new(),
    };
    if own.images.is_empty() || other.images.is_empty() {
        expected.score = text_score?;
        return Some(expected);
    }
    expected.pairs = if of < id {
        matched(own, other, rules)
    } else {
        matched(other, own, rules).into_iter().map(|(a, b, similarity)| (b, a, similarity)).collect()
    };
    let count = expected.pairs.len();
    if count < rules.min_matches {
        return None;
    }
    let possible = own.images.len().min(other.images.len()).min(rules.max_matches);
    let coverage = count as f64 / possible as f64;
    let mean = expected.pairs.iter().map(|(_, _, similarity)| similarity).sum::<f64>() / count as f64;
    let image = mean * coverage.powf(rules.coverage_weight);
    expected.coverage = Some(coverage);
    expected.image_score = Some(image);
    let weight = rules.text_weight;
    expected.score = text_score.map_or(image, |text| (1.0 - weight) * image + weight * text);
    Some(expected)
}

/// All cells sorted, each taken whose row and column are free. Ties go to the lower
/// image ids of the lower article id.
fn matched(low: &Item, high: &Item, rules: &Rules) -> Vec<(String, String, f64)> {
    let mut cells: Vec<(f64, &String, &String)> = Vec::new();
    for (row, a) in &low.images {
        cells.extend(high.images.iter().map(|(column, b)| (cosine(a, b), row, column)));
    }
    cells.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken: Vec<(String, String, f64)> = Vec::new();
    for (similarity, row, column) in cells {
        let free = taken.iter().all(|(a, b, _)| a != row && b != column);
        if free && similarity >= rules.threshold && taken.len() < rules.max_matches {
            taken.push((row.clone(), column.clone(), similarity));
        }
    }
    taken
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}
