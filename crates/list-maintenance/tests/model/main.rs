//! The ranking protocol with everything that can go wrong around it.
//!
//! Each article has an owner and at most one former owner: a worker that was paused, or
//! whose writes are under way, when the article was given to another worker. Owners and
//! former owners take their steps in any order, and may end between any two. The store
//! is linearizable; each side effect is one step.

mod check;
mod every_interleaving;
mod lists;
mod random_histories;
mod shell;
mod state;
