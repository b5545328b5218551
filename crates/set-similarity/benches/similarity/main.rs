//! Times the scoring of image sets, driven from outside: a JSON command a line on
//! standard input, a JSON answer a line on standard output.
//!
//! Guarantee: nothing runs between two commands, so that another process can take its
//! turn on the same core with the same data. An answer with `error` means that the
//! command did nothing.

mod clock;
mod command;
mod dataset;
mod measure;
mod peak;
mod plain;

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

use crate::command::Command;
use crate::dataset::Dataset;

fn main() -> io::Result<()> {
    let mut datasets = HashMap::new();
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?)
            .map_err(|error| error.to_string())
            .and_then(|command| answer(command, &mut datasets))
            .unwrap_or_else(|error| json!({ "error": error }));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(command: Command, datasets: &mut HashMap<String, Dataset>) -> Result<Value, String> {
    let of = |name: &str| format!("no data named {name:?}");
    match command {
        Command::About => Ok(json!({
            "kernel": set_similarity::InstructionSet::fastest().as_str(),
            "version": env!("CARGO_PKG_VERSION"),
        })),
        Command::Peak { milliseconds } => Ok(peak::multiply_adds(milliseconds)),
        Command::Bandwidth { bytes, block, milliseconds } => Ok(peak::bandwidth(bytes, block, milliseconds)),
        Command::Load { name, path, storages } => {
            let dataset = Dataset::load(&path, &storages).map_err(|error| format!("{path:?}: {error}"))?;
            let answer = json!({ "sets": dataset.names.len(), "bytes": dataset.bytes() });
            datasets.insert(name, dataset);
            Ok(answer)
        }
        Command::Drop { name } => datasets.remove(&name).map(|_| json!({})).ok_or_else(|| of(&name)),
        Command::Time { data, lists, way, operation, milliseconds } => {
            let dataset = datasets.get_mut(&data).ok_or_else(|| of(&data))?;
            measure::time(dataset, &lists, &way, operation, milliseconds)
        }
        Command::Scores { data, lists, way } => {
            let dataset = datasets.get(&data).ok_or_else(|| of(&data))?;
            measure::scores(dataset, &lists, &way)
        }
        Command::Neighbours { data, way, k } => {
            let dataset = datasets.get(&data).ok_or_else(|| of(&data))?;
            measure::neighbours(dataset, &way, k)
        }
    }
}
