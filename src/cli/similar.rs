//! `lookalike similar`: the stored list of an article.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::{ConfigArguments, exit};
use crate::app::OpenCatalogue;
use crate::domain::list::{Neighbour, NeighbourList};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookalike similar mug-01 -c lookalike.yaml
  lookalike similar mug-01 -c lookalike.yaml --explain      # which image matched which
  lookalike similar mug-01 -c lookalike.yaml --json | jq .")]
pub(super) struct SimilarArguments {
    /// The article
    article: String,
    #[command(flatten)]
    config: ConfigArguments,
    /// Show the matched image pairs, what matched nothing, and each signal's score
    #[arg(long)]
    explain: bool,
    /// Print the list as published, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &SimilarArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    let store = OpenCatalogue::open(&config).await?;
    let found = store.catalogue.view(&arguments.article).await;
    store.close().await?;
    let Some((content, ranked)) = found.map_err(crate::app::AppError::from)? else {
        bail!("article {} was never seen", arguments.article);
    };
    let Some(list) = ranked.list(&arguments.article, config.ranking.k) else {
        eprintln!(
            "lookalike: article {} {}",
            arguments.article,
            if content.is_empty { "is deleted, or has neither image nor text" } else { "has no list yet" }
        );
        return Ok(ExitCode::from(exit::FAILURE));
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        print!("{}", table(&list, arguments.explain)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn table(list: &NeighbourList, explain: bool) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "{} (version {}, list {}): {} neighbours",
        list.article_id,
        list.version,
        list.sequence,
        list.neighbours.len()
    )?;
    for (rank, neighbour) in list.neighbours.iter().enumerate() {
        writeln!(text, "{:>3}. {:.4}  {}", rank + 1, neighbour.score, neighbour.article_id)?;
        if explain {
            explanation(&mut text, neighbour)?;
        }
    }
    Ok(text)
}

fn explanation(text: &mut String, neighbour: &Neighbour) -> std::fmt::Result {
    let score = |score: Option<f64>| score.map_or("none".to_owned(), |score| format!("{score:.4}"));
    writeln!(
        text,
        "       images {}  text {}  coverage {}  version {}",
        score(neighbour.image_score),
        score(neighbour.text_score),
        score(neighbour.coverage),
        neighbour.version
    )?;
    for pair in &neighbour.pairs {
        writeln!(text, "       {:.4}  {} = {}", pair.2, pair.0, pair.1)?;
    }
    let unmatched = &neighbour.unmatched;
    if !unmatched.own.is_empty() {
        writeln!(text, "       unmatched here: {}", unmatched.own.join(", "))?;
    }
    if !unmatched.neighbour.is_empty() {
        writeln!(text, "       unmatched there: {}", unmatched.neighbour.join(", "))?;
    }
    Ok(())
}
