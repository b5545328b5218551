//! How similar two articles are: their image sets matched and fused with their texts
//! by [`set_similarity`], with who may be neighbours at all and the explanation of
//! every score.
//!
//! Guarantee: pure and deterministic. Both articles see the same score to the last bit
//! and mirrored explanations.

pub mod compare;
mod packed;

pub use packed::{PackError, Packed};
pub use set_similarity::{MAX_DIMENSION, Matching, Method};
