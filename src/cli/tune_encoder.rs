//! `lookalike tune-encoder`: which sessions, threads and batches make the encoder
//! fastest on this machine, found by measuring.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use futures::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::log_warnings;
use crate::app::AppError;
use crate::encoder::{Encoder, EncoderError, EncoderSettings, ExecutionProvider};
use crate::imaging::InputTensor;

/// Batches that are tried on a CPU, where larger ones gain nothing.
const CPU_BATCHES: [usize; 5] = [1, 2, 4, 8, 16];
const GPU_BATCHES: [usize; 6] = [8, 16, 32, 64, 128, 256];
/// Sessions that are tried on a GPU: a second one copies while the first computes.
const GPU_SESSIONS: [usize; 2] = [1, 2];
/// Pictures that are embedded while nothing else is under way.
const LONE_PICTURES: usize = 5;
/// Share of the highest rate below which another choice counts as slower; two runs of
/// the same choice differ by about as much.
const AS_FAST: f64 = 0.97;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookalike tune-encoder --encoder models/clip-vit-b32
  lookalike tune-encoder --encoder models/clip-vit-b32 --execution-provider cuda --json

Run it where the worker will run, while nothing else does: cores are counted as this process
may use them (affinity and limits of the container). More sessions need more memory;
--max-sessions keeps that within bounds. Of choices that are about as fast,
the one that embeds a lone picture soonest is recommended.")]
pub(super) struct TuneArguments {
    /// Model directory
    #[arg(long, value_name = "DIR", default_value = "assets/demo-encoder")]
    encoder: PathBuf,
    /// ONNX Runtime's shared library [default: ORT_DYLIB_PATH, then .cache/onnxruntime]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    library: Option<PathBuf>,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t = Provider::Cpu)]
    execution_provider: Provider,
    /// Time for each choice
    #[arg(long, value_name = "N", default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Most sessions that are tried
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=64))]
    max_sessions: u16,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Provider {
    Cpu,
    Cuda,
    Tensorrt,
}

impl From<Provider> for ExecutionProvider {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Cpu => Self::Cpu,
            Provider::Cuda => Self::Cuda,
            Provider::Tensorrt => Self::TensorRt,
        }
    }
}

/// A number of seconds that a measurement can take.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.01..=3_600.0).contains(&seconds) { Ok(seconds) } else { Err("it must be 0.01 to 3600".to_owned()) }
}

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Choice {
    sessions: usize,
    threads: usize,
    max_batch_size: usize,
}

/// What came of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Measured {
    #[serde(flatten)]
    choice: Choice,
    images_per_second: f64,
    /// Time for one picture while nothing else is under way, the median.
    lone_milliseconds: f64,
}

/// The `--json` output.
#[derive(Debug, Serialize)]
struct Report<'a> {
    encoder: &'a str,
    fingerprint: &'a str,
    execution_provider: &'static str,
    cores: usize,
    seconds: f64,
    measured: &'a [Measured],
    best: Choice,
}

pub(super) async fn run(arguments: &TuneArguments, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    log_warnings()?;
    let provider = ExecutionProvider::from(arguments.execution_provider);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let settings = EncoderSettings {
        directory: arguments.encoder.clone(),
        execution_provider: provider,
        ..EncoderSettings::default()
    }
    .or_library(arguments.library.clone());
    let choices = choices(provider, cores, arguments.max_sessions.into());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}  {eta} left")?;
    let progress = ProgressBar::new(choices.len() as u64).with_style(style);
    let (mut measured, mut name, mut fingerprint) = (Vec::new(), String::new(), String::new());
    for choice in choices {
        progress.set_message(format!(
            "sessions {} threads {} batch {}",
            choice.sessions, choice.threads, choice.max_batch_size
        ));
        let encoder = load(&settings, choice).await?;
        measured.push(measure(&encoder, choice, Duration::from_secs_f64(arguments.seconds)).await?);
        (name, fingerprint) = (encoder.model().to_owned(), encoder.fingerprint().to_owned());
        progress.inc(1);
    }
    progress.finish_and_clear();
    let best = best(&measured).context("nothing was measured")?.choice;
    if arguments.json {
        let report = Report {
            encoder: &name,
            fingerprint: &fingerprint,
            execution_provider: provider.name(),
            cores,
            seconds: arguments.seconds,
            measured: &measured,
            best,
        };
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write_table(out, &measured)?;
        writeln!(
            out,
            "\n{name} on {}, {cores} cores. For the configuration:\n\nencoder:\n  \
             execution_provider: {}\n  sessions: {}\n  threads: {}\n  max_batch_size: {}",
            provider.name(),
            provider.name(),
            best.sessions,
            best.threads,
            best.max_batch_size
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_table(out: &mut impl Write, measured: &[Measured]) -> std::io::Result<()> {
    writeln!(out, "sessions  threads  batch  images/s  lone picture")?;
    for Measured { choice, images_per_second, lone_milliseconds } in measured {
        writeln!(
            out,
            "{:8}  {:7}  {:5}  {:8.1}  {:9.1} ms",
            choice.sessions, choice.threads, choice.max_batch_size, images_per_second, lone_milliseconds
        )?;
    }
    Ok(())
}

/// What is worth trying: on a CPU, all ways to give each core one thread.
fn choices(provider: ExecutionProvider, cores: usize, max_sessions: usize) -> Vec<Choice> {
    let with = |batches: &[usize], (sessions, threads): (usize, usize)| -> Vec<Choice> {
        let choice = |batch: &usize| Choice { sessions, threads, max_batch_size: *batch };
        batches.iter().map(choice).collect()
    };
    let allowed = |(sessions, _): &(usize, usize)| *sessions <= max_sessions;
    match provider {
        ExecutionProvider::Cpu => {
            let mut threads: Vec<usize> = (0..usize::BITS)
                .map(|exponent| 1 << exponent)
                .take_while(|threads| *threads < cores)
                .collect();
            threads.push(cores);
            let divided = threads.into_iter().map(|threads| (cores / threads, threads));
            divided.filter(allowed).flat_map(|divided| with(&CPU_BATCHES, divided)).collect()
        }
        ExecutionProvider::Cuda | ExecutionProvider::TensorRt => {
            let sessions = GPU_SESSIONS.into_iter().map(|sessions| (sessions, 1));
            sessions.filter(allowed).flat_map(|divided| with(&GPU_BATCHES, divided)).collect()
        }
    }
}

/// The choice to recommend.
fn best(measured: &[Measured]) -> Option<&Measured> {
    let highest = measured.iter().map(|one| one.images_per_second).fold(0.0, f64::max);
    // A lone picture does not notice the size of batches, only the noise.
    let soonest = |choice: &Choice| {
        let divided_the_same =
            |one: &&Measured| (one.choice.sessions, one.choice.threads) == (choice.sessions, choice.threads);
        let times = measured.iter().filter(divided_the_same).map(|one| one.lone_milliseconds);
        times.fold(f64::INFINITY, f64::min)
    };
    let fast = measured.iter().filter(|one| one.images_per_second >= highest * AS_FAST);
    fast.min_by(|a, b| {
        let by_time = soonest(&a.choice).total_cmp(&soonest(&b.choice));
        // Fewer sessions need less memory, smaller batches end sooner.
        let rest = |one: &Measured| (one.choice.sessions, one.choice.max_batch_size);
        by_time.then_with(|| rest(a).cmp(&rest(b)))
    })
}

async fn load(settings: &EncoderSettings, choice: Choice) -> anyhow::Result<Encoder> {
    let Choice { sessions, threads, max_batch_size } = choice;
    let settings = EncoderSettings { sessions, threads, max_batch_size, ..settings.clone() };
    let loaded = tokio::task::spawn_blocking(move || Encoder::load(&settings)).await?;
    Ok(loaded.map_err(AppError::from)?)
}

async fn measure(encoder: &Encoder, choice: Choice, duration: Duration) -> anyhow::Result<Measured> {
    let sample = encoder.sample();
    let mut lone = Vec::with_capacity(LONE_PICTURES);
    for _ in 0..LONE_PICTURES {
        let started = Instant::now();
        encoder.embed_image(sample.clone().into()).await?;
        lone.push(started.elapsed());
    }
    lone.sort_unstable();
    // Twice as many as are run at once: the next batch is complete when one ends.
    let under_way = 2 * choice.sessions * choice.max_batch_size;
    // The first round warms up.
    embed_until(encoder, &sample, under_way, Instant::now()).await?;
    let started = Instant::now();
    let embedded = embed_until(encoder, &sample, under_way, started + duration).await?;
    Ok(Measured {
        choice,
        images_per_second: embedded as f64 / started.elapsed().as_secs_f64(),
        lone_milliseconds: lone[LONE_PICTURES / 2].as_secs_f64() * 1e3,
    })
}

/// Keeps so many pictures under way until `end`, at least one round; answers how many
/// were embedded.
async fn embed_until(
    encoder: &Encoder,
    sample: &InputTensor,
    under_way: usize,
    end: Instant,
) -> Result<usize, EncoderError> {
    let callers = (0..under_way).map(|_| async {
        let mut embedded = 0;
        loop {
            encoder.embed_image(sample.clone().into()).await?;
            embedded += 1;
            if Instant::now() >= end {
                return Ok(embedded);
            }
        }
    });
    Ok(try_join_all(callers).await?.into_iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_gets_a_thread_and_none_gets_two() {
        for cores in [1, 2, 3, 6, 16] {
            let choices = choices(ExecutionProvider::Cpu, cores, 64);
            assert!(choices.iter().all(|choice| choice.sessions * choice.threads <= cores));
            for (sessions, threads) in [(1, cores), (cores, 1)] {
                assert!(choices.iter().any(|one| (one.sessions, one.threads) == (sessions, threads)));
            }
            let distinct = choices.iter().enumerate().all(|(at, one)| !choices[..at].contains(one));
            assert!(distinct, "{cores} cores");
        }
        let few = choices(ExecutionProvider::Cpu, 16, 2);
        assert!(!few.is_empty() && few.iter().all(|choice| choice.sessions <= 2));
        assert!(!choices(ExecutionProvider::Cuda, 1, 1).is_empty());
    }

    #[test]
    fn of_choices_that_are_as_fast_the_one_that_answers_soonest_is_best() {
        let measured = |sessions, max_batch_size, images_per_second, lone_milliseconds| Measured {
            choice: Choice { sessions, threads: 1, max_batch_size },
            images_per_second,
            lone_milliseconds,
        };
        let all = [
            measured(2, 1, 90.0, 19.0),
            measured(2, 4, 100.0, 20.0),
            measured(1, 8, 98.0, 10.9),
            measured(1, 4, 98.0, 11.0),
        ];
        assert_eq!(best(&all), Some(&all[3]));
        assert_eq!(best(&[]), None);
    }
}
