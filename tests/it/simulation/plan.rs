//! The history of one run, drawn from its seed: settings, events, faults.
//!
//! What a history keeps to, because nothing could be promised otherwise: two events of
//! one image, or two texts of one article, that differ have different versions, and a
//! deletion of the whole article has one of its own; an object that is overwritten is
//! announced afterwards; a repeated event without version is repeated at once.

use lookalike::adapters::kafka::assignment::Limits;
use lookalike::pipeline::dispatch::DispatchSettings;
use lookalike::pipeline::rank::RankingSettings;
use lookalike::pipeline::rank::sweep::SweepSettings;
use lookalike::random::Random;
use lookalike::similarity::Method;
use lookalike::similarity::compare::Field;
use tokio::time::Duration;

use super::history::{self, Planned};
use super::worker::Settings;
use super::world::Draw as _;
use super::world::log::New;
use super::world::network::Weather;

/// Something to be done at a time.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Produces a record of the history to the events topic.
    Produce(New),
    /// An image file appears, or changes.
    Put(String, Vec<u8>),
    Weather(Weather),
    Rebalance,
    Start(usize),
    Crash(usize),
    Pause(usize),
    Resume(usize),
    Stop(usize),
}

/// A history with its settings.
pub(crate) struct Plan {
    pub(crate) workers: usize,
    /// Of events, rank requests, lists and dead letters.
    pub(crate) partitions: [usize; 4],
    pub(crate) list_limit: usize,
    pub(crate) settings: Settings,
    /// What each record stands for; its header `n` has the number.
    pub(crate) planned: Vec<Planned>,
    /// Milliseconds since the begin, in order. The last ones end all faults.
    pub(crate) timeline: Vec<(u64, Action)>,
}

impl Plan {
    pub(crate) fn draw(random: &Random) -> Self {
        let workers = random.between(1, 4) as usize;
        let partitions = [4, 4, 3, 2].map(|most| random.between(1, most) as usize);
        let settings = settings(random);
        let (planned, mut timeline) = history::draw(random);
        let end = timeline.iter().map(|(at, _)| *at).max().unwrap_or(0) + random.between(0, 5000);
        timeline.extend((0..workers).map(|worker| (random.at_most(500), Action::Start(worker))));
        // Some runs have no faults, some have one kind, most have all.
        let kinds = *random.pick(&[0, 1, 2, 4, 8, 16, 3, 31, 31, 31, 31, 31]);
        let mut over = end;
        for worker in 0..workers {
            over = over.max(failing(random, kinds, worker, end, &mut timeline));
        }
        if kinds & 8 > 0 {
            rebalances(random, end, &mut timeline);
        }
        if kinds & 16 > 0 {
            weather(random, end, &mut timeline);
        }
        timeline.push((over, Action::Weather(Weather::default())));
        timeline.sort_by_key(|(at, _)| *at);
        let list_limit = if random.chance(200) { 2000 } else { usize::MAX };
        Self { workers, partitions, list_limit, settings, planned, timeline }
    }
}

/// Crashes, pauses and stops of one worker; answers when the last one is over.
fn failing(random: &Random, kinds: u64, worker: usize, end: u64, timeline: &mut Vec<(u64, Action)>) -> u64 {
    let mut at = random.between(600, 8000);
    let wanted: Vec<u64> = [1, 2, 4].into_iter().filter(|kind| kinds & kind > 0).collect();
    while at < end && !wanted.is_empty() {
        // Some of them outlast the group's patience.
        let down = at + random.between(20, *random.pick(&[500, 5000, 20_000]));
        let (fails, heals) = match random.pick(&wanted) {
            1 => (Action::Crash(worker), Action::Start(worker)),
            2 => (Action::Pause(worker), Action::Resume(worker)),
            _ => (Action::Stop(worker), Action::Start(worker)),
        };
        timeline.extend([(at, fails), (down, heals)]);
        at = down + random.between(100, 10_000);
    }
    at
}

fn rebalances(random: &Random, end: u64, timeline: &mut Vec<(u64, Action)>) {
    let mut at = random.between(1000, 5000);
    while at < end {
        timeline.push((at, Action::Rebalance));
        at += random.between(200, *random.pick(&[1000, 8000]));
    }
}

fn weather(random: &Random, end: u64, timeline: &mut Vec<(u64, Action)>) {
    let mut at = random.at_most(2000);
    while at < end {
        let weather = Weather {
            refused: *random.pick(&[0, 0, 50, 300]),
            lost: *random.pick(&[0, 0, 30, 100]),
            late: *random.pick(&[0, 0, 20, 60]),
            twice: *random.pick(&[0, 0, 30, 200]),
            slow: *random.pick(&[0, 50, 300]),
            commits: *random.pick(&[0, 200]),
        };
        timeline.push((at, Action::Weather(weather)));
        at += random.between(500, 8000);
    }
}

fn settings(random: &Random) -> Settings {
    let in_flight = random.between(4, 40) as usize;
    Settings {
        ranking: ranking(random),
        embed_jobs: jobs(random),
        rank_jobs: jobs(random),
        watch_jobs: jobs(random),
        // Without it, too, all must come right; only marks may stay.
        sweep: SweepSettings {
            lists: *random.pick(&[0, 0, 3, 20]),
            interval_ms: random.between(6000, 12_000),
        },
        limits: Limits { in_flight, span: in_flight * random.between(1, 3) as usize },
        cache_bytes: *random.pick(&[0, 1 << 24]),
        missing_retry_delays: [500, 2000, 10_000].map(Duration::from_millis).to_vec(),
    }
}

fn ranking(random: &Random) -> RankingSettings {
    use Method::{Best, Greedy, MaxSim, Optimal, Ordered, Pooled};
    let method = *random.pick(&[Greedy, Greedy, Greedy, Optimal, Ordered, Best, MaxSim, Pooled]);
    // Among several assignments with the largest total, a threshold would choose.
    let cuts = method != Method::Optimal;
    let fields = |field, per_mille| if random.chance(per_mille) { vec![field] } else { Vec::new() };
    RankingSettings {
        k: random.between(1, 4) as usize,
        spare: random.between(0, 3) as usize,
        method,
        threshold: if cuts { *random.pick(&[-1.0, 0.0, 0.25, 0.375, 0.5, 0.75]) } else { -1.0 },
        max_matches: *random.pick(if cuts { &[None, None, Some(1), Some(2)] } else { &[None] }),
        min_matches: *random.pick(&[1, 1, 2]),
        coverage_weight: *random.pick(&[0.0, 0.0, 1.0]),
        text_weight: *random.pick(&[0.0, 0.25, 0.5]),
        same: fields(Field::Categories, 200),
        different: fields(Field::Group, 200),
        candidate_limit: 1000,
        exact: true,
        max_low_searches: 1,
        max_images: 64,
        cache_mebibytes: 1,
        fan_out_burst: random.between(1, 20) as usize,
        fan_out_per_second: random.between(20, 500) as u32,
    }
}

fn jobs(random: &Random) -> DispatchSettings {
    DispatchSettings {
        max_concurrent_articles: random.between(1, 8) as usize,
        coalesce_window_ms: *random.pick(&[0, 0, 50, 200]),
        coalesce_max_age_ms: *random.pick(&[0, 100, 1000]),
        max_batch_records: random.between(1, 20) as usize,
    }
}
