//! Articles compared: image score, text score, fusion, and the best k of many.
//!
//! Guarantee: [`Scorer::top_k`] is the best k of all scores: what is skipped was proven
//! to be too low. The result is the same to the last bit whichever article is asked
//! first and on every processor (in [`Precision::Double`]). Nothing is allocated for a
//! pair once the memory has grown.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::block::{Arithmetic, prefetch};
use crate::bounds::Bounds;
use crate::case::{Case, Cell, ImageScore, Views, Workspace};
use crate::image_set::{ImageSet, TextVector, Variants};
use crate::kernel::{Ahead, Element, InstructionSet, Precision, rounding_bound};
use crate::levels::{Levels, cell_error};
use crate::matrix::Similarities;
use crate::method::{Matching, Method};
use crate::pooled;

/// What is compared of an article.
#[derive(Debug)]
pub struct Article<'a, E: Element = f32> {
    /// Ties go to the lower one.
    pub id: &'a str,
    pub images: &'a ImageSet<E>,
    pub text: Option<&'a TextVector>,
}

impl<E: Element> Clone for Article<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Element> Copy for Article<'_, E> {}

/// How similar two articles are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// (1 − w)·image + w·text when both are there, else the one that is.
    pub score: f64,
    /// `None` when a side has no images.
    pub image_score: Option<f64>,
    /// `None` when a side has no text, or text has no weight.
    pub text_score: Option<f64>,
    /// Matched pairs ÷ pairs that could match; `None` without image score.
    pub coverage: Option<f64>,
}

/// One of many candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Its place among the candidates given.
    pub index: usize,
    pub score: Score,
}

/// The best of many candidates, and those that were asked for besides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranking {
    /// At most k, best first.
    pub best: Vec<Ranked>,
    /// Whose score reaches their own bar, in the order they were given.
    pub reached: Vec<Ranked>,
}

/// A candidate not yet scored.
struct Open {
    /// It cannot score more.
    highest: f64,
    index: usize,
    text: Option<f64>,
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.highest.total_cmp(&other.highest)
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Open {}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

/// What became of the pairs that were compared so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Skipped, because they could not reach the bar.
    pub skipped: u64,
    /// Scored in full.
    pub scored: u64,
}

/// Compares articles, with all the memory that takes.
#[derive(Debug)]
pub struct Scorer {
    matching: Matching,
    text_weight: f64,
    verdict: Arithmetic,
    workspace: Workspace,
    similarities: Similarities,
    scratch: Vec<f64>,
    tally: Tally,
}

impl Scorer {
    /// `text_weight` is w in score = (1 − w)·image + w·text, 0 to 1; with 0 texts are
    /// not looked at.
    pub fn new(matching: Matching, text_weight: f64) -> Self {
        Self {
            matching,
            text_weight,
            verdict: Arithmetic::fastest(Precision::Double),
            workspace: Workspace::default(),
            similarities: Similarities::default(),
            scratch: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// With cosines summed otherwise than in f64.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.verdict.precision = precision;
        self
    }

    /// With other instructions than the fastest.
    #[must_use]
    pub fn with_instructions(mut self, instructions: InstructionSet) -> Self {
        self.verdict.instructions = instructions;
        self
    }

    /// What became of all pairs compared so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The similarity of two articles; `None` when they share no signal, or both have
    /// images and too few match.
    ///
    /// # Panics
    ///
    /// When their vectors have different dimensions: those of two encoders never meet.
    pub fn score<E: Element>(&mut self, query: Article<'_>, other: Article<'_, E>) -> Option<Score> {
        self.workspace.clear();
        let text = self.text_score(query, other);
        self.score_with(query, other, text)
    }

    /// The matched pairs of the score returned last, best first: row is the query's
    /// image, column the other's.
    pub fn pairs(&self) -> &[Cell] {
        self.workspace.pairs()
    }

    /// The best `k` candidates, best first: by score descending, then id ascending.
    /// The query itself is not among them.
    ///
    /// # Panics
    ///
    /// As [`Scorer::score`].
    pub fn top_k<E: Element>(
        &mut self,
        query: Article<'_>,
        candidates: &[Article<'_, E>],
        k: usize,
    ) -> Vec<Ranked> {
        self.rank(query, candidates, k, |_| f64::INFINITY).best
    }

    /// [`Scorer::top_k`], and beside it the candidates whose score reaches a bar of
    /// their own, which `bar` gives for a place among the candidates.
    ///
    /// # Panics
    ///
    /// As [`Scorer::score`].
    pub fn rank<E: Element>(
        &mut self,
        query: Article<'_>,
        candidates: &[Article<'_, E>],
        k: usize,
        bar: impl Fn(usize) -> f64,
    ) -> Ranking {
        let mut open = self.open(query, candidates);
        let mut ranking =
            Ranking { best: Vec::with_capacity(k.min(candidates.len()) + 1), reached: Vec::new() };
        // Whoever can score highest comes first, so that the bar rises fast.
        while let Some(Open { highest, index, text }) = open.pop() {
            let own_bar = bar(index);
            // Equal scores may still come first by id.
            let may_enter = k > 0 && ranking.best.get(k - 1).is_none_or(|last| highest >= last.score.score);
            if !may_enter && highest < own_bar {
                self.tally.skipped += 1;
                continue;
            }
            self.verdict.ahead = match open.peek() {
                Some(next) => candidates[next.index].images.vectors.ahead(),
                None => Ahead::default(),
            };
            self.workspace.clear();
            let Some(score) = self.score_with(query, candidates[index], text) else { continue };
            let ranked = Ranked { index, score };
            if score.score >= own_bar {
                ranking.reached.push(ranked);
            }
            let place = ranking.best.partition_point(|one| order(candidates, one, &ranked).is_le());
            ranking.best.insert(place, ranked);
            ranking.best.truncate(k);
        }
        self.verdict.ahead = Ahead::default();
        ranking.reached.sort_unstable_by_key(|ranked| ranked.index);
        ranking
    }

    /// [`Scorer::top_k`] without skipping anything: for measurements.
    ///
    /// # Panics
    ///
    /// As [`Scorer::score`].
    pub fn top_k_of_all<E: Element>(
        &mut self,
        query: Article<'_>,
        candidates: &[Article<'_, E>],
        k: usize,
    ) -> Vec<Ranked> {
        let mut all: Vec<Ranked> = Vec::with_capacity(candidates.len());
        for (index, candidate) in candidates.iter().enumerate() {
            self.verdict.ahead = match candidates.get(index + 1) {
                Some(next) => next.images.vectors.ahead(),
                None => Ahead::default(),
            };
            if let Some(later) = candidates.get(index + 2) {
                prefetch(later.images);
            }
            let score = if candidate.id == query.id { None } else { self.score(query, *candidate) };
            all.extend(score.map(|score| Ranked { index, score }));
        }
        all.sort_by(|a, b| order(candidates, a, b));
        all.truncate(k);
        all
    }

    /// What every candidate can score at most; without those that cannot be neighbours.
    fn open<E: Element>(&mut self, query: Article<'_>, candidates: &[Article<'_, E>]) -> BinaryHeap<Open> {
        let levels = Levels::of(&query.images.vectors);
        let mut open = Vec::with_capacity(candidates.len());
        for (index, candidate) in candidates.iter().enumerate() {
            let next = candidates.get(index + 1).and_then(|next| next.images.levels.as_ref());
            self.verdict.ahead = next.map_or(Ahead::default(), |levels| levels.vectors.ahead());
            if let Some(later) = candidates.get(index + 2) {
                prefetch(later.images);
            }
            if candidate.id == query.id {
                continue;
            }
            let text = self.text_score(query, *candidate);
            let highest = self.highest_score(query.images, &levels, *candidate, text);
            if highest > f64::NEG_INFINITY {
                open.push(Open { highest, index, text });
            } else {
                self.tally.skipped += 1;
            }
        }
        BinaryHeap::from(open)
    }

    fn text_score<E: Element>(&self, query: Article<'_>, other: Article<'_, E>) -> Option<f64> {
        match (query.text, other.text) {
            (Some(a), Some(b)) if self.text_weight > 0.0 => Some(self.verdict.dot(&a.0, &b.0)),
            _ => None,
        }
    }

    fn fused(&self, image: f64, text: Option<f64>) -> f64 {
        text.map_or(image, |text| (1.0 - self.text_weight) * image + self.text_weight * text)
    }

    fn score_with<E: Element>(
        &mut self,
        query: Article<'_>,
        other: Article<'_, E>,
        text: Option<f64>,
    ) -> Option<Score> {
        self.tally.scored += 1;
        if query.images.is_empty() || other.images.is_empty() {
            return text.map(|score| Score { score, image_score: None, text_score: text, coverage: None });
        }
        let image = self.image_score(query.images, other.images, query.id > other.id)?;
        let score = self.fused(image.score, text);
        Some(Score {
            score,
            image_score: Some(image.score),
            text_score: text,
            coverage: Some(image.coverage),
        })
    }

    /// No fused score is above this.
    fn highest_score<E: Element>(
        &mut self,
        images: &ImageSet,
        levels: &Levels<i16>,
        other: Article<'_, E>,
        text: Option<f64>,
    ) -> f64 {
        let others = other.images;
        let most = self.matching.most_pairs(images.len(), others.len());
        let bounded = self.matching.method != Method::Pooled && most > 0;
        let Some(near) = others.levels.as_ref().filter(|_| bounded) else { return f64::INFINITY };
        let cells = self.similarities.reshape(images.len(), others.len());
        if images.variants.are_none() && others.variants.are_none() {
            self.verdict.near_cosines(levels, near, cells);
        } else {
            self.scratch.resize(images.vectors.count() * others.vectors.count(), 0.0);
            self.verdict.near_cosines(levels, near, &mut self.scratch);
            closest_variants(&self.scratch, &images.variants, &others.variants, cells);
        }
        // A verdict in f32 may lie above the true score.
        let rounding = match self.verdict.precision {
            Precision::Double => 0.0,
            Precision::Single => rounding_bound(images.dimension()),
        };
        let error = cell_error(levels, near) + rounding;
        let bounds = Bounds::of_cells(&self.similarities, most, error, &mut self.scratch);
        self.fused(bounds.highest_score(&self.matching), text)
    }

    /// `swapped`: the other article's images are the rows, because its id is lower.
    fn image_score<E: Element>(
        &mut self,
        query: &ImageSet,
        other: &ImageSet<E>,
        swapped: bool,
    ) -> Option<ImageScore> {
        let pooled = match self.matching.method {
            Method::Pooled => {
                self.fill(query, other, swapped, own_vectors);
                let lengths = query.mean_length * other.mean_length;
                Some(pooled::cosine(self.similarities.cells(), lengths)?)
            }
            _ => {
                self.fill(query, other, swapped, closest_variants);
                None
            }
        };
        let views = Views { rows: &query.views, columns: &other.views };
        let views = if swapped { Views { rows: views.columns, columns: views.rows } } else { views };
        let case = Case { similarities: &self.similarities, views, pooled };
        let score = case.score(&self.matching, &mut self.workspace);
        if swapped {
            self.workspace.mirror();
        }
        score
    }

    /// The similarity matrix of two sets, one cell for two images.
    fn fill<E: Element>(
        &mut self,
        query: &ImageSet,
        other: &ImageSet<E>,
        swapped: bool,
        of_variants: fn(&[f64], &Variants, &Variants, &mut [f64]),
    ) {
        let (rows, columns) = if swapped { (other.len(), query.len()) } else { (query.len(), other.len()) };
        let cells = self.similarities.reshape(rows, columns);
        if query.variants.are_none() && other.variants.are_none() {
            self.verdict.dot_products(&query.vectors, &other.vectors, swapped, cells);
            return;
        }
        self.scratch.resize(query.vectors.count() * other.vectors.count(), 0.0);
        self.verdict.dot_products(&query.vectors, &other.vectors, swapped, &mut self.scratch);
        let (of_rows, of_columns) =
            if swapped { (&other.variants, &query.variants) } else { (&query.variants, &other.variants) };
        of_variants(&self.scratch, of_rows, of_columns, cells);
    }
}

/// Best first: by score descending, then id ascending, then as given.
fn order<E: Element>(candidates: &[Article<'_, E>], a: &Ranked, b: &Ranked) -> Ordering {
    let by_score = b.score.score.total_cmp(&a.score.score);
    let by_id = || candidates[a.index].id.cmp(candidates[b.index].id);
    by_score.then_with(by_id).then(a.index.cmp(&b.index))
}

/// For two images, the largest similarity of a variant of one to a variant of the
/// other. `found` has a row for each vector of the rows.
fn closest_variants(found: &[f64], of_rows: &Variants, of_columns: &Variants, cells: &mut [f64]) {
    let columns = of_columns.images();
    let width = of_columns.of(columns - 1).end;
    for (at, cell) in cells.iter_mut().enumerate() {
        let of_column = of_columns.of(at % columns);
        let rows = of_rows.of(at / columns).map(|row| &found[row * width..][of_column.clone()]);
        *cell = rows.flatten().fold(f64::NEG_INFINITY, |largest, one| largest.max(*one));
    }
}

/// For two images, the similarity of their own vectors, whatever their variants.
fn own_vectors(found: &[f64], of_rows: &Variants, of_columns: &Variants, cells: &mut [f64]) {
    let columns = of_columns.images();
    let width = of_columns.of(columns - 1).end;
    for (at, cell) in cells.iter_mut().enumerate() {
        *cell = found[of_rows.of(at / columns).start * width + of_columns.of(at % columns).start];
    }
}

#[cfg(test)]
#[path = "scorer_tests.rs"]
mod tests;
