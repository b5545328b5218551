//! Events at the worker: as fast as it takes them, or at a given rate.
//!
//! Guarantee: an article has at most one event under way; every event counts, and one
//! whose own list never appears fails the run. Time ends with the last published list,
//! once every request is resolved.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinSet;

use crate::Failure;
use crate::metrics::Page;
use crate::process::Usage;
use crate::shop::{Change, Kind, Shop};
use crate::watch::{Progress, Watch};
use crate::world::{PATIENCE, World};
use crate::writer::Writer;

/// Changes that are written at the same time, when nothing else happens.
const WRITES_AT_ONCE: usize = 32;

/// How events follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// The next begins when fewer than so many are without their own list.
    Closed(usize),
    /// So many a second, whatever the worker does.
    Open(f64),
}

/// The events of one run, and whoever waits for their lists.
pub(crate) struct Churn<'w> {
    pub(crate) world: &'w World,
    pub(crate) shop: &'w mut Shop,
    pub(crate) watch: &'w Watch,
    pub(crate) finished: &'w mut UnboundedReceiver<u64>,
    pub(crate) writer: Writer,
    pub(crate) mix: Mix,
}

/// What may happen to articles.
pub(crate) type Mix = fn(&mut StdRng) -> Kind;

/// What was counted before.
pub(crate) struct Before {
    page: Page,
    usage: [(&'static str, Option<Usage>); 3],
    records: u64,
    bytes: u64,
    begun: Instant,
}

impl Churn<'_> {
    pub(crate) fn before(&self) -> Result<Before, Failure> {
        let (records, bytes) = self.watch.with(|seen| {
            seen.events.clear();
            (seen.records, seen.bytes)
        });
        let (page, usage) = (self.world.page()?, self.world.usage()?);
        Ok(Before { page, usage, records, bytes, begun: Instant::now() })
    }

    /// Has so many events happen; answers what they led to.
    pub(crate) async fn run(&mut self, events: usize, pace: Pace) -> Result<Value, Failure> {
        let before = self.before()?;
        let mut under_way = UnderWay::default();
        self.drive(events, pace, &mut under_way).await?;
        self.settle(&mut under_way).await?;
        self.report(&before, events)
    }

    /// Begins so many events, and waits until all are written and announced.
    pub(crate) async fn drive(
        &mut self,
        events: usize,
        pace: Pace,
        under_way: &mut UnderWay,
    ) -> Result<(), Failure> {
        let mut writes = JoinSet::new();
        let mut next = tokio::time::interval(match pace {
            Pace::Open(rate) => Duration::from_secs_f64(1.0 / rate),
            Pace::Closed(_) => Duration::from_nanos(1),
        });
        let mut issued = 0;
        while issued < events {
            let is_due = match pace {
                Pace::Closed(most) => under_way.count() < most,
                Pace::Open(_) => true,
            };
            tokio::select! {
                biased;
                Some(version) = self.finished.recv() => under_way.finish(version),
                Some(written) = writes.join_next() => written??,
                due = next.tick(), if is_due => {
                    let begun = match pace {
                        Pace::Open(_) => due.into_std(),
                        Pace::Closed(_) => Instant::now(),
                    };
                    let kind = (self.mix)(self.shop.random());
                    let change = self.shop.change(kind, &under_way.articles);
                    let change = change.ok_or("every article has an event under way: take fewer")?;
                    under_way.begin(&change);
                    self.begin(change, begun, &mut writes);
                    issued += 1;
                }
                () = tokio::time::sleep(PATIENCE) => return Err(self.stuck()),
            }
        }
        while let Some(written) = writes.join_next().await {
            written??;
        }
        Ok(())
    }

    /// Starts one event.
    pub(crate) fn begin(&self, change: Change, begun: Instant, writes: &mut JoinSet<Result<(), Failure>>) {
        let is_deletion = change.kind == Kind::Deleted;
        self.watch.with(|seen| seen.begin(change.article, change.version, is_deletion, begun));
        let (writer, occurred_at) = (self.writer.clone(), Timestamp::now());
        writes.spawn(async move {
            writer.write(&change).await?;
            writer.announce(change.article, occurred_at).await
        });
    }

    /// Has so many articles change, and only then the worker told: ranking without the
    /// writes of indexing beside it, nor the server's own index built from them.
    pub(crate) async fn prepared(&mut self, events: usize) -> Result<Value, Failure> {
        let mut under_way = UnderWay::default();
        let mut changes = Vec::with_capacity(events);
        for _ in 0..events {
            let kind = (self.mix)(self.shop.random());
            let change = self.shop.change(kind, &under_way.articles);
            let change = change.ok_or("more events than articles: take fewer")?;
            under_way.begin(&change);
            changes.push(change);
        }
        let writes = changes.iter().map(|change| self.writer.write(change));
        let mut writes = stream::iter(writes).buffer_unordered(WRITES_AT_ONCE);
        while writes.try_next().await?.is_some() {}
        drop(writes);
        self.world.indexed().await?;
        let before = self.before()?;
        for change in &changes {
            let is_deletion = change.kind == Kind::Deleted;
            self.watch.with(|seen| seen.begin(change.article, change.version, is_deletion, Instant::now()));
        }
        let announced = changes.iter().map(|change| self.writer.announce(change.article, Timestamp::now()));
        let mut announced = stream::iter(announced).buffer_unordered(WRITES_AT_ONCE);
        while announced.try_next().await?.is_some() {}
        drop(announced);
        self.settle(&mut under_way).await?;
        self.report(&before, events)
    }

    /// Waits until every own list was seen and every request is resolved.
    pub(crate) async fn settle(&mut self, under_way: &mut UnderWay) -> Result<(), Failure> {
        while self.watch.with(|seen| seen.waiting()) > 0 {
            match tokio::time::timeout(PATIENCE, self.finished.recv()).await {
                Ok(Some(version)) => under_way.finish(version),
                _ => return Err(self.stuck()),
            }
        }
        while let Ok(version) = self.finished.try_recv() {
            under_way.finish(version);
        }
        idle(self.world).await
    }

    fn stuck(&self) -> Failure {
        let waiting = self.watch.with(|seen| seen.waiting());
        format!("{waiting} events wait for their own list, and nothing comes").into()
    }

    /// What was counted and seen since `before`.
    pub(crate) fn report(&self, before: &Before, events: usize) -> Result<Value, Failure> {
        let (ended, records, bytes, progress) = self.watch.with(|seen| {
            let progress: Vec<Progress> = seen.events.values().cloned().collect();
            (seen.last_record, seen.records - before.records, seen.bytes - before.bytes, progress)
        });
        let ended = ended.ok_or("no list was published")?;
        let seconds = (ended - before.begun).as_secs_f64();
        let page = self.world.page()?;
        let mut usage = serde_json::Map::new();
        for ((name, now), (_, then)) in self.world.usage()?.into_iter().zip(before.usage) {
            if let (Some(now), Some(then)) = (now, then) {
                let spent = now.processor_seconds - then.processor_seconds;
                usage.insert(name.to_owned(), Usage { processor_seconds: spent, ..now }.to_json());
            }
        }
        Ok(json!({
            "events": events,
            "seconds": seconds,
            "lists": records,
            "went_back": self.watch.with(|seen| seen.went_back),
            "list_bytes": bytes,
            "own_list": percentiles(progress.iter().filter_map(|one| Some(one.own? - one.begun))),
            "last_list": percentiles(progress.iter().filter_map(|one| Some(one.last? - one.begun))),
            "affected_lists": progress.iter().map(|one| one.lists).sum::<usize>(),
            "without_affected": progress.iter().filter(|one| one.last.is_none()).count(),
            "worker": page.since(&before.page),
            "usage": usage,
        }))
    }
}

/// Waits until every record is resolved.
pub(crate) async fn idle(world: &World) -> Result<(), Failure> {
    let begun = Instant::now();
    while world.open_records().await? > 0 {
        if begun.elapsed() > PATIENCE {
            return Err("records stay unresolved".into());
        }
        // Polling with a bound.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Events whose own list was not seen yet.
#[derive(Default)]
pub(crate) struct UnderWay {
    articles: HashSet<usize>,
    versions: std::collections::HashMap<u64, usize>,
}

impl UnderWay {
    fn count(&self) -> usize {
        self.versions.len()
    }

    pub(crate) fn begin(&mut self, change: &Change) {
        self.articles.insert(change.article);
        self.versions.insert(change.version, change.article);
    }

    pub(crate) fn finish(&mut self, version: u64) {
        if let Some(article) = self.versions.remove(&version) {
            self.articles.remove(&article);
        }
    }
}

/// Seconds: the median, the 99th percentile and the longest.
pub(crate) fn percentiles(durations: impl Iterator<Item = Duration>) -> Value {
    let mut seconds: Vec<f64> = durations.map(|duration| duration.as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    let Some(last) = seconds.len().checked_sub(1) else { return Value::Null };
    // The smallest value that so large a share does not exceed.
    let at = |share: f64| seconds[(share * seconds.len() as f64).ceil() as usize - 1];
    json!({"count": seconds.len(), "p50": at(0.5), "p99": at(0.99), "longest": seconds[last]})
}

/// The channel on which a [`Watch`] tells of own lists.
pub(crate) fn channel() -> (mpsc::UnboundedSender<u64>, UnboundedReceiver<u64>) {
    mpsc::unbounded_channel()
}
