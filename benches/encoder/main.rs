//! The way of a picture measured: from the bytes of a file to its vector, as the worker
//! goes it.
//!
//! `tools/bench_encoder` drives this line by line: a command as JSON on standard input, its
//! answer as JSON on standard output.
//!
//! Guarantee: nothing runs between two commands, so that another process can take its turn
//! on the same cores. An answer with `error` means that nothing was measured.

#[path = "../../crates/set-similarity/benches/similarity/clock.rs"]
mod clock;
mod command;
mod measure;

use std::io::{BufRead as _, Write as _};

use lookalike::encoder::Encoder;
use serde_json::{Value, json};

use crate::command::Command;
use crate::measure::Files;

/// Whatever went wrong; nothing was measured.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was loaded.
struct Loaded {
    encoder: Encoder,
    files: Files,
}

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut output = std::io::stdout().lock();
    let mut loaded = None;
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?)
            .map_err(Failure::from)
            .and_then(|command| runtime.block_on(answer(command, &mut loaded)))
            .unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

async fn answer(command: Command, loaded: &mut Option<Loaded>) -> Result<Value, Failure> {
    if let Command::Load { settings, files } = command {
        // First, so that two encoders are never in memory at once.
        *loaded = None;
        let files = measure::read(&files)?;
        let encoder = tokio::task::spawn_blocking(move || Encoder::load(&settings)).await??;
        let answer = json!({
            "dimension": encoder.dimension(),
            "pixels": encoder.image_size(),
            "execution_provider": encoder.execution_provider(),
        });
        *loaded = Some(Loaded { encoder, files });
        return Ok(answer);
    }
    let Loaded { encoder, files } = loaded.as_ref().ok_or("no encoder is loaded")?;
    match command {
        Command::Load { .. } => Err("handled before".into()),
        Command::Run { images, in_flight } => measure::run(encoder, files, images, in_flight).await,
        Command::Vectors { count } => measure::vectors(encoder, files, count).await,
        Command::Time { part, milliseconds } => measure::one_core(encoder, files, part, milliseconds),
        Command::Prepare { images, threads } => measure::prepare(encoder, files, images, threads),
    }
}
