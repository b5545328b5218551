//! Random numbers that a run can be repeated with.
//!
//! Guarantee: with the same seed and the same order of calls come the same numbers;
//! without a seed nobody can guess them. No decision about lists rests on their values,
//! only on two of them being different.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A cheap handle to one sequence of numbers.
#[derive(Debug, Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// Numbers that nobody can guess.
    pub fn from_os() -> Self {
        Self(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    /// The same numbers for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        self.with(|rng| rng.random())
    }

    /// 0 to `most`, each as likely.
    pub fn at_most(&self, most: u64) -> u64 {
        self.with(|rng| rng.random_range(0..=most))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        // A panic while drawing leaves a generator that is as good as before.
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
