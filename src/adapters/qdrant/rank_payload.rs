//! The payloads of an article's ranking state.
//!
//! Ranking keeps its state in two points of the list collection: the entries of the list
//! with their explanations, which are most of it and seldom read, and the rest, which
//! every glance reads and every claim replaces. A point is replaced as a whole, so that
//! many lists are one write, which for a Qdrant server is one entry of its log. (Payloads
//! of many points, set one by one, are as many entries, each with a sync to disk: twenty
//! times as slow, measured on 1.18.)
//!
//! Guarantee: what is written is read back equal, to the last bit of every score. Keys
//! that were not asked for read as never ranked. Entries are read only beside the state
//! they were stored with: one that yielded to a claim may have replaced them, and a list
//! that is lost so reads as one that is being searched for.
//!
//! Entries are one JSON text: as nested payload values they cost ten times as much to
//! encode, and nothing searches in them.

use std::collections::HashMap;
use std::sync::Arc;

use list_maintenance::{Bar, Entries, List, Mark, Revision, Score, Sizes, Stored};
use qdrant_client::Payload;
use qdrant_client::qdrant::Value;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::StoreError;
use super::payload::{corrupt_json, hexadecimal, key, object, read};
use crate::domain::event::Version;
use crate::domain::list::{Entry, Explanation, RankState, Why};
use crate::domain::rank_request;
use crate::ports::{Content, FactsMark, Glance, Place, Ranked};

/// The entries of a state, if it has a list.
pub(super) fn of_entries(article_id: &str, ranked: &Ranked) -> Option<Payload> {
    let list = ranked.state.list.as_ref()?;
    let entries: Vec<WrittenEntry<'_>> = list.entries.as_slice().iter().map(WrittenEntry::from).collect();
    // String keys and finite numbers: it is always JSON.
    let entries = serde_json::to_string(&entries).unwrap_or_default();
    Some(Payload::from(object(Ok(json!({
        key::ARTICLE_ID: article_id,
        key::WRITES: ranked.list_writes,
        key::ENTRIES: entries,
    })))))
}

/// A state without its entries.
pub(super) fn of_ranked(article_id: &str, ranked: &Ranked) -> Payload {
    let state = &ranked.state;
    let list = state.list.as_ref();
    let horizon = list.and_then(|list| list.entries.horizon());
    Payload::from(object(Ok(json!({
        key::ARTICLE_ID: article_id,
        key::WRITES: ranked.writes,
        key::LIST_WRITES: ranked.list_writes,
        key::SEQUENCE: state.sequence,
        key::RANKING: hexadecimal(state.ranking),
        key::DIRTY: state.mark != Mark::Clear,
        key::SEARCHING: state.mark == Mark::Searching,
        key::LIST_IDS: state.holds,
        key::TAU: horizon.map(|place| place.score.0),
        key::HORIZON_ID: horizon.map(|place| &place.id),
        key::LIST_REVISION: list.map(|list| hexadecimal(list.revision.0)),
        key::PUBLISHED: state.published,
        key::PUBLISHED_VERSION: ranked.published_version,
        key::PUBLISHED_PARTITION: ranked.published_at.map(|place| place.partition),
        key::PUBLISHED_OFFSET: ranked.published_at.map(|place| place.offset),
    }))))
}

#[derive(Serialize)]
struct WrittenEntry<'a> {
    article_id: &'a str,
    score: f64,
    #[serde(with = "rank_request::hexadecimal")]
    revision: u64,
    why: &'a Explanation,
}

impl<'a> From<&'a Entry> for WrittenEntry<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self { article_id: &entry.id, score: entry.score.0, revision: entry.revision.0, why: &entry.detail }
    }
}

#[derive(Deserialize)]
struct ReadEntry {
    article_id: String,
    score: f64,
    #[serde(with = "rank_request::hexadecimal")]
    revision: u64,
    why: Explanation,
}

impl From<ReadEntry> for Entry {
    fn from(ReadEntry { article_id, score, revision, why }: ReadEntry) -> Self {
        Self { id: article_id, score: Score(score), revision: Revision(revision), detail: Arc::new(why) }
    }
}

/// A whole state, entries included.
pub(super) const RANKED_KEYS: [&str; 16] = [
    key::ARTICLE_ID,
    key::WRITES,
    key::SEQUENCE,
    key::RANKING,
    key::DIRTY,
    key::SEARCHING,
    key::LIST_IDS,
    key::TAU,
    key::HORIZON_ID,
    key::LIST_REVISION,
    key::LIST_WRITES,
    key::ENTRIES,
    key::PUBLISHED,
    key::PUBLISHED_VERSION,
    key::PUBLISHED_PARTITION,
    key::PUBLISHED_OFFSET,
];

/// What tells which write of a state is in force.
pub(super) const GLANCE_KEYS: [&str; 3] = [key::ARTICLE_ID, key::WRITES, key::RANKING];

/// What tells whether a published list is the newest.
pub(super) const PUBLISHING_KEYS: [&str; 7] = [
    key::ARTICLE_ID,
    key::SEQUENCE,
    key::DIRTY,
    key::SEARCHING,
    key::PUBLISHED,
    key::PUBLISHED_PARTITION,
    key::PUBLISHED_OFFSET,
];

/// What tells the bar. The list's revision only tells whether there is a list.
pub(super) const BAR_KEYS: [&str; 5] =
    [key::ARTICLE_ID, key::SEQUENCE, key::SEARCHING, key::TAU, key::LIST_REVISION];

/// What rankings read of an article.
pub(super) const CONTENT_KEYS: [&str; 5] =
    [key::ARTICLE_ID, key::CONTENT, key::REVISION, key::IMAGE_COUNT, key::EMBEDDED_TEXT];

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    writes: u64,
    #[serde(default)]
    sequence: u64,
    #[serde(default)]
    ranking: Option<String>,
    #[serde(default)]
    dirty: bool,
    #[serde(default)]
    searching: bool,
    #[serde(default)]
    list_ids: Vec<String>,
    #[serde(default)]
    tau: Option<f64>,
    #[serde(default)]
    horizon_id: Option<String>,
    #[serde(default)]
    list_revision: Option<String>,
    #[serde(default)]
    list_writes: u64,
    #[serde(default)]
    published: u64,
    #[serde(default)]
    published_version: Version,
    #[serde(default)]
    published_partition: Option<i32>,
    #[serde(default)]
    published_offset: Option<i64>,
}

/// Number of a hexadecimal name; what was never written has none, and reads as 0.
fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0)
}

/// The points of a state, as they are read together.
#[derive(Default)]
pub(super) struct Parts {
    state: HashMap<String, Value>,
    entries: HashMap<String, Value>,
}

impl Parts {
    pub(super) fn add(&mut self, payload: HashMap<String, Value>) {
        if payload.contains_key(key::ENTRIES) {
            self.entries = payload;
        } else {
            self.state = payload;
        }
    }
}

/// A state with its list.
pub(super) fn ranked(collection: &str, parts: Parts, sizes: Sizes) -> Result<Ranked, StoreError> {
    let read: State = read(collection, parts.state)?;
    let (revision, horizon) = (read.list_revision.clone(), read.horizon());
    let mut ranked = Ranked::from(read);
    let Some(revision) = revision else { return Ok(ranked) };
    let written = parts.entries.get(key::WRITES).and_then(Value::as_integer);
    let is_whole = written.and_then(|number| u64::try_from(number).ok()) == Some(ranked.list_writes);
    let text = parts.entries.get(key::ENTRIES).and_then(|text| text.as_str());
    match text.filter(|_| is_whole) {
        Some(text) => {
            let entries: Vec<ReadEntry> =
                serde_json::from_str(text).map_err(|error| corrupt_json(collection, &error))?;
            let entries = entries.into_iter().map(Entry::from).collect();
            let entries = Entries::restored(entries, horizon, sizes);
            ranked.state.list = Some(List { revision: Revision(number(Some(&revision))), entries });
        }
        None => ranked.state.mark = Mark::Searching,
    }
    Ok(ranked)
}

/// A state without its list.
pub(super) fn without_list(collection: &str, parts: Parts) -> Result<Ranked, StoreError> {
    read::<State>(collection, parts.state).map(Ranked::from)
}

pub(super) fn glance(collection: &str, parts: Parts) -> Result<Glance, StoreError> {
    let ranked = without_list(collection, parts)?;
    Ok(Glance { writes: ranked.writes, ranking: ranked.state.ranking })
}

/// The bar of a state, for which its entries are not needed.
pub(super) fn bar(collection: &str, parts: Parts) -> Result<Bar, StoreError> {
    let read: State = read(collection, parts.state)?;
    let horizon = read.tau.map(|score| list_maintenance::Place { score: Score(score), id: String::new() });
    let list = read.list_revision.as_deref().map(|revision| List {
        revision: Revision(number(Some(revision))),
        entries: Entries::<String, Why>::restored(Vec::new(), horizon, Sizes { k: 1, kept: 1 }),
    });
    let mark = if read.searching { Mark::Searching } else { Mark::Clear };
    Ok(Stored { sequence: read.sequence, mark, list, ..RankState::default() }.bar())
}

impl State {
    fn horizon(&self) -> Option<list_maintenance::Place<String>> {
        self.tau
            .zip(self.horizon_id.clone())
            .map(|(score, id)| list_maintenance::Place { score: Score(score), id })
    }
}

impl From<State> for Ranked {
    fn from(read: State) -> Self {
        let mark = match (read.searching, read.dirty) {
            (true, _) => Mark::Searching,
            (false, true) => Mark::Editing,
            (false, false) => Mark::Clear,
        };
        let state = RankState {
            sequence: read.sequence,
            ranking: number(read.ranking.as_deref()),
            mark,
            list: None,
            holds: read.list_ids,
            published: read.published,
        };
        let place = read.published_partition.zip(read.published_offset);
        Self {
            state,
            published_version: read.published_version,
            published_at: place.map(|(partition, offset)| Place { partition, offset }),
            writes: read.writes,
            list_writes: read.list_writes,
        }
    }
}

#[derive(Deserialize)]
struct Facts {
    #[serde(default)]
    revision: Version,
    #[serde(default)]
    image_count: u64,
    #[serde(default)]
    embedded_text: bool,
}

pub(super) fn content(collection: &str, payload: HashMap<String, Value>) -> Result<Content, StoreError> {
    let revision = revision(&payload);
    let Facts { revision: version, image_count, embedded_text } = read(collection, payload)?;
    Ok(Content { revision, version, is_empty: image_count == 0 && !embedded_text })
}

/// Revision of an article.
fn revision(payload: &HashMap<String, Value>) -> Revision {
    Revision(number(payload.get(key::CONTENT).and_then(|text| text.as_str()).map(String::as_str)))
}

/// Which write of the article's facts is in force.
pub(super) fn facts_mark(payload: &HashMap<String, Value>) -> FactsMark {
    FactsMark { sequence: facts_sequence(payload), revision: revision(payload) }
}

/// Number of the last write of the facts.
pub(super) fn facts_sequence(payload: &HashMap<String, Value>) -> u64 {
    let number = payload.get(key::FACTS_SEQUENCE).and_then(Value::as_integer);
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// Somebody has claimed a write of text and facts, and the facts are not written.
pub(super) fn is_unfinished(payload: &HashMap<String, Value>) -> bool {
    payload.get(key::FACTS_CLAIM).is_some_and(|claim| payload.get(key::CONTENT) != Some(claim))
}
