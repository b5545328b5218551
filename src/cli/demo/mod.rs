//! `lookalike demo`: the worker on built-in servers, fed from a catalogue.
//!
//! Guarantee: it is the same worker, speaking the same protocols; only the servers
//! run inside this process. It is done when both input topics are committed to their
//! ends.

mod catalogue;
mod progress;
mod setup;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use tokio_util::sync::CancellationToken;

use self::catalogue::Article;
use self::progress::Progress;
use super::listing::ListLine;
use super::worker::stop_on_signal;
use crate::adapters::kafka::producer::Producer;
use crate::adapters::kafka::settings::KafkaSettings;
use crate::adapters::kafka::tail::{GroupProgress, Tail};
use crate::app::{AppError, Worker};
use crate::config::Config;
use crate::domain::list::NeighbourList;
use crate::embedded::kafka::EmbeddedKafka;
use crate::metrics::metrics;
use crate::ports::Outgoing;
use crate::telemetry;

/// How often the demo looks whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Articles fed before the demo looks how far the worker has come.
const ARTICLES_AT_ONCE: usize = 64;
/// Events and rank requests that may be open while more is fed.
const OPEN_EVENTS: u64 = 1000;
const OPEN_REQUESTS: u64 = 20_000;
/// Lists shown at the end.
const SHOWN_LISTS: usize = 3;
const SHOWN_NEIGHBOURS: usize = 4;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookalike demo                                     # a catalogue the demo renders itself
  lookalike demo --catalog catalog.jsonl --once --out result
  lookalike demo --listen 127.0.0.1:8080             # goes on: /v1/articles/mug-01/similar, /metrics
  lookalike similar mug-01 -c lookalike-demo/lookalike.yaml --explain     # afterwards

The lists are written to DIR/lists.jsonl, and DIR/lookalike.yaml opens the stored catalogue
for `similar` and `rebuild`.")]
pub(super) struct DemoArguments {
    /// Catalogue file, one article a line; without it the demo renders one
    #[arg(long, value_name = "FILE.jsonl")]
    catalog: Option<PathBuf>,
    /// End when nothing is left to do, even with --listen
    #[arg(long)]
    once: bool,
    /// Folder for everything the demo writes; its `qdrant` folder is started empty
    #[arg(long, value_name = "DIR", default_value = "lookalike-demo")]
    out: PathBuf,
    /// Serve health, metrics and lists, and go on until stopped
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub(super) async fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let out = setup::prepare(&arguments.out)?;
    let path = match &arguments.catalog {
        Some(path) => path.clone(),
        None => setup::render(&out)?,
    };
    let articles = catalogue::read(&path)?;
    let kafka = EmbeddedKafka::start(&setup::TOPICS)?;
    let file = setup::write_config(&out, &articles, &kafka.bootstrap_servers())?;
    let mut config = Config::load(Some(&file))?;
    telemetry::start(&config.log, Some(&config.telemetry.otlp)).map_err(AppError::from)?;
    config.http.listen = arguments.listen;

    let stop = CancellationToken::new();
    stop_on_signal(stop.clone());
    let worker = Worker::bind(config.clone()).await?;
    let address = worker.address();
    let mut working = tokio::spawn(worker.run(stop.clone()));
    let lists = tokio::select! {
        lists = feed_and_wait(&config, &articles) => lists,
        ended = &mut working => match ended? {
            Ok(()) => anyhow::bail!("stopped before the demo was done"),
            Err(error) => Err(error.into()),
        },
    }?;
    write_lists(&out.join("lists.jsonl"), &lists)?;
    summarise(&articles, &lists, &out, started.elapsed());
    match address {
        Some(address) if !arguments.once => {
            let example = lists.first().map_or("ARTICLE", |list| list.article_id.as_str());
            println!("serving http://{address}/v1/articles/{example}/similar until stopped (Ctrl-C)");
        }
        _ => stop.cancel(),
    }
    working.await??;
    drop(kafka);
    Ok(ExitCode::SUCCESS)
}

/// Feeds the catalogue and waits until nothing is left to do.
async fn feed_and_wait(config: &Config, articles: &[Article]) -> anyhow::Result<Vec<NeighbourList>> {
    let progress = Progress::new(articles);
    let seen = progress.clone();
    let settings = config.kafka.clone();
    let tail =
        blocking(move || Tail::start(&settings, &settings.topics.similar, move || seen.list())).await?;
    let producer = Producer::new(&config.kafka).map_err(AppError::from)?;
    let groups = Groups::new(&config.kafka, progress.clone()).await?;
    for part in articles.chunks(ARTICLES_AT_ONCE) {
        feed(&producer, &config.kafka.topics.events, part).await?;
        // The built-in Kafka keeps a bounded log: stay a bounded number ahead.
        groups.wait_for_at_most(OPEN_EVENTS, OPEN_REQUESTS).await?;
    }
    groups.wait_for_at_most(0, 0).await?;
    let lists = blocking(move || tail.finish()).await?;
    progress.finish();
    let lists: Result<Vec<NeighbourList>, _> =
        lists.values().map(|list| serde_json::from_slice(list)).collect();
    Ok(lists?)
}

async fn feed(producer: &Producer, topic: &str, articles: &[Article]) -> anyhow::Result<()> {
    for article in articles {
        let key = Some(article.article_id.as_bytes());
        for event in &article.events {
            let outgoing = Outgoing { topic, key, value: Some(event), headers: &[] };
            producer.send(&outgoing).await.map_err(AppError::from)?;
        }
    }
    Ok(())
}

/// How far both consumer groups have come.
struct Groups {
    groups: Arc<(GroupProgress, GroupProgress)>,
    progress: Progress,
}

impl Groups {
    async fn new(settings: &KafkaSettings, progress: Progress) -> anyhow::Result<Self> {
        let (kafka, prefix) = (settings.clone(), settings.group_prefix.clone());
        let groups = blocking(move || {
            let events = GroupProgress::new(&kafka, &format!("{prefix}.embed"), &kafka.topics.events)?;
            let rank = GroupProgress::new(&kafka, &format!("{prefix}.rank"), &kafka.topics.rank)?;
            Ok(Arc::new((events, rank)))
        })
        .await?;
        Ok(Self { groups, progress })
    }

    async fn wait_for_at_most(&self, open_events: u64, open_requests: u64) -> anyhow::Result<()> {
        loop {
            let groups = Arc::clone(&self.groups);
            // Events first: what they caused is in the rank topic before they are committed.
            let (events, rank) = blocking(move || Ok((groups.0.read()?, groups.1.read()?))).await?;
            self.progress.at(events, rank);
            if events.open() <= open_events && rank.open() <= open_requests {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, crate::adapters::kafka::error::KafkaError> + Send + 'static,
) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await?.map_err(AppError::from)?)
}

fn write_lists(path: &Path, lists: &[NeighbourList]) -> anyhow::Result<()> {
    let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = std::io::BufWriter::new(file);
    for list in lists {
        ListLine::new(&list.article_id, &list.neighbours).write(&mut out)?;
    }
    Ok(out.flush()?)
}

fn summarise(articles: &[Article], lists: &[NeighbourList], out: &Path, elapsed: Duration) {
    let title = |id: &str| {
        let article = articles.iter().find(|article| article.article_id == id);
        let title = article.and_then(|article| article.title.as_deref()).unwrap_or_default();
        format!("{id} {title}").trim_end().to_owned()
    };
    // Spread over the catalogue, so that different kinds are shown.
    for list in lists.iter().step_by((lists.len() / SHOWN_LISTS).max(1)).take(SHOWN_LISTS) {
        println!("{}", title(&list.article_id));
        for neighbour in list.neighbours.iter().take(SHOWN_NEIGHBOURS) {
            let pairs = neighbour.pairs.len();
            println!("  {:.3}  {}  ({pairs} image pairs)", neighbour.score, title(&neighbour.article_id));
        }
    }
    let rejected: u64 = ["receive", "fetch", "decode", "embed"]
        .iter()
        .map(|stage| metrics().dead_letters_of_stage(stage))
        .sum();
    println!(
        "{} articles, {} lists in {:.1} s, {rejected} events rejected; lists in {}",
        articles.len(),
        lists.len(),
        elapsed.as_secs_f64(),
        out.join("lists.jsonl").display()
    );
}
