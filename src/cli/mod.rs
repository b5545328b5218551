//! The command line: a file per command, each with its arguments and its function.

pub mod dev;
pub mod score;
