//! How similar two sets of images are: matched one to one, exact, explained, fast.
//!
//! An article is a set of images, an image one or several unit vectors. Similarity is
//! cosine, higher is closer. This crate does no IO and knows no article fields: sets
//! in, scores and matched pairs out.
//!
//! Guarantee: deterministic and symmetric. The score of two sets is the same to the
//! last bit whichever is asked first, on every processor, alone or in a [`top_k`].
//!
//! [`top_k`]: scorer::Scorer::top_k

pub mod case;
pub mod image_set;
pub mod kernel;
pub mod matrix;
pub mod method;
pub mod scorer;

mod best;
mod block;
mod bounds;
mod greedy;
mod levels;
mod maxsim;
#[cfg(test)]
mod naive;
mod optimal;
mod ordered;
mod pooled;

pub use case::{Case, Cell, ImageScore, Views, Workspace};
pub use half::f16;
pub use image_set::{Image, ImageSet, SetError, TextVector};
pub use kernel::{Element, InstructionSet, MAX_DIMENSION, Precision, rounding_bound};
pub use matrix::{MatrixError, Similarities};
pub use method::{Matching, Method};
pub use pooled::SHORTEST_MEAN;
pub use scorer::{Article, Ranked, Ranking, Score, Scorer, Tally};
