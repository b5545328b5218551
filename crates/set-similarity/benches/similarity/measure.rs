//! Runs the lists of a dataset, with and without a clock.

use std::hint::black_box;
use std::time::Duration;

use serde_json::{Value, json};
use set_similarity::{Article, Element, ImageSet, Scorer, Workspace};

use crate::clock::cpu_time;
use crate::command::{Operation, Storage, Way};
use crate::dataset::{Dataset, List};
use crate::plain;

/// Length of the lists that are timed: the worker's default `k`.
const K: usize = 10;

/// Work done within a round.
#[derive(Default)]
struct Round {
    lists: usize,
    pairs: usize,
    /// Cells of the similarity matrices.
    cells: usize,
    /// Vectors of the candidates.
    vectors: usize,
    time: Duration,
}

/// One round. Each way walks through the lists by itself and goes on where its last
/// round ended; the first list of a round runs before the clock starts.
pub(crate) fn time(
    dataset: &mut Dataset,
    lists: &str,
    way: &Way,
    operation: Operation,
    milliseconds: u64,
) -> Result<Value, String> {
    let key = format!("{lists} {way:?} {operation:?}");
    let mut place = dataset.next.get(&key).copied().unwrap_or(0);
    let (limit, mut round, mut scorer) =
        (Duration::from_millis(milliseconds), Round::default(), way.scorer());
    let all = lists_of(dataset, lists, way)?;
    run(dataset, &all[place % all.len()], way, operation, &mut scorer);
    let before = scorer.tally();
    while round.time < limit {
        place = (place + 1) % all.len();
        let list = &all[place];
        round.time += run(dataset, list, way, operation, &mut scorer);
        let vectors: usize = list.candidates.iter().map(|other| dataset.singles[*other].len()).sum();
        round.lists += 1;
        round.pairs += list.candidates.len();
        round.vectors += vectors;
        round.cells += vectors * dataset.singles[list.query].len();
    }
    dataset.next.insert(key, place);
    let after = scorer.tally();
    Ok(json!({
        "skipped": after.skipped - before.skipped,
        "lists": round.lists,
        "pairs": round.pairs,
        "cells": round.cells,
        "vectors": round.vectors,
        "nanoseconds": round.time.as_nanos() as u64,
    }))
}

fn lists_of<'a>(dataset: &'a Dataset, lists: &str, way: &Way) -> Result<&'a [List], String> {
    let loaded = match way.storage {
        Storage::F32 => dataset.singles.len(),
        Storage::Half => dataset.halves.len(),
        Storage::Plain => dataset.plain.len(),
    };
    if loaded != dataset.names.len() {
        return Err(format!("{:?} was not asked for when the data was loaded", way.storage));
    }
    match dataset.lists.get(lists) {
        Some(found) if !found.is_empty() => Ok(found),
        _ => Err(format!("no lists named {lists:?}")),
    }
}

/// The time of one list. What it needs besides the vectors is made before the clock starts.
fn run(dataset: &Dataset, list: &List, way: &Way, operation: Operation, scorer: &mut Scorer) -> Duration {
    match way.storage {
        Storage::F32 => run_sets(dataset, &dataset.singles, list, operation, scorer),
        Storage::Half => run_sets(dataset, &dataset.halves, list, operation, scorer),
        Storage::Plain => run_plain(dataset, list, way, operation),
    }
}

fn run_sets<E: Element>(
    dataset: &Dataset,
    sets: &[ImageSet<E>],
    list: &List,
    operation: Operation,
    scorer: &mut Scorer,
) -> Duration {
    let query = dataset.article(&dataset.singles, list.query);
    let candidates = candidates(dataset, sets, list);
    let start = cpu_time();
    match operation {
        Operation::Pairs => {
            for candidate in &candidates {
                black_box(scorer.score(black_box(query), black_box(*candidate)));
            }
        }
        Operation::TopK => {
            black_box(scorer.top_k(black_box(query), black_box(&candidates), K));
        }
        Operation::TopKOfAll => {
            black_box(scorer.top_k_of_all(black_box(query), black_box(&candidates), K));
        }
    }
    cpu_time() - start
}

fn run_plain(dataset: &Dataset, list: &List, way: &Way, operation: Operation) -> Duration {
    let (matching, mut memory) = (way.matching(), Workspace::default());
    let query = &dataset.plain[list.query];
    let mut scores = Vec::with_capacity(list.candidates.len());
    let start = cpu_time();
    for &place in &list.candidates {
        let candidate = black_box(&dataset.plain[place]);
        scores.push((plain::score(black_box(query), candidate, &matching, &mut memory), place));
    }
    if operation != Operation::Pairs {
        scores.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(first.cmp(second)));
        scores.truncate(K);
    }
    black_box(&scores);
    cpu_time() - start
}

fn candidates<'a, E: Element>(
    dataset: &'a Dataset,
    sets: &'a [ImageSet<E>],
    list: &List,
) -> Vec<Article<'a, E>> {
    list.candidates.iter().map(|place| dataset.article(sets, *place)).collect()
}

/// The scores of the first list, so that ways can be checked against each other.
pub(crate) fn scores(dataset: &Dataset, lists: &str, way: &Way) -> Result<Value, String> {
    let list = &lists_of(dataset, lists, way)?[0];
    let scores = match way.storage {
        Storage::F32 => scores_of(dataset, &dataset.singles, list, way),
        Storage::Half => scores_of(dataset, &dataset.halves, list, way),
        Storage::Plain => {
            let (matching, mut memory) = (way.matching(), Workspace::default());
            let query = &dataset.plain[list.query];
            let score = |place: &usize| plain::score(query, &dataset.plain[*place], &matching, &mut memory);
            list.candidates.iter().map(score).collect()
        }
    };
    Ok(json!({ "scores": scores }))
}

fn scores_of<E: Element>(dataset: &Dataset, sets: &[ImageSet<E>], list: &List, way: &Way) -> Vec<f64> {
    let (query, mut scorer) = (dataset.article(&dataset.singles, list.query), way.scorer());
    let score = |other: &Article<'_, E>| scorer.score(query, *other).map_or(f64::NAN, |score| score.score);
    candidates(dataset, sets, list).iter().map(score).collect()
}

/// For every article the k nearest of all others, `[place, score]`, best first.
pub(crate) fn neighbours(dataset: &Dataset, way: &Way, k: usize) -> Result<Value, String> {
    match way.storage {
        Storage::F32 => Ok(neighbours_of(dataset, &dataset.singles, way, k)),
        Storage::Half if !dataset.halves.is_empty() => Ok(neighbours_of(dataset, &dataset.halves, way, k)),
        storage => Err(format!("no lists from {storage:?}")),
    }
}

fn neighbours_of<E: Element>(dataset: &Dataset, sets: &[ImageSet<E>], way: &Way, k: usize) -> Value {
    let mut scorer = way.scorer();
    let list = |query: usize| -> Vec<(usize, f64)> {
        let others: Vec<usize> = (0..sets.len()).filter(|other| *other != query).collect();
        let list = List { query, candidates: others };
        scorer
            .top_k_of_all(dataset.article(&dataset.singles, query), &candidates(dataset, sets, &list), k)
            .iter()
            .map(|ranked| (list.candidates[ranked.index], ranked.score.score))
            .collect()
    };
    json!({ "lists": (0..sets.len()).map(list).collect::<Vec<_>>() })
}
