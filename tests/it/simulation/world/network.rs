//! Calls between a process and a server: each takes time, and in bad weather it is
//! refused, its answer is lost, it arrives after its caller has given up, or twice.
//!
//! A call that was sent goes on without its caller: a crash takes back nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lookalike::error::{Classify, Disposition};
use lookalike::ports::Failed;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::{Client, Draw as _, lock};

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time that a call may be on its way, in milliseconds.
const LATEST_MS: u64 = 45_000;

/// Faults in a thousand calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// The server answers 503 and does nothing.
    pub(crate) refused: u64,
    /// The server does it, the answer never comes.
    pub(crate) lost: u64,
    /// The caller gives up, and then the server does it.
    pub(crate) late: u64,
    /// The server does it twice, some time apart.
    pub(crate) twice: u64,
    /// The call takes a second or so.
    pub(crate) slow: u64,
    /// An asynchronous commit of offsets is lost.
    pub(crate) commits: u64,
}

#[derive(Default)]
pub(crate) struct Network {
    pub(crate) weather: Mutex<Weather>,
    under_way: AtomicUsize,
}

impl Network {
    /// Calls that have been sent and have not arrived for the last time.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }
}

/// A failed call, with its class as a real client's error has one.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub(crate) struct Trouble {
    pub(crate) class: Disposition,
    pub(crate) code: &'static str,
}

impl Classify for Trouble {
    fn disposition(&self) -> Disposition {
        self.class
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

impl Trouble {
    pub(crate) fn failed(class: Disposition, code: &'static str) -> Failed {
        Failed::new(Self { class, code })
    }
}

/// What becomes of a call.
struct Fate {
    arrives: Duration,
    again: Option<Duration>,
    returns: Option<Duration>,
}

impl Client {
    /// Has the server do something; `serve` runs there, once or twice, or not at all.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        what: String,
        serve: impl Fn(&super::World) -> T + Send + 'static,
    ) -> Result<T, Failed> {
        self.process.running().await;
        let Some(fate) = self.fate() else {
            self.world.trace.note(|| format!("{} refused: {what}", self.process.name));
            sleep(Duration::from_millis(5)).await;
            self.process.running().await;
            return Err(Trouble::failed(Disposition::Retry, "refused"));
        };
        let (answer, answered) = oneshot::channel();
        let (world, name) = (self.world.clone(), self.process.name.clone());
        world.network.under_way.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            sleep(fate.arrives).await;
            world.trace.note(|| format!("{name} {what}"));
            let served = serve(&world);
            if let Some(returns) = fate.returns {
                sleep(returns).await;
                // The caller may have crashed.
                answer.send(served).ok();
            }
            if let Some(again) = fate.again {
                sleep(again).await;
                world.trace.note(|| format!("{name} again: {what}"));
                serve(&world);
            }
            world.network.under_way.fetch_sub(1, Ordering::SeqCst);
        });
        let answered = timeout(TIMEOUT, answered).await;
        self.process.running().await;
        match answered {
            Ok(Ok(served)) => Ok(served),
            _ => Err(Trouble::failed(Disposition::Retry, "no_answer")),
        }
    }

    fn fate(&self) -> Option<Fate> {
        let (random, weather) = (&self.world.random, *lock(&self.world.network.weather));
        let ms = |from, to| Duration::from_millis(random.between(from, to));
        if random.chance(weather.refused) {
            return None;
        }
        let mut fate = Fate { arrives: ms(0, 4), again: None, returns: Some(ms(0, 4)) };
        if random.chance(weather.slow) {
            fate.arrives = ms(0, 1500);
        }
        if random.chance(weather.lost) {
            fate.returns = None;
        }
        if random.chance(weather.late) {
            fate.arrives = ms(2001, LATEST_MS);
        }
        if random.chance(weather.twice) {
            fate.again = Some(ms(0, LATEST_MS));
        }
        Some(fate)
    }
}
