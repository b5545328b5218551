//! The command line through the real binary: what it prints and its exit codes.

mod check;
mod config;
mod data;
mod run;
mod stored;
mod tune;
