//! `lookalike score`: matches image sets without any server.
//!
//! Guarantee: each case gets the score that the worker would give it; a case that
//! cannot be read is named on standard error and the exit code is 65, while all
//! others are answered. JSONL is answered line by line, one line in memory.

mod case;
mod picture;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::similarity::{Matching, Method};
use case::{CaseError, GivenCase, Side};
use set_similarity::Workspace;

/// EX_DATAERR of sysexits.h: the input is not as it should be.
const DATA_ERROR: u8 = 65;
/// Input read, and answers written, at once.
const BUFFER_BYTES: usize = 64 * 1024;

const EXAMPLES: &str = "\
Answers, one line each:
  {\"score\":0.852,\"coverage\":0.75,\"pairs\":[[3,4,0.881],[1,2,0.838],[0,0,0.837]]}
  Rows and columns count from 0. The score is null when fewer than --min-matches pairs match.
  maxsim shows each row with its best column and each column with its best row; pooled has no pairs,
  and needs vectors. To both, --threshold, --max-matches and the other limits do not apply.

Lines of a JSONL file:
  {\"matrix\": [[0.9, 0.2], [0.1, 0.8]]}
  {\"left\": [[1, 0], [0, 1]], \"right\": [[3, 4]]}   vectors of any length; a list of vectors is one
                                                    image with variants, of which the closest count
  and, for ordered, \"left_views\": [\"front\", null], \"right_views\": [\"front\"]; without them
  the first image matches the first, the second the second

Examples:
  lookalike score --method optimal --matrix similarities.csv --threshold 0.8
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
    /// Vectors of the second article, one row for each image, or in 3-D one for each variant of it
    /// (.npy, float32 or float64)
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
    /// Vectors of the first article, one row for each image, or in 3-D one for each variant of it
    /// (.npy, float32 or float64)
    #[arg(long, value_name = "FILE.npy", requires = "right")]
    pub left: Option<PathBuf>,
    /// One case a line: {"matrix": [[…]]} or {"left": [[…]], "right": [[…]]}; - is standard input
    #[arg(long, value_name = "FILE|-")]
    pub jsonl: Option<PathBuf>,
}

fn methods() -> impl TypedValueParser<Value = Method> {
    let described = Method::ALL.map(|method| PossibleValue::new(method.as_str()).help(description(method)));
    PossibleValuesParser::new(described).try_map(|name| {
        let named = Method::ALL.into_iter().find(|method| method.as_str() == name);
        named.ok_or("no such method")
    })
}

fn description(method: Method) -> &'static str {
    match method {
        Method::Greedy => "the largest similarity of unmatched images, again and again",
        Method::Optimal => "the one-to-one assignment with the largest total",
        Method::Ordered => "images of the same view",
        Method::Best => "the one best pair",
        Method::MaxSim => "½ (mean of row maxima + mean of column maxima)",
        Method::Pooled => "cosine of the mean vectors",
    }
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

/// Scores cases; answers and complaints go where they belong.
struct Answering<'a> {
    matching: Matching,
    workspace: Workspace,
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
    // Standard output alone would be flushed with every line.
    let mut answers = BufWriter::with_capacity(BUFFER_BYTES, out);
    let mut answering = Answering::new(arguments.matching(), &mut answers, &mut complaints);
    match answering.all(arguments, &mut input) {
        Ok(0) => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(ExitCode::from(DATA_ERROR)),
        Err(error) if reader_went_away(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

fn reader_went_away(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(BufReader::new(file))
}

fn from_files(left: &Path, right: &Path) -> anyhow::Result<Result<GivenCase, CaseError>> {
    let (left, right) = (open(left)?, open(right)?);
    Ok(case::from_npy(left, Side::Left)
        .and_then(|left| Ok((left, case::from_npy(right, Side::Right)?)))
        .and_then(|(left, right)| case::from_vectors(left, right)))
}

#[derive(Serialize)]
struct Answer {
    score: Option<f64>,
    coverage: f64,
    pairs: Vec<(usize, usize, f64)>,
}

impl<'a> Answering<'a> {
    fn new(matching: Matching, answers: &'a mut dyn Write, complaints: &'a mut dyn Write) -> Self {
        Self { matching, workspace: Workspace::default(), answers, complaints }
    }

    /// Answers all there is; the number of cases that could not be read.
    fn all(&mut self, arguments: &ScoreArguments, input: &mut dyn Read) -> anyhow::Result<usize> {
        let source = &arguments.source;
        let bad = match (&source.matrix, &source.left, &arguments.right, &source.jsonl) {
            (Some(matrix), None, None, None) => self.one(case::from_csv(open(matrix)?))?,
            (None, Some(left), Some(right), None) => self.one(from_files(left, right)?)?,
            (None, None, None, Some(jsonl)) if jsonl.as_os_str() == "-" => self.lines(input)?,
            (None, None, None, Some(jsonl)) => self.lines(open(jsonl)?.get_mut())?,
            _ => anyhow::bail!("give either --matrix, or --left and --right, or --jsonl"),
        };
        self.answers.flush()?;
        Ok(bad)
    }

    fn one(&mut self, case: Result<GivenCase, CaseError>) -> io::Result<usize> {
        match case.and_then(|case| case.prepare(self.matching.method)) {
            Ok(case) => self.answer(&case).map(|()| 0),
            Err(error) => writeln!(self.complaints, "{error}").map(|()| 1),
        }
    }

    /// Answers line by line; blank lines are no cases. Whoever writes a line and waits
    /// gets its answer: nothing is held back while there is nothing to read.
    fn lines(&mut self, input: &mut dyn Read) -> io::Result<usize> {
        let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
        let (mut bad, mut line) = (0, Vec::new());
        for number in 1_u64.. {
            if input.buffer().is_empty() {
                self.answers.flush()?;
            }
            let Some(read) = case::next_line(&mut input, &mut line)? else { break };
            if read.is_ok() && line.trim_ascii().is_empty() {
                continue;
            }
            let case = read.and_then(|()| case::from_json(&line));
            match case.and_then(|case| case.prepare(self.matching.method)) {
                Ok(case) => self.answer(&case)?,
                Err(error) => {
                    bad += 1;
                    writeln!(self.complaints, "line {number}: {error}")?;
                }
            }
        }
        Ok(bad)
    }

    fn answer(&mut self, case: &GivenCase) -> io::Result<()> {
        let case = case.as_case();
        let scored = case.score(&self.matching, &mut self.workspace);
        // Too few pairs make no score, but they are shown.
        let pairs = self.workspace.pairs();
        let most = self.matching.most_pairs(case.similarities.rows(), case.similarities.columns());
        let shown = if pairs.is_empty() { 0.0 } else { pairs.len() as f64 / most as f64 };
        let answer = Answer {
            score: scored.map(|scored| scored.score),
            coverage: scored.map_or(shown, |scored| scored.coverage),
            pairs: pairs.iter().map(|pair| (pair.row, pair.column, pair.similarity)).collect(),
        };
        serde_json::to_writer(&mut *self.answers, &answer)?;
        self.answers.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests;
