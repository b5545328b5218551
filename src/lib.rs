//! x
pub mod domain;
pub mod imaging;
