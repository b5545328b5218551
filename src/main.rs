//! The `lookalike` command.

use std::process::ExitCode;

/// A ranking makes and drops thousands of small values across threads, for which the
/// system's allocator took a fifth of the worker's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lookalike::cli::run()
}
