//! x
pub mod domain;
pub mod encoder;
pub mod imaging;
