//! The worker's handling of pictures, to be fuzzed.

#[path = "../../src/imaging/mod.rs"]
pub mod imaging;
pub mod properties;
