//! The lists by definition: every pair of articles, every pair of images, sorted.
//!
//! Written apart from the product, on plain numbers, so that an error would have to
//! be made twice.

use std::collections::BTreeMap;

use lookalike::pipeline::rank::RankingSettings;
use lookalike::similarity::Method;
use lookalike::similarity::compare::Field;

/// An article in numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    /// By image id: the image's own vector, then those of its variants.
    pub(crate) images: BTreeMap<String, Vec<Vec<f32>>>,
    pub(crate) text: Option<Vec<f32>>,
    pub(crate) categories: Vec<String>,
    pub(crate) group: Option<String>,
}

/// The settings that change lists.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) k: usize,
    pub(crate) method: Method,
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
    let (low, high) = if of < id { (own, other) } else { (other, own) };
    let matched = matched(low, high, rules);
    expected.pairs = matched.pairs;
    if of > id {
        expected.pairs.iter_mut().for_each(|pair| std::mem::swap(&mut pair.0, &mut pair.1));
    }
    let image = match matched.score {
        Some(score) => {
            expected.coverage = Some(1.0);
            score
        }
        None => {
            let count = expected.pairs.len();
            if count < rules.min_matches {
                return None;
            }
            let possible = own.images.len().min(other.images.len()).min(rules.max_matches);
            let coverage = count as f64 / possible as f64;
            expected.coverage = Some(coverage);
            let mean = expected.pairs.iter().map(|(_, _, similarity)| similarity).sum::<f64>() / count as f64;
            mean * coverage.powf(rules.coverage_weight)
        }
    };
    expected.image_score = Some(image);
    let weight = rules.text_weight;
    expected.score = text_score.map_or(image, |text| (1.0 - weight) * image + weight * text);
    Some(expected)
}

type Pairs = Vec<(String, String, f64)>;

/// Matched pairs, best first; a score where it is not their mean.
struct Matched {
    pairs: Pairs,
    score: Option<f64>,
}

/// Ties go to the lower image ids of the lower article id.
fn matched(low: &Item, high: &Item, rules: &Rules) -> Matched {
    let mut cells: Pairs = Vec::new();
    for (row, a) in &low.images {
        cells.extend(high.images.iter().map(|(column, b)| (row.clone(), column.clone(), closest(a, b))));
    }
    let mean_of_maxima = |ids: Vec<&String>, of: fn(&(String, String, f64)) -> &String| {
        let maximum = |id: &&String| {
            cells.iter().filter(|cell| of(cell) == *id).map(|cell| cell.2).fold(-2.0, f64::max)
        };
        ids.iter().map(maximum).sum::<f64>() / ids.len() as f64
    };
    let pairs = match rules.method {
        Method::Greedy => one_to_one(cells),
        Method::Best => one_to_one(cells).into_iter().take(1).collect(),
        Method::Ordered => one_to_one(cells.into_iter().filter(|(row, column, _)| row == column).collect()),
        Method::Optimal => {
            let rows: Vec<&String> = low.images.keys().collect();
            best_first(largest_total(&rows, &cells, high.images.len()).1)
        }
        Method::MaxSim => {
            let rows = mean_of_maxima(low.images.keys().collect(), |cell| &cell.0);
            let columns = mean_of_maxima(high.images.keys().collect(), |cell| &cell.1);
            let sorted = best_first(cells);
            let first = |one: &(String, String, f64)| {
                let is_first = |same: &dyn Fn(&(String, String, f64)) -> bool| {
                    sorted.iter().find(|cell| same(cell)) == Some(one)
                };
                is_first(&|cell| cell.0 == one.0) || is_first(&|cell| cell.1 == one.1)
            };
            let pairs = sorted.iter().filter(|cell| first(cell)).cloned().collect();
            return Matched { pairs, score: Some(f64::midpoint(rows, columns)) };
        }
        Method::Pooled => {
            let mean = |item: &Item| -> Vec<f32> {
                let dimension = item.images.values().next().map_or(0, |vectors| vectors[0].len());
                let sum = |at: usize| item.images.values().map(|vectors| vectors[0][at]).sum();
                (0..dimension).map(sum).collect()
            };
            let (a, b) = (mean(low), mean(high));
            let score = cosine(&a, &b) / (cosine(&a, &a) * cosine(&b, &b)).sqrt();
            return Matched { pairs: Vec::new(), score: Some(score) };
        }
    };
    let reaches = |(_, _, similarity): &(String, String, f64)| *similarity >= rules.threshold;
    Matched { pairs: pairs.into_iter().filter(reaches).take(rules.max_matches).collect(), score: None }
}

fn best_first(mut cells: Pairs) -> Pairs {
    cells.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
    cells
}

/// All cells sorted, each taken whose row and column are free.
fn one_to_one(cells: Pairs) -> Pairs {
    let mut taken: Pairs = Vec::new();
    for cell in best_first(cells) {
        if taken.iter().all(|(a, b, _)| *a != cell.0 && *b != cell.1) {
            taken.push(cell);
        }
    }
    taken
}

/// Every way to give each row a column, or none where rows are too many.
fn largest_total(rows: &[&String], cells: &Pairs, columns: usize) -> (f64, Pairs) {
    let Some((row, rest)) = rows.split_first() else { return (0.0, Vec::new()) };
    let mut best = (f64::NEG_INFINITY, Vec::new());
    for cell in cells.iter().filter(|cell| cell.0 == **row) {
        let others = cells.iter().filter(|other| other.1 != cell.1).cloned().collect();
        let (total, mut pairs) = largest_total(rest, &others, columns - 1);
        if total + cell.2 > best.0 {
            pairs.push(cell.clone());
            best = (total + cell.2, pairs);
        }
    }
    if rows.len() > columns {
        let without = largest_total(rest, cells, columns);
        if without.0 > best.0 {
            return without;
        }
    }
    best
}

/// Of two images the closest variants count.
fn closest(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    let all = a.iter().flat_map(|a| b.iter().map(|b| cosine(a, b)));
    all.fold(f64::NEG_INFINITY, f64::max)
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// The model's rules of these settings.
pub(crate) fn rules(ranking: &RankingSettings) -> Rules {
    assert!(!ranking.same.contains(&Field::Group) && !ranking.different.contains(&Field::Categories));
    Rules {
        k: ranking.k,
        method: ranking.method,
        threshold: ranking.threshold,
        max_matches: ranking.max_matches.unwrap_or(usize::MAX),
        min_matches: ranking.min_matches,
        coverage_weight: ranking.coverage_weight,
        text_weight: ranking.text_weight,
        same_categories: ranking.same.contains(&Field::Categories),
        different_group: ranking.different.contains(&Field::Group),
    }
}
