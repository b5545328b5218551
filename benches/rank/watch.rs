//! What a reader of the published lists sees, and when.
//!
//! Guarantee: an event's own list counts when a record of that article shows the
//! event's version or a later one (a tombstone, if it was deleted); a list counts as
//! affected by an event when it first shows the changed article at the event's version,
//! or no longer shows an article that was deleted. Moments are those of receipt. Not
//! counted is an article that moves up into the place of a better one that left: it does
//! so when the other changes, however long after its own event; nor one that a list's own
//! change brings in. Nor is a list that an article leaves because it moved away: that
//! cannot be told from being displaced.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Deserialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::Failure;
use crate::shop;

/// A published record, as far as it is looked at.
#[derive(Deserialize)]
struct Record<'a> {
    version: u64,
    #[serde(borrow)]
    neighbours: Vec<Neighbour<'a>>,
}

#[derive(Deserialize)]
struct Neighbour<'a> {
    article_id: &'a str,
    version: u64,
    score: f64,
}

/// An entry of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) article: usize,
    pub(crate) version: u64,
    pub(crate) score: f64,
}

/// A list as it was published.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    /// Of the article whose list it is.
    pub(crate) version: u64,
    pub(crate) entries: Vec<Shown>,
}

/// What became of an event.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(crate) article: usize,
    pub(crate) begun: Instant,
    pub(crate) own: Option<Instant>,
    /// Lists of others that changed, and when the last of them did.
    pub(crate) lists: usize,
    pub(crate) last: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// Events by version.
    pub(crate) events: HashMap<u64, Progress>,
    /// Events of an article whose own list was not seen yet.
    open: HashMap<usize, BTreeMap<u64, ()>>,
    /// Deleted articles and the version of the event.
    deleted: HashMap<usize, u64>,
    /// Each article's list as it was last published.
    pub(crate) lists: HashMap<usize, List>,
    pub(crate) records: u64,
    /// Lists that showed an article at an older version than the one before.
    pub(crate) went_back: u64,
    pub(crate) bytes: u64,
    pub(crate) last_record: Option<Instant>,
}

impl Seen {
    /// Begins to wait for the effects of an event.
    pub(crate) fn begin(&mut self, article: usize, version: u64, is_deletion: bool, begun: Instant) {
        self.events.insert(version, Progress { article, begun, own: None, lists: 0, last: None });
        self.open.entry(article).or_default().insert(version, ());
        if is_deletion {
            self.deleted.insert(article, version);
        }
    }

    /// Events whose own list was not seen yet.
    pub(crate) fn waiting(&self) -> usize {
        self.open.values().map(BTreeMap::len).sum()
    }

    /// Takes a record in; answers the events whose own list it is.
    fn record(&mut self, article: usize, list: List, now: Instant) -> Vec<u64> {
        self.records += 1;
        self.last_record = Some(now);
        let before = self.lists.insert(article, list.clone()).unwrap_or_default();
        for shown in brought_in(&before, &list) {
            self.affected(shown.version, shown.article, article, now);
        }
        let older = |shown: &Shown| place(&before, shown).is_some_and(|then| then.version > shown.version);
        self.went_back += u64::from(list.entries.iter().any(older));
        for gone in before.entries.iter().filter(|shown| place(&list, shown).is_none()) {
            if let Some(version) = self.deleted.get(&gone.article).copied() {
                self.affected(version, gone.article, article, now);
            }
        }
        let Some(open) = self.open.get_mut(&article) else { return Vec::new() };
        let later = open.split_off(&list.version.saturating_add(1));
        let done = std::mem::replace(open, later);
        if open.is_empty() {
            self.open.remove(&article);
        }
        for version in done.keys() {
            if let Some(event) = self.events.get_mut(version) {
                event.own = Some(now);
            }
        }
        done.into_keys().collect()
    }

    fn affected(&mut self, version: u64, changed: usize, article: usize, now: Instant) {
        let event = self.events.get_mut(&version).filter(|event| event.article == changed);
        if let Some(event) = event.filter(|event| event.article != article) {
            event.lists += 1;
            event.last = Some(now);
        }
    }
}

/// The entry of the same article.
fn place<'l>(list: &'l List, shown: &Shown) -> Option<&'l Shown> {
    list.entries.iter().find(|other| other.article == shown.article)
}

/// What a list shows because the shown article changed.
fn brought_in<'l>(before: &'l List, list: &'l List) -> impl Iterator<Item = &'l Shown> {
    let left = before.entries.iter().filter(|shown| place(list, shown).is_none());
    let best_that_left = left.map(|shown| shown.score).fold(f64::NEG_INFINITY, f64::max);
    list.entries.iter().filter(move |shown| match place(before, shown) {
        Some(then) => then.version != shown.version,
        None => before.version == list.version && shown.score > best_that_left,
    })
}

/// A reader in a thread of its own. Dropped, it ends.
pub(crate) struct Watch {
    pub(crate) seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Reads `topic` from its present end on; `finished` gets the version of each event
    /// whose own list is seen.
    pub(crate) fn start(
        servers: &str,
        topic: &str,
        partitions: i32,
        finished: UnboundedSender<u64>,
    ) -> Result<Self, Failure> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", "bench.watch")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "5")
            .create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let (shared, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || read(&consumer, &shared, &stopped, &finished))?;
        Ok(Self { seen, stop, thread: Some(thread) })
    }

    /// What was seen so far.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("bench: the reader of published lists panicked");
        }
    }
}

fn read(consumer: &BaseConsumer, seen: &Mutex<Seen>, stop: &AtomicBool, finished: &UnboundedSender<u64>) {
    while !stop.load(Ordering::SeqCst) {
        let message = match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(message)) => message,
            // Whoever waits for a list will say that none comes.
            Some(Err(error)) => {
                eprintln!("bench: published lists cannot be read: {error}");
                continue;
            }
            None => continue,
        };
        let now = Instant::now();
        let key = message.key().and_then(|key| std::str::from_utf8(key).ok()).and_then(shop::number);
        let article = key.expect("the key of a list is an article of this benchmark");
        let list = match message.payload() {
            None => List { version: u64::MAX, entries: Vec::new() },
            Some(value) => {
                let record: Record = serde_json::from_slice(value).expect("a published list is JSON");
                let entries = record.neighbours.iter().map(|one| Shown {
                    article: shop::number(one.article_id).expect("a neighbour is an article"),
                    version: one.version,
                    score: one.score,
                });
                List { version: record.version, entries: entries.collect() }
            }
        };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.bytes += message.payload_len() as u64;
        for version in seen.record(article, list, now) {
            // Nobody waits any more once the run is over.
            finished.send(version).ok();
        }
    }
}
