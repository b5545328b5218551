//! `lookalike score`: matches image sets without any server.
//!
//! Guarantee: each case gets the score that the worker would give it; a case that
//! cannot be read is named on standard error and the exit code is 65, while all
//! others are answered. JSONL is answered line by line, one line in memory.

mod case;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::similarity::matrix::Similarities;
use crate::similarity::{Matching, Method, score_matrix};
use case::{CaseError, Side};

/// EX_DATAERR of sysexits.h: the input is not as it should be.
const DATA_ERROR: u8 = 65;

const EXAMPLES: &str = "\
Answers, one line each:
  {\"score\":0.852,\"coverage\":0.75,\"pairs\":[[3,4,0.881],[1,2,0.838],[0,0,0.837]]}
  Rows and columns count from 0. The score is null when fewer than --min-matches pairs match.

Examples:
  lookalike score --method greedy --matrix similarities.csv --threshold 0.8
  lookalike score --left boot.npy --right shoe.npy --max-matches 3
  echo '{\"left\": [[1, 0]], \"right\": [[1, 1], [0, 1]]}' | lookalike score --jsonl -

Exit codes: 0; 65 when a case could not be read (all others are answered).";

/// Scores image sets against each other, without any server
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ScoreArguments {
    /// How a similarity matrix becomes matched pairs
    #[arg(long, default_value = Method::default().as_str(), value_parser = methods())]
    pub method: Method,
    #[command(flatten)]
    pub source: Source,
    /// Vectors of the second article, one row for each image (.npy, 2-D, float32 or float64)
    #[arg(long, value_name = "FILE.npy", requires = "left", conflicts_with_all = ["matrix", "jsonl"])]
    pub right: Option<PathBuf>,
    /// Pairs below this cosine do not match [default: every pair may match]
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = cosine)]
    pub threshold: Option<f64>,
    /// Most pairs taken [default: no limit]
    #[arg(long, value_name = "PAIRS", value_parser = at_least_one)]
    pub max_matches: Option<usize>,
    /// With fewer pairs the score is null
    #[arg(long, value_name = "PAIRS", default_value = "1", value_parser = at_least_one)]
    pub min_matches: usize,
    /// Exponent of coverage in the score; 0 is the plain mean
    #[arg(long, value_name = "EXPONENT", default_value = "0", value_parser = exponent)]
    pub coverage_weight: f64,
}

/// Where the cases are.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Source {
    /// Cosine similarities, one row for each image of the first article, no header
    #[arg(long, value_name = "FILE.csv")]
    pub matrix: Option<PathBuf>,
    /// Vectors of the first article, one row for each image (.npy, 2-D, float32 or float64)
    #[arg(long, value_name = "FILE.npy", requires = "right")]
    pub left: Option<PathBuf>,
    /// One case a line: {"matrix": [[…]]} or {"left": [[…]], "right": [[…]]}; - is standard input
    #[arg(long, value_name = "FILE|-")]
    pub jsonl: Option<PathBuf>,
}

fn methods() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(Method::ALL.map(Method::as_str)).try_map(|name| {
        let named = Method::ALL.into_iter().find(|method| method.as_str() == name);
        named.ok_or("no such method")
    })
}

fn cosine(text: &str) -> Result<f64, String> {
    number_in(text, -1.0..=1.0).ok_or_else(|| "a cosine is a number from -1 to 1".to_owned())
}

fn exponent(text: &str) -> Result<f64, String> {
    number_in(text, 0.0..=f64::MAX).ok_or_else(|| "the exponent is a number from 0".to_owned())
}

fn number_in(text: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count >= 1).ok_or_else(|| "a whole number from 1".to_owned())
}

impl ScoreArguments {
    fn matching(&self) -> Matching {
        Matching {
            method: self.method,
            // Rounding can push a cosine below -1: without a threshold it matches too.
            threshold: self.threshold.unwrap_or(f64::NEG_INFINITY),
            max_matches: self.max_matches,
            min_matches: self.min_matches,
            coverage_weight: self.coverage_weight,
        }
    }
}

/// Where answers and complaints go.
struct Output<'a> {
    answers: &'a mut dyn Write,
    complaints: &'a mut dyn Write,
}

/// Answers every case on `out`; complaints go to standard error.
///
/// # Errors
///
/// When a file cannot be opened or read, or an answer cannot be written. Cases that
/// make no sense are no error here but exit code 65. A reader that went away
/// (`| head`) is a success.
pub fn run(arguments: &ScoreArguments, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let (mut input, mut complaints) = (io::stdin().lock(), io::stderr().lock());
    let mut output = Output { answers: out, complaints: &mut complaints };
    match answer_all(arguments, &mut input, &mut output) {
        Ok(0) => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(ExitCode::from(DATA_ERROR)),
        Err(error) if reader_went_away(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

fn reader_went_away(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Number of cases that could not be read.
fn answer_all(
    arguments: &ScoreArguments,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> anyhow::Result<usize> {
    let matching = arguments.matching();
    let source = &arguments.source;
    let bad = match (&source.matrix, &source.left, &arguments.right, &source.jsonl) {
        (Some(matrix), None, None, None) => one(case::from_csv(open(matrix)?), &matching, output)?,
        (None, Some(left), Some(right), None) => {
            let (left, right) = (open(left)?, open(right)?);
            let case = case::from_npy(left, Side::Left)
                .and_then(|left| Ok((left, case::from_npy(right, Side::Right)?)))
                .and_then(|(left, right)| case::from_vectors(left, right));
            one(case, &matching, output)?
        }
        (None, None, None, Some(jsonl)) if jsonl.as_os_str() == "-" => lines(input, &matching, output)?,
        (None, None, None, Some(jsonl)) => lines(&mut open(jsonl)?, &matching, output)?,
        _ => anyhow::bail!("give either --matrix, or --left and --right, or --jsonl"),
    };
    output.answers.flush()?;
    Ok(bad)
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(BufReader::new(file))
}

fn one(
    case: Result<Similarities, CaseError>,
    matching: &Matching,
    output: &mut Output<'_>,
) -> io::Result<usize> {
    match case {
        Ok(case) => answer(&case, matching, output.answers).map(|()| 0),
        Err(error) => writeln!(output.complaints, "{error}").map(|()| 1),
    }
}

/// Answers line by line; blank lines are no cases.
fn lines(input: &mut dyn BufRead, matching: &Matching, output: &mut Output<'_>) -> io::Result<usize> {
    let (mut bad, mut line) = (0, Vec::new());
    for number in 1_u64.. {
        let Some(read) = case::next_line(input, &mut line)? else { break };
        if read.is_ok() && line.trim_ascii().is_empty() {
            continue;
        }
        match read.and_then(|()| case::from_json(&line)) {
            Ok(case) => answer(&case, matching, output.answers)?,
            Err(error) => {
                bad += 1;
                writeln!(output.complaints, "line {number}: {error}")?;
            }
        }
    }
    Ok(bad)
}

#[derive(Serialize)]
struct Answer {
    score: Option<f64>,
    coverage: f64,
    pairs: Vec<(usize, usize, f64)>,
}

fn answer(case: &Similarities, matching: &Matching, out: &mut dyn Write) -> io::Result<()> {
    let scored = score_matrix(case, matching);
    let score = scored.as_ref().map(|scored| scored.score);
    // Too few pairs make no score, but they are shown.
    let scored = scored.or_else(|| score_matrix(case, &Matching { min_matches: 1, ..matching.clone() }));
    let (coverage, pairs) = scored.map_or((0.0, Vec::new()), |scored| (scored.coverage, scored.pairs));
    let pairs = pairs.into_iter().map(|pair| (pair.row, pair.column, pair.similarity)).collect();
    serde_json::to_writer(&mut *out, &Answer { score, coverage, pairs })?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests;
