//! The promises G1 to G5, shown on the whole worker: no loss, convergence, growing
//! sequences, stale-safe, no input stops a partition.

mod crash;
mod dead_letters;
mod embedded_once;
mod lists;
mod repairs;
mod roles;
mod variants;
mod versions;
