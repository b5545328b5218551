//! Keeps lists of similar products fresh.

pub mod embedded;
