//! What must be there in the end: the newest version of everything, from the events in
//! the log alone, and the lists by definition.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Change, Event, Planned, Text};
use super::worker::MAX_IMAGE_BYTES;
use super::world::encoder;
use super::world::log::{Broker, EVENTS};
use super::world::objects::{ALLOWED, Objects};
use crate::support::model::Item;

/// An image that is live in the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Image {
    pub(crate) version: u64,
    pub(crate) uri: String,
    pub(crate) bytes: Vec<u8>,
}

/// An article in the end.
#[derive(Debug, Default)]
pub(crate) struct Article {
    pub(crate) images: BTreeMap<String, Image>,
    pub(crate) text: Option<(u64, Text)>,
    pub(crate) deleted: Option<u64>,
}

/// A record by its place in the events topic.
pub(crate) type Place = (usize, i64);

/// Everything that must be there.
#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) articles: BTreeMap<String, Article>,
    /// Living articles as the model compares them.
    pub(crate) items: BTreeMap<String, Item>,
    /// Records that must be dead letters, with their codes.
    pub(crate) dead: BTreeMap<Place, &'static str>,
    /// Records that may be: a newer event may have come first.
    pub(crate) may_be_dead: BTreeMap<Place, &'static str>,
}

/// An event at its place, with the version that orders it.
struct Seen<'a> {
    place: Place,
    version: u64,
    change: &'a Change,
}

impl Oracle {
    pub(crate) fn of(broker: &Broker, planned: &[Planned], objects: &Objects) -> Self {
        let mut oracle = Self::default();
        let mut events: BTreeMap<&str, Vec<Seen<'_>>> = BTreeMap::new();
        for (partition, record) in broker.all(EVENTS) {
            let place = (partition, record.offset);
            let number: usize = record.header("n").unwrap().parse().unwrap();
            match &planned[number] {
                Planned::Malformed(code) => {
                    oracle.dead.insert(place, code);
                }
                Planned::Event(Event { article, version, change }) => {
                    let version = version.unwrap_or(record.offset.unsigned_abs());
                    events.entry(article).or_default().push(Seen { place, version, change });
                }
            }
        }
        for (id, mut events) in events {
            // Newest first; of equal versions the later record.
            events.sort_by_key(|event| std::cmp::Reverse((event.version, event.place.1)));
            let article = oracle.article(&events, objects);
            if let Some(item) = item(&article) {
                oracle.items.insert(id.to_owned(), item);
            }
            oracle.articles.insert(id.to_owned(), article);
        }
        oracle
    }

    fn article(&mut self, newest_first: &[Seen<'_>], objects: &Objects) -> Article {
        let deletions = newest_first.iter().filter(|event| *event.change == Change::NoArticle);
        let deleted = deletions.map(|event| event.version).max();
        let mut article = Article { deleted, ..Article::default() };
        let mut settled: BTreeSet<&str> = BTreeSet::new();
        for Seen { place, version, change } in newest_first {
            let outlives = Some(*version) >= deleted;
            match change {
                Change::NoArticle => {}
                Change::Text(text) => {
                    if outlives && article.text.is_none() {
                        article.text = Some((*version, text.clone()));
                    }
                }
                Change::NoImage { image } => {
                    settled.insert(image);
                }
                Change::Image { image, uri } => {
                    match (file(uri, objects), outlives && !settled.contains(image.as_str())) {
                        (Err(code), true) => {
                            self.dead.insert(*place, code);
                        }
                        (Err(code), false) => {
                            self.may_be_dead.insert(*place, code);
                        }
                        (Ok(bytes), true) => {
                            settled.insert(image);
                            let stored = Image { version: *version, uri: uri.clone(), bytes: bytes.to_vec() };
                            article.images.insert(image.clone(), stored);
                        }
                        (Ok(_), false) => {}
                    }
                }
            }
        }
        article
    }
}

/// The file of an event, or the code of its dead letter.
fn file<'a>(uri: &str, objects: &'a Objects) -> Result<&'a [u8], &'static str> {
    if !uri.starts_with(ALLOWED) {
        return Err("forbidden_uri");
    }
    let bytes = objects.get(uri).ok_or("missing")?;
    if bytes.len() as u64 > MAX_IMAGE_BYTES {
        return Err("too_large");
    }
    if encoder::seen(bytes).is_none() { Err("corrupt") } else { Ok(bytes) }
}

impl Article {
    /// Highest version of what is left of it.
    pub(crate) fn version(&self) -> u64 {
        let images = self.images.values().map(|image| image.version).max();
        images.max(self.text.as_ref().map(|(version, _)| *version)).max(self.deleted).unwrap_or(0)
    }
}

fn item(article: &Article) -> Option<Item> {
    let (_, text) = article.text.clone().unwrap_or_default();
    let categories = text.categories.join(", ");
    let lines: Vec<&str> = [text.title.as_deref().unwrap_or(""), &categories]
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect();
    let document = lines.join("\n");
    let images = article.images.iter().map(|(id, image)| (id.clone(), encoder::seen(&image.bytes).unwrap()));
    let item = Item {
        images: images.collect(),
        text: (!document.is_empty()).then(|| encoder::read(&document)),
        categories: text.categories,
        group: text.group,
    };
    (!item.images.is_empty() || item.text.is_some()).then_some(item)
}
