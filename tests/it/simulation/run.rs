//! One run: a history is played to real stages in a world of its own, faults end, and
//! what is left behind is checked.

use std::sync::{Arc, Mutex};

use list_maintenance::Mark;
use lookalike::random::Random;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::check::Check;
use super::oracle::Oracle;
use super::plan::{Action, Plan};
use super::worker::Worker;
use super::world::group::Groups;
use super::world::log::{Broker, DEAD_LETTERS, EVENTS, RANK, SIMILAR};
use super::world::network::{Network, Weather};
use super::world::trace::Trace;
use super::world::{Weakness, World, lock};

/// Longest time for everything to come right once faults have ended.
const RECOVERY: Duration = Duration::from_secs(600);
/// How long nothing may be left to do before the run is over.
const QUIET: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What became of a run.
pub(crate) struct Report {
    /// Of everything that happened, and when.
    pub(crate) hash: u64,
    /// Milliseconds that passed in the run.
    pub(crate) lasted: u64,
    /// Conditions that kept a write from doing harm.
    pub(crate) yielded: u64,
    pub(crate) wrong: Vec<String>,
}

/// Runs a seed; `printed` shows what happens.
pub(crate) fn run(seed: u64, weakness: Weakness, printed: bool) -> Report {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // Time stands still while there is something to do, and jumps when there is not.
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play(seed, weakness, printed))
}

async fn play(seed: u64, weakness: Weakness, printed: bool) -> Report {
    let begun = Instant::now();
    let mut plan = Plan::draw(&Random::seeded(seed));
    let [events, rank, similar, dead_letters] = plan.partitions;
    let topics = [(EVENTS, events), (RANK, rank), (SIMILAR, similar), (DEAD_LETTERS, dead_letters)];
    let world = Arc::new(World {
        weakness,
        random: Random::seeded(!seed),
        trace: Trace::new(printed),
        network: Network::default(),
        broker: Mutex::new(Broker::new(topics, plan.list_limit)),
        groups: Mutex::new(Groups::new([(EVENTS, events), (RANK, rank), (SIMILAR, similar)])),
        store: Mutex::default(),
        objects: Mutex::default(),
        news: tokio::sync::Notify::new(),
    });
    world.trace.note(|| format!("{:#?}", plan.settings));
    let settings = Arc::new(plan.settings.clone());
    let mut workers: Vec<Worker> =
        (0..plan.workers).map(|number| Worker::new(&world, &settings, number)).collect();
    for (at, action) in std::mem::take(&mut plan.timeline) {
        sleep_until(begun + Duration::from_millis(at)).await;
        act(&world, &mut workers, action);
    }
    world.set_weather(Weather::default());
    let mut wrong = recovered(&world, &workers, plan.settings.sweep.lists > 0).await;
    if wrong.is_empty() {
        wrong = checked(&world, &plan);
    }
    let yielded = lock(&world.store).yielded;
    Report { hash: world.trace.hash(), lasted: world.trace.now(), yielded, wrong }
}

fn act(world: &Arc<World>, workers: &mut [Worker], action: Action) {
    match action {
        Action::Produce(new) => {
            world.append(EVENTS, &new);
        }
        Action::Put(uri, bytes) => {
            lock(&world.objects).insert(uri, bytes);
        }
        Action::Weather(weather) => world.set_weather(weather),
        Action::Rebalance => world.rebalance(),
        Action::Start(worker) => workers[worker].start(),
        Action::Crash(worker) => workers[worker].crash(),
        Action::Pause(worker) => workers[worker].pause(true),
        Action::Resume(worker) => workers[worker].pause(false),
        Action::Stop(worker) => workers[worker].stop(),
    }
}

/// Waits until nothing is left to do; answers what keeps it from ending.
async fn recovered(world: &World, workers: &[Worker], sweeps: bool) -> Vec<String> {
    let end = Instant::now() + RECOVERY;
    let mut quiet_since = Instant::now();
    loop {
        let mut wrong: Vec<String> =
            workers.iter().flat_map(|worker| lock(&worker.failures).clone()).collect();
        let ended = workers.iter().filter(|worker| worker.has_ended()).count();
        if ended > 0 {
            wrong.push(format!("{ended} workers have ended"));
        }
        if !wrong.is_empty() {
            return wrong;
        }
        let left = left_to_do(world, sweeps);
        if !left.is_empty() {
            quiet_since = Instant::now();
        }
        if quiet_since.elapsed() >= QUIET {
            return Vec::new();
        }
        if Instant::now() >= end {
            return left;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Records that are not committed, marks, and calls on their way.
fn left_to_do(world: &World, sweeps: bool) -> Vec<String> {
    let mut left = Vec::new();
    let (broker, groups) = (lock(&world.broker), lock(&world.groups));
    for topic in [EVENTS, RANK, SIMILAR] {
        for (partition, committed) in groups.committed(topic).enumerate() {
            let records = broker.read(topic, partition, committed).len();
            if records > 0 {
                left.push(format!("{topic}/{partition}: {records} records from {committed} on"));
            }
        }
    }
    // Of these only the sweeper knows: a claim that came late, of a request that is done.
    let store = lock(&world.store);
    let marked = store.lists.iter().filter(|(_, ranked)| ranked.state.mark != Mark::Clear);
    left.extend(
        marked.filter(|_| sweeps).map(|(id, ranked)| format!("{id} is marked {:?}", ranked.state.mark)),
    );
    let calls = world.network.under_way();
    if calls > 0 {
        left.push(format!("{calls} calls under way"));
    }
    left
}

fn checked(world: &World, plan: &Plan) -> Vec<String> {
    let (broker, objects) = (lock(&world.broker), lock(&world.objects));
    let oracle = Oracle::of(&broker, &plan.planned, &objects);
    let store = lock(&world.store);
    let ranking = &plan.settings.ranking;
    Check { oracle: &oracle, ranking, store: &store, broker: &broker, wrong: Vec::new() }.all()
}
