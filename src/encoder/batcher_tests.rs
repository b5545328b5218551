use std::sync::mpsc;
use std::time::Duration;

use futures::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::error::{Classify as _, Disposition};

const EAGER: BatchRules = BatchRules { max_size: 8, max_delay: Duration::ZERO };
/// Works on every test network.
const KNOWN: i32 = 500;

fn start(networks: Vec<Angles>, rules: BatchRules, queue_capacity: usize) -> Batcher<i32> {
    let batching = Batching { rules, padded_sizes: Vec::new(), queue_capacity };
    Batcher::start(networks, KNOWN, batching).unwrap()
}

/// Maps a number to an angle; −1 fails, −2 panics, −3 gives no numbers.
#[derive(Default)]
struct Angles {
    /// Sizes of the batches that were run.
    sizes: Arc<Mutex<Vec<usize>>>,
    /// A run waits for one message from here, where there is one.
    gate: Option<mpsc::Receiver<()>>,
    /// Counts the networks that are alive.
    _alive: Arc<()>,
}

impl Network for Angles {
    type Input = i32;
    const TOWER: &'static str = "test";

    fn largest_batch(&self) -> Option<usize> {
        None
    }

    fn run(&mut self, inputs: &[&i32]) -> Result<Vec<Vec<f32>>, String> {
        self.sizes.lock().unwrap().push(inputs.len());
        if let Some(gate) = &self.gate {
            gate.recv().unwrap();
        }
        assert!(!inputs.contains(&&-2), "a panic inside the network");
        if inputs.contains(&&-1) {
            return Err("a bad input".to_owned());
        }
        Ok(inputs.iter().map(|input| vector(**input)).collect())
    }
}

fn vector(input: i32) -> Vec<f32> {
    let angle = input as f32 / 1_000.0;
    if input == -3 {
        vec![0.0, f32::NAN]
    } else {
        // Of length 2: the batcher brings it to 1.
        vec![2.0 * angle.cos(), 2.0 * angle.sin()]
    }
}

/// Bound behind the batcher, so that it is dropped before: when a test fails,
/// the network finds the gate gone instead of waiting for ever.
fn closed_first(open: mpsc::Sender<()>) -> mpsc::Sender<()> {
    open
}

fn expected(input: i32) -> Embedding {
    Embedding::normalised(vector(input)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_keep_their_places() {
    let networks = vec![Angles::default(), Angles::default(), Angles::default()];
    let batcher = start(networks, EAGER, 16);
    let results = join_all((0..500).map(|input| batcher.embed(input))).await;
    for (input, result) in (0..500).zip(results) {
        assert_eq!(result.unwrap(), expected(input));
    }
}

#[tokio::test]
async fn a_bad_input_fails_alone() {
    let (open, gate) = mpsc::channel();
    let network = Angles { gate: Some(gate), ..Angles::default() };
    let sizes = Arc::clone(&network.sizes);
    let batcher = start(vec![network], EAGER, 16);
    let open = closed_first(open);
    (0..32).for_each(|_| open.send(()).unwrap());
    let inputs = [7, -1, 8, -2, 9, -3, 10];
    let results = join_all(inputs.map(|input| batcher.embed(input))).await;
    for (input, result) in inputs.into_iter().zip(results) {
        match (input, result) {
            (-1, Err(EncoderError::Inference { reason, .. })) => assert_eq!(reason, "a bad input"),
            (-2, Err(EncoderError::Inference { reason, .. })) => assert_eq!(reason, "it panicked"),
            (-3, Err(EncoderError::Embedding { .. })) => {}
            (good, Ok(embedding)) => assert_eq!(embedding, expected(good)),
            (input, other) => panic!("{input}: {other:?}"),
        }
    }
    assert!(sizes.lock().unwrap().iter().any(|size| *size > 1), "nothing was batched");
    // The thread outlives all of that.
    assert_eq!(batcher.embed(3).await.unwrap(), expected(3));
}

#[tokio::test]
async fn batches_fill_while_the_network_is_busy_and_skip_callers_that_left() {
    let (open, gate) = mpsc::channel();
    let network = Angles { gate: Some(gate), ..Angles::default() };
    let sizes = Arc::clone(&network.sizes);
    let batcher = start(vec![network], EAGER, 64);
    let open = closed_first(open);
    let mut calls: Vec<_> = (0..13).map(|input| Box::pin(batcher.embed(input))).collect();
    // One input first, so that the network is busy with it; then 12 more.
    for call in &mut calls {
        assert!(futures::poll!(call.as_mut()).is_pending());
        while sizes.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
    // Two callers leave before their turn.
    calls.truncate(11);
    (0..3).for_each(|_| open.send(()).unwrap());
    for (input, result) in (0..11).zip(join_all(calls).await) {
        assert_eq!(result.unwrap(), expected(input));
    }
    // 1, then 8 of the 12, then the last 4 less the 2 that left.
    assert_eq!(*sizes.lock().unwrap(), [1, 8, 2]);
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let (open, gate) = mpsc::channel();
    let network = Angles { gate: Some(gate), ..Angles::default() };
    let sizes = Arc::clone(&network.sizes);
    let batcher = start(vec![network], EAGER, 2);
    let open = closed_first(open);
    let mut calls: Vec<_> = (0..6).map(|input| Box::pin(batcher.embed(input))).collect();
    assert!(futures::poll!(calls[0].as_mut()).is_pending());
    while sizes.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    for call in &mut calls[1..] {
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    // One is being run, two wait in the queue, three wait outside.
    assert_eq!(batcher.queue.lock().waiting.len(), 2);
    assert_eq!(batcher.places.available_permits(), 0);
    (0..6).for_each(|_| open.send(()).unwrap());
    for (input, result) in (0..6).zip(join_all(calls).await) {
        assert_eq!(result.unwrap(), expected(input));
    }
    assert_eq!(batcher.places.available_permits(), 2);
}

#[tokio::test]
async fn an_incomplete_batch_waits_for_the_delay_and_a_complete_one_does_not() {
    let rules = |milliseconds| BatchRules { max_size: 4, max_delay: Duration::from_millis(milliseconds) };
    let batcher = start(vec![Angles::default()], rules(30), 16);
    let started = Instant::now();
    batcher.embed(1).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(30));

    let network = Angles::default();
    let sizes = Arc::clone(&network.sizes);
    let batcher = start(vec![network], rules(600_000), 16);
    let results = join_all((0..4).map(|input| batcher.embed(input))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(*sizes.lock().unwrap(), [4]);
}

#[tokio::test]
async fn dropping_it_ends_the_threads() {
    let alive = Arc::new(());
    let networks = (0..3).map(|_| Angles { _alive: Arc::clone(&alive), ..Angles::default() });
    let batcher = start(networks.collect(), EAGER, 4);
    batcher.embed(1).await.unwrap();
    assert_eq!(Arc::strong_count(&alive), 1 + 3);
    drop(batcher);
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// Fails as a device would that dies on a certain input.
struct Dying(i32);

impl Network for Dying {
    type Input = i32;
    const TOWER: &'static str = "test";

    fn largest_batch(&self) -> Option<usize> {
        None
    }

    fn run(&mut self, inputs: &[&i32]) -> Result<Vec<Vec<f32>>, String> {
        if inputs.contains(&&self.0) {
            return Err("CUDA failure 719: unspecified launch failure ; GPU=0".to_owned());
        }
        Ok(inputs.iter().map(|input| vector(**input)).collect())
    }
}

#[tokio::test]
async fn a_lost_device_is_told_to_every_caller_now_and_later() {
    let rules = BatchRules { max_size: 4, max_delay: Duration::ZERO };
    let batching = Batching { rules, padded_sizes: Vec::new(), queue_capacity: 8 };
    let batcher = Batcher::start(vec![Dying(13), Dying(13)], KNOWN, batching).unwrap();
    let mut lost = 0;
    for (input, result) in (0..40).zip(join_all((0..40).map(|input| batcher.embed(input))).await) {
        match result {
            Ok(embedding) => assert_eq!(embedding, expected(input)),
            Err(error) => {
                assert_eq!(error.disposition(), Disposition::Fatal);
                assert!(error.to_string().contains("CUDA failure 719"), "{error}");
                lost += 1;
            }
        }
    }
    assert!(lost > 0);
    let later = batcher.embed(1).await.unwrap_err();
    assert!(matches!(later, EncoderError::DeviceLost { .. }), "{later}");
}

/// Waits in each run until it is released. Inputs divisible by 7 fail; more rows than
/// `memory` find none.
struct Shuffled {
    arrivals: mpsc::Sender<mpsc::Sender<()>>,
    memory: usize,
}

impl Network for Shuffled {
    type Input = i32;
    const TOWER: &'static str = "test";

    fn largest_batch(&self) -> Option<usize> {
        None
    }

    fn run(&mut self, inputs: &[&i32]) -> Result<Vec<Vec<f32>>, String> {
        let (release, released) = mpsc::channel();
        self.arrivals.send(release).unwrap();
        released.recv().unwrap();
        if inputs.len() > self.memory {
            return Err("Failed to allocate memory for requested buffer of size 9".to_owned());
        }
        match inputs.iter().find(|input| **input % 7 == 0) {
            Some(bad) => Err(format!("bad input {bad}")),
            None => Ok(inputs.iter().map(|input| vector(**input)).collect()),
        }
    }
}

/// Releases waiting networks in the given order, until all are gone.
fn release_in_order(arrivals: &mpsc::Receiver<mpsc::Sender<()>>, networks: usize, order: &[usize]) {
    // How long a free network is given to come back: idle ones do not. Only decides
    // how well the order is mixed.
    let turn = Duration::from_millis(1);
    let mut waiting = Vec::new();
    for place in order.iter().cycle() {
        while waiting.len() < networks {
            match arrivals.recv_timeout(turn) {
                Ok(release) => waiting.push(release),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) if waiting.is_empty() => {}
                Err(mpsc::RecvTimeoutError::Timeout) => break,
            }
        }
        waiting.swap_remove(place % waiting.len()).send(()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn each_input_gets_its_own_answer_in_whatever_order_batches_end(
        inputs in 1i32..120, networks in 1usize..5, max_size in 1usize..9, memory in 1usize..9,
        padded_sizes in prop::collection::btree_set(1usize..9, 0..4), queue_capacity in 1usize..40,
        order in prop::collection::vec(0usize..8, 1..50),
    ) {
        let (arrivals, arrived) = mpsc::channel();
        let conductor = thread::spawn(move || release_in_order(&arrived, networks, &order));
        let shuffled = (0..networks).map(|_| Shuffled { arrivals: arrivals.clone(), memory }).collect();
        drop(arrivals);
        let rules = BatchRules { max_size, max_delay: Duration::ZERO };
        let batching = Batching { rules, padded_sizes: padded_sizes.into_iter().collect(), queue_capacity };
        let batcher = Batcher::<i32>::start::<Shuffled>(shuffled, KNOWN, batching).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let results = runtime.block_on(join_all((1..=inputs).map(|input| batcher.embed(input))));
        drop(batcher);
        conductor.join().unwrap();
        for (input, result) in (1..=inputs).zip(results) {
            match result {
                Ok(embedding) => {
                    prop_assert!(input % 7 != 0);
                    prop_assert_eq!(embedding, expected(input));
                }
                Err(error) => {
                    prop_assert!(matches!(&error, EncoderError::Inference { reason, .. }
                        if *reason == format!("bad input {input}")), "{}: {}", input, error);
                }
            }
        }
    }
}
