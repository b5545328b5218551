//! Role `rank` measured as a whole: synthetic catalogues, steady change, real processes.
//!
//! `tools/bench_rank` drives this line by line: a command as JSON on standard input, its
//! answer as JSON on standard output. It starts Kafka in this process, the embedded
//! Qdrant and the worker as processes of their own, plays the part of role `embed`
//! (vectors come from numbers, not from pictures), and watches what is published.

mod again;
mod churn;
mod command;
mod dump;
mod fan_out;
mod hot;
mod load;
mod metrics;
mod process;
mod searches;
mod shop;
mod watch;
mod world;
mod writer;

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::churn::{Churn, Pace};
use crate::command::Command;
use crate::shop::{Kind, Shop};
use crate::watch::Watch;
use crate::world::{Choice, PARTITIONS, World};
use crate::writer::Writer;

/// Whatever went wrong; the run ends with it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What runs between `start` and `stop`. The reader ends before its broker.
struct Running {
    watch: Watch,
    world: World,
    shop: Shop,
    finished: UnboundedReceiver<u64>,
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut output = std::io::stdout().lock();
    let mut running = None;
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?)
            .map_err(Failure::from)
            .and_then(|command| runtime.block_on(answer(command, &mut running)))
            .unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

async fn answer(command: Command, running: &mut Option<Running>) -> Result<Value, Failure> {
    if let Command::Start { articles, hub, seed, folder, qdrant_url, prefix, settings } = &command {
        let shop = if *hub { Shop::around_a_hub(*articles, *seed) } else { Shop::new(*articles, *seed) };
        let (folder, qdrant_url, threshold) = (folder.clone(), qdrant_url.as_deref(), shop.threshold());
        let choice = Choice { folder, qdrant_url, prefix, threshold, settings };
        let (started, answer) = Running::start(choice, shop).await?;
        *running = Some(started);
        return Ok(answer);
    }
    if let Command::Hot { folder, qdrant_url, prefix, load } = &command {
        let (folder, qdrant_url) = (folder.clone(), qdrant_url.as_deref());
        let choice = Choice { folder, qdrant_url, prefix, threshold: 0.0, settings: &Value::Null };
        return hot::run(choice, load).await;
    }
    if matches!(command, Command::Stop) {
        if let Some(Running { world, watch, .. }) = running.take() {
            drop(watch);
            world.stop().await?;
        }
        return Ok(json!({}));
    }
    running.as_mut().ok_or("nothing was started")?.answer(command).await
}

impl Running {
    async fn start(choice: Choice<'_>, shop: Shop) -> Result<(Self, Value), Failure> {
        let mut world = World::start(choice).await?;
        let begun = Instant::now();
        let lists = load::load(&world, &shop).await?;
        let loaded = begun.elapsed().as_secs_f64();
        world.indexed().await?;
        let (sender, finished) = churn::channel();
        let kafka = &world.config.kafka;
        let watch = Watch::start(&kafka.bootstrap_servers, &kafka.topics.similar, PARTITIONS, sender)?;
        watch.with(|seen| seen.lists = lists);
        world.start_worker()?;
        let images: usize = shop.articles.iter().map(|article| article.facts().image_count).sum();
        let answer = json!({
            "articles": shop.live().len(),
            "clusters": shop.clusters(),
            "images": images,
            "load_seconds": loaded,
            "start_seconds": begun.elapsed().as_secs_f64(),
            "server": world.server().await?,
            "settings": {"ranking": world.config.ranking, "rank_jobs": world.config.rank_jobs},
        });
        Ok((Self { world, shop, watch, finished }, answer))
    }

    async fn answer(&mut self, command: Command) -> Result<Value, Failure> {
        match command {
            Command::Churn { events, in_flight } => self.churn().run(events, Pace::Closed(in_flight)).await,
            Command::Steady { events, rate } => self.churn().run(events, Pace::Open(rate)).await,
            Command::Prepared { events } => self.churn().prepared(events).await,
            Command::Searches { milliseconds } => {
                self.world.indexed().await?;
                searches::alone(&self.world, &mut self.shop, Duration::from_millis(milliseconds)).await
            }
            Command::SearchAgain { milliseconds } => {
                self.world.stop_worker();
                let writer = self.writer();
                again::run(&self.world, &mut self.shop, writer, Duration::from_millis(milliseconds)).await
            }
            Command::FanOut { rate, seconds } => fan_out::run(&mut self.churn(), rate, seconds).await,
            Command::Lists { path, sample } => dump::write(self, &path, sample).await,
            Command::Start { .. } | Command::Hot { .. } | Command::Stop => Err("handled before".into()),
        }
    }

    fn churn(&mut self) -> Churn<'_> {
        let writer = self.writer();
        let Self { world, shop, watch, finished } = self;
        Churn { world, shop, watch, finished, writer, mix: Kind::any }
    }

    fn writer(&self) -> Writer {
        Writer {
            catalogue: Arc::clone(&self.world.catalogue),
            producer: self.world.producer.clone(),
            topic: self.world.config.kafka.topics.rank.clone(),
        }
    }
}
