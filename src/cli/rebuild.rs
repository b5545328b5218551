//! `lookalike rebuild`: exact lists by brute force over what is stored, printed or
//! compared with the stored lists.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::ConfigArguments;
use super::listing::ListLine;
use crate::adapters::qdrant::Catalogue;
use crate::app::{AppError, OpenCatalogue, exit};
use crate::config::Config;
use crate::domain::article::Profile;
use crate::domain::list::Neighbour;
use crate::similarity::{PackError, Packed};

/// Scores may differ by this much and count as equal.
const TOLERANCE: f64 = 1e-5;
/// Differences printed in full.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookalike rebuild -c lookalike.yaml --out exact.jsonl
  lookalike rebuild -c lookalike.yaml --compare       # exit code 1 when a list differs

It reads the whole catalogue into memory and scores every pair: for checks and small
catalogues. Compare when the worker has nothing left to do.")]
pub(super) struct RebuildArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Print differences and recall@k of the stored lists instead of the exact lists
    #[arg(long)]
    compare: bool,
    /// Write the exact lists to a file instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    out: Option<PathBuf>,
}

pub(super) async fn run(arguments: &RebuildArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    let store = OpenCatalogue::open(&config).await?;
    let result = rebuild(arguments, &config, &store.catalogue).await;
    store.close().await?;
    result
}

async fn rebuild(
    arguments: &RebuildArguments,
    config: &Config,
    catalogue: &Catalogue,
) -> anyhow::Result<ExitCode> {
    let articles = read_all(catalogue, config.ranking.max_images).await?;
    let comparison = config.ranking.comparison();
    let dimension = articles.iter().find_map(Profile::dimension).unwrap_or(1);
    let packed: Vec<Packed> = articles
        .iter()
        .map(|profile| Ok(Packed::of(profile, dimension)?.with_levels()))
        .collect::<Result<_, PackError>>()?;
    let exact = |article: &Packed| comparison.rank(article, &packed, config.ranking.k);
    let progress = progress(articles.len() as u64);
    if arguments.compare {
        let mut report = Report::default();
        for article in &packed {
            let stored = catalogue.view(&article.article_id).await.map_err(AppError::from)?;
            let stored = stored.and_then(|(_, ranked)| ranked.list(&article.article_id, config.ranking.k));
            let stored = stored.map(|list| list.neighbours);
            let expected = (!article.is_empty()).then(|| exact(article));
            report.compare(&article.article_id, expected.as_deref(), stored.as_deref());
            progress.inc(1);
        }
        progress.finish_and_clear();
        report.print(config.ranking.k);
        return Ok(if report.differences.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(exit::FAILURE)
        });
    }
    let mut out: Box<dyn std::io::Write> = match &arguments.out {
        Some(path) => Box::new(std::io::BufWriter::new(
            std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?,
        )),
        None => Box::new(std::io::stdout().lock()),
    };
    for article in packed.iter().filter(|article| !article.is_empty()) {
        ListLine::new(&article.article_id, &exact(article)).write(&mut out)?;
        progress.inc(1);
    }
    out.flush()?;
    progress.finish_and_clear();
    Ok(ExitCode::SUCCESS)
}

/// All articles with their images, ordered by id.
async fn read_all(catalogue: &Catalogue, max_images: usize) -> Result<Vec<Profile>, AppError> {
    let ids = catalogue.all_article_ids().await?;
    let mut articles: Vec<Profile> = catalogue.profiles_by_id(&ids).await?.into_values().collect();
    for profile in &mut articles {
        profile.limit_images(max_images);
    }
    articles.sort_by(|a, b| a.article_id.cmp(&b.article_id));
    Ok(articles)
}

fn progress(articles: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} articles  {eta} left");
    ProgressBar::new(articles).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What a comparison found.
#[derive(Debug, Default)]
struct Report {
    lists: usize,
    differences: Vec<String>,
    expected_neighbours: usize,
    found_neighbours: usize,
}

impl Report {
    fn compare(&mut self, article_id: &str, expected: Option<&[Neighbour]>, stored: Option<&[Neighbour]>) {
        let (Some(expected), Some(stored)) = (expected, stored) else {
            match (expected, stored) {
                (Some(expected), None) => {
                    self.lists += 1;
                    self.expected_neighbours += expected.len();
                    self.differences.push(format!("{article_id}: no list is stored"));
                }
                (None, Some(_)) => {
                    self.differences
                        .push(format!("{article_id}: a list is stored, but the article is deleted"));
                }
                (None, None) | (Some(_), Some(_)) => {}
            }
            return;
        };
        self.lists += 1;
        self.expected_neighbours += expected.len();
        let listed = |one: &Neighbour| stored.iter().any(|other| other.article_id == one.article_id);
        self.found_neighbours += expected.iter().filter(|one| listed(one)).count();
        let same = |(a, b): (&Neighbour, &Neighbour)| {
            a.article_id == b.article_id && (a.score - b.score).abs() <= TOLERANCE
        };
        if expected.len() != stored.len() || !expected.iter().zip(stored).all(same) {
            let show = |list: &[Neighbour]| {
                let entries = list.iter().map(|one| format!("{} {:.6}", one.article_id, one.score));
                entries.collect::<Vec<_>>().join(", ")
            };
            self.differences.push(format!(
                "{article_id}:\n  exact  {}\n  stored {}",
                show(expected),
                show(stored)
            ));
        }
    }

    fn print(&self, k: usize) {
        for difference in self.differences.iter().take(SHOWN) {
            println!("{difference}");
        }
        if self.differences.len() > SHOWN {
            println!("… and {} more", self.differences.len() - SHOWN);
        }
        let recall = match self.expected_neighbours {
            0 => 1.0,
            expected => self.found_neighbours as f64 / expected as f64,
        };
        let differences = self.differences.len();
        println!("{} lists, {differences} differences, recall@{k} {recall:.4}", self.lists);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, f64)]) -> Vec<Neighbour> {
        let neighbour = |(id, score): &(&str, f64)| Neighbour {
            article_id: (*id).to_owned(),
            score: *score,
            image_score: None,
            text_score: None,
            coverage: None,
            pairs: Vec::new(),
            unmatched: crate::domain::list::Unmatched::default(),
            version: 0,
        };
        entries.iter().map(neighbour).collect()
    }

    fn differences(expected: Option<&[(&str, f64)]>, stored: Option<&[(&str, f64)]>) -> (usize, f64) {
        let mut report = Report::default();
        let (expected, stored) = (expected.map(list), stored.map(list));
        report.compare("x", expected.as_deref(), stored.as_deref());
        let recall = report.found_neighbours as f64 / report.expected_neighbours.max(1) as f64;
        (report.differences.len(), recall)
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let exact: &[(&str, f64)] = &[("a", 0.9), ("b", 0.8)];
        assert_eq!(differences(Some(exact), Some(exact)), (0, 1.0));
        assert_eq!(differences(Some(exact), Some(&[("a", 0.900_004), ("b", 0.8)])), (0, 1.0));
        assert_eq!(differences(Some(exact), Some(&[("a", 0.900_02), ("b", 0.8)])), (1, 1.0));
        assert_eq!(differences(Some(exact), Some(&[("b", 0.8), ("a", 0.9)])), (1, 1.0));
        assert_eq!(differences(Some(exact), Some(&[("a", 0.9)])), (1, 0.5));
        assert_eq!(differences(Some(exact), None), (1, 0.0));
        assert_eq!(differences(None, Some(exact)).0, 1);
        assert_eq!(differences(None, None).0, 0);
    }
}
