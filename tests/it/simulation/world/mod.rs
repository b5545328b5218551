//! Everything outside a worker's process, in memory: topics and groups, the catalogue,
//! the image files, the encoder, and a network that loses, delays and repeats.
//!
//! Guarantee: all that happens follows from the seed; nothing here waits for real time.

pub(crate) mod encoder;
pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod objects;
pub(crate) mod search;
pub(crate) mod store;
pub(crate) mod trace;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use lookalike::random::Random;
use tokio::sync::Notify;

use self::group::Groups;
use self::log::Broker;
use self::network::{Network, Weather};
use self::objects::Objects;
use self::store::Store;
use self::trace::Trace;

/// What is left out of the world on purpose, to see that the checks notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weakness {
    None,
    /// Image writes overwrite newer ones.
    ImagesUnchecked,
    /// Writes of an article's facts overwrite newer ones.
    FactsUnchecked,
    /// Claims and lists overwrite newer ones.
    ListsUnchecked,
    /// Acknowledged records are lost now and then.
    RecordsLost,
}

/// The world of one run.
pub(crate) struct World {
    pub(crate) weakness: Weakness,
    pub(crate) random: Random,
    pub(crate) trace: Trace,
    pub(crate) network: Network,
    pub(crate) broker: Mutex<Broker>,
    pub(crate) groups: Mutex<Groups>,
    pub(crate) store: Mutex<Store>,
    pub(crate) objects: Mutex<Objects>,
    /// Told of every record and every rebalance.
    pub(crate) news: Notify,
}

impl World {
    pub(crate) fn set_weather(&self, weather: Weather) {
        self.trace.note(|| format!("weather {weather:?}"));
        *lock(&self.network.weather) = weather;
    }
}

/// A failed check panics while it holds a lock; the run is over then.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A worker's process: all its calls stand still while it is paused.
#[derive(Clone)]
pub(crate) struct Process {
    /// Worker and incarnation, as in `w2.1`.
    pub(crate) name: Arc<str>,
    pause: Arc<Pause>,
}

/// Not tokio's `watch`, which wakes whoever waits in an order that no seed decides.
#[derive(Default)]
struct Pause {
    is_paused: AtomicBool,
    over: Notify,
}

impl Process {
    pub(crate) fn new(name: String) -> Self {
        Self { name: name.into(), pause: Arc::default() }
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.pause.is_paused.store(paused, Ordering::SeqCst);
        if !paused {
            self.pause.over.notify_waiters();
        }
    }

    /// Waits until the process runs.
    pub(crate) async fn running(&self) {
        while self.pause.is_paused.load(Ordering::SeqCst) {
            self.pause.over.notified().await;
        }
    }
}

/// The ports of one process.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) world: Arc<World>,
    pub(crate) process: Process,
}

/// Numbers in the forms a run needs.
pub(crate) trait Draw {
    /// True this often in a thousand.
    fn chance(&self, per_mille: u64) -> bool;
    /// `from` to `to`, both included.
    fn between(&self, from: u64, to: u64) -> u64;
    fn pick<'a, T>(&self, from: &'a [T]) -> &'a T;
}

impl Draw for Random {
    fn chance(&self, per_mille: u64) -> bool {
        per_mille > 0 && self.at_most(999) < per_mille
    }

    fn between(&self, from: u64, to: u64) -> u64 {
        from + self.at_most(to - from)
    }

    fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.at_most(from.len() as u64 - 1) as usize]
    }
}
