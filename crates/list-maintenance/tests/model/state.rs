//! The world of the model: store, topics, owners, and what is still allowed to happen.

use std::collections::BTreeMap;

use list_maintenance::ranking::Step;
use list_maintenance::{Claim, Entry, Place, Request, Revision, Score, Stored, View};

pub(crate) type Id = u8;
pub(crate) type Message = Request<Id, ()>;
/// What an article is compared by; `None`: nothing to compare.
pub(crate) type Content = Option<u8>;
/// A published list without revisions, best first; `None`: a tombstone.
pub(crate) type Published = Option<Vec<Place<Id>>>;

/// An event of the catalogue: this version sets this content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Event {
    pub(crate) article: Id,
    pub(crate) version: u8,
    pub(crate) content: Content,
}

/// How far the work on an event is. Each side effect is a step of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Progress {
    Waiting,
    Written,
    Labelled,
    Announced,
}

/// One article in the store. Content is written before the revision that labels it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Article {
    pub(crate) content: Content,
    pub(crate) version: u8,
    pub(crate) label: u8,
    pub(crate) stored: Stored<Id, ()>,
}

/// A record of the rank topic, with the label its article had when it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) message: Message,
    pub(crate) label: u8,
}

/// The rank topic's records of one article.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Queue {
    pub(crate) records: Vec<Record>,
    pub(crate) committed: usize,
}

/// The published topic's records of one article: what a log reader and what a consumer
/// that drops lower sequences has in the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Topic {
    pub(crate) last: (u64, Published),
    pub(crate) newest: (u64, Published),
    /// Two different lists came with the same sequence.
    pub(crate) torn: bool,
    /// The watch has seen the last record.
    pub(crate) watched: bool,
}

/// A ranking under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Running {
    pub(crate) step: Step<Id, ()>,
    /// The records it does.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The article's content as last read.
    pub(crate) own: Content,
    /// Articles a search has found and not yet read.
    pub(crate) hits: Option<Vec<Id>>,
    /// Requests that are sent already.
    pub(crate) sent: usize,
    /// A list it has not yet published, though it should have.
    pub(crate) held_back: Option<(u64, Published)>,
}

/// A write to the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Write {
    Claim(Claim<Id>),
    Store(Stored<Id, ()>),
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) articles: Vec<Article>,
    pub(crate) events: Vec<Progress>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) topics: Vec<Topic>,
    /// The ranking of each article's owner.
    pub(crate) owners: Vec<Option<Running>>,
    /// The ranking of a former owner, who was paused or whose writes are late.
    pub(crate) former: Vec<Option<Running>>,
    /// Second arrivals of writes that were sent twice.
    pub(crate) echoes: Vec<(Id, Write)>,
    pub(crate) names: Vec<u8>,
    /// The state of each article as an owner last knew it, who may be another one by now.
    pub(crate) remembered: Vec<Option<Stored<Id, ()>>>,
    pub(crate) rebalances: u8,
    pub(crate) replays: u8,
    pub(crate) duplicates: u8,
    pub(crate) repeats: u8,
}

impl World {
    pub(crate) fn view(&self, article: Id, others: &[Id]) -> View<Id, ()> {
        let read = &self.articles[article as usize];
        let revision = |id: Id| Revision(u64::from(self.articles[id as usize].label));
        let others: BTreeMap<Id, Revision> = others.iter().map(|other| (*other, revision(*other))).collect();
        View {
            revision: revision(article),
            is_empty: read.content.is_none(),
            stored: read.stored.clone(),
            others,
        }
    }

    pub(crate) fn send(&mut self, to: Id, message: Message) {
        let label = self.articles[to as usize].label;
        self.queues[to as usize].records.push(Record { message, label });
    }

    pub(crate) fn publish(&mut self, article: Id, sequence: u64, list: Published) {
        let topic = &mut self.topics[article as usize];
        topic.torn |= topic.newest.0 == sequence && topic.newest.1 != list;
        topic.last = (sequence, list.clone());
        if sequence >= topic.newest.0 {
            topic.newest = (sequence, list);
        }
        topic.watched = false;
    }

    /// No event, request or ranking is left.
    pub(crate) fn is_idle(&self) -> bool {
        self.events.iter().all(|progress| *progress == Progress::Announced)
            && self.queues.iter().all(|queue| queue.committed == queue.records.len())
            && self.echoes.is_empty()
            && self.owners.iter().chain(&self.former).all(Option::is_none)
    }
}

/// How close two contents are.
pub(crate) fn score(a: Content, b: Content, reach: u8) -> Option<Score> {
    let apart = a?.abs_diff(b?);
    (apart <= reach).then(|| Score(f64::from(10 - apart)))
}

pub(crate) fn plain(entries: &[Entry<Id, ()>]) -> Vec<Place<Id>> {
    entries.iter().map(|entry| Place { score: entry.score, id: entry.id }).collect()
}
