//! The whole pipeline in a simulated world: real stages, in-memory Kafka, stores and
//! encoder, a clock that jumps, and faults drawn from a seed.
//!
//! Guarantee: a run follows from its seed alone; what goes wrong under one seed does so
//! again.
//!
//! `make simulate SEED=n` replays one seed with everything that happens in it,
//! `make soak SEEDS=from..to` runs many.

mod check;
mod consumer;
mod history;
mod oracle;
mod plan;
mod run;
mod worker;
mod world;

use std::env;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use run::{Report, run};
use world::{Weakness, lock};

/// Seeds of `make test`.
const SEEDS: Range<u64> = 0..1000;
/// Failing seeds that are told of.
const TOLD: usize = 5;

/// A seed's report; a panic is a failure like any other.
fn reported(seed: u64, weakness: Weakness, printed: bool) -> Report {
    catch_unwind(|| run(seed, weakness, printed)).unwrap_or_else(|_| Report {
        hash: 0,
        lasted: 0,
        yielded: 0,
        wrong: vec!["the run panicked".to_owned()],
    })
}

/// Runs seeds on all cores until `enough` have failed; answers those that did.
fn failing(seeds: Range<u64>, weakness: Weakness, enough: usize) -> Vec<(u64, Vec<String>)> {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let (begun, told) = (Instant::now(), Mutex::new(Instant::now()));
    let work = || {
        while lock(&failed).len() < enough {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds.end {
                return;
            }
            let report = reported(seed, weakness, false);
            if !report.wrong.is_empty() {
                lock(&failed).push((seed, report.wrong));
            }
            let mut told = lock(&told);
            if told.elapsed() > Duration::from_secs(10) {
                *told = Instant::now();
                let done = seed - seeds.start;
                eprintln!("{done} of {} seeds in {:?}", seeds.end - seeds.start, begun.elapsed());
            }
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_unstable();
    failed
}

/// Seeds from the environment, as `from..to`.
fn seeds() -> Range<u64> {
    let Ok(text) = env::var("LOOKALIKE_SEEDS") else { return SEEDS };
    let (from, to) = text.split_once("..").expect("LOOKALIKE_SEEDS is from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn every_seed_ends_with_right_lists() {
    if let Ok(seed) = env::var("LOOKALIKE_SEED") {
        let report = reported(seed.parse().unwrap(), Weakness::None, true);
        assert!(report.wrong.is_empty(), "seed {seed}:\n{}", report.wrong.join("\n"));
        return;
    }
    let seeds = seeds();
    let begun = Instant::now();
    let failed = failing(seeds.clone(), Weakness::None, TOLD);
    let told = failed
        .iter()
        .map(|(seed, wrong)| format!("make simulate SEED={seed}\n    {}\n", wrong.join("\n    ")));
    assert!(
        failed.is_empty(),
        "seeds that fail, each with the command that replays it:\n{}",
        told.collect::<String>()
    );
    println!("{} seeds in {:?}", seeds.end - seeds.start, begun.elapsed());
}

#[test]
fn a_seed_does_the_same_every_time() {
    let mut yielded = 0;
    for seed in 0..40 {
        let (first, second) = (run(seed, Weakness::None, false), run(seed, Weakness::None, false));
        assert_eq!((first.hash, first.lasted), (second.hash, second.lasted), "seed {seed}");
        yielded += first.yielded;
    }
    assert!(yielded > 0, "no write ever met a newer one");
}

#[test]
fn a_world_that_does_not_keep_its_promises_is_noticed() {
    use Weakness::{FactsUnchecked, ImagesUnchecked, ListsUnchecked, RecordsLost};
    for weakness in [ImagesUnchecked, FactsUnchecked, ListsUnchecked, RecordsLost] {
        let failed = failing(SEEDS, weakness, 1);
        assert!(!failed.is_empty(), "{weakness:?} makes no difference");
    }
}
