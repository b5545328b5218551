//! What happened, in order: a hash always, the lines when somebody wants to read them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;

use tokio::time::Instant;

use super::lock;

pub(crate) struct Trace {
    begun: Instant,
    printed: bool,
    hash: Mutex<DefaultHasher>,
}

impl Trace {
    pub(crate) fn new(printed: bool) -> Self {
        Self { begun: Instant::now(), printed, hash: Mutex::new(DefaultHasher::new()) }
    }

    /// Milliseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let (now, what) = (self.now(), what());
        (now, &what).hash(&mut *lock(&self.hash));
        if self.printed {
            println!("{now:>7} {what}");
        }
    }

    /// Two runs with this number in common did the same at the same times.
    pub(crate) fn hash(&self) -> u64 {
        lock(&self.hash).finish()
    }
}
