//! Holds what a run left behind against what must be there.

use std::collections::{BTreeMap, BTreeSet};

use lookalike::domain::embedding::ImageEmbedding;
use lookalike::domain::list::{Neighbour, NeighbourList};
use lookalike::pipeline::rank::RankingSettings;
use lookalike::similarity::Method;
use sha2::{Digest as _, Sha256};

use super::oracle::Oracle;
use super::world::log::{Broker, DEAD_LETTERS, EVENTS, SIMILAR};
use super::world::store::Store;
use crate::support::model::{Expected, Rules, list, rules};

/// Scores are promised to this.
const TOLERANCE: f64 = 1e-5;

/// Sequence and list of a published record; a tombstone has no list.
type Published = (u64, Option<NeighbourList>);

/// What is wrong, a line each.
pub(crate) struct Check<'a> {
    pub(crate) oracle: &'a Oracle,
    pub(crate) ranking: &'a RankingSettings,
    pub(crate) store: &'a Store,
    pub(crate) broker: &'a Broker,
    pub(crate) wrong: Vec<String>,
}

impl Check<'_> {
    pub(crate) fn all(mut self) -> Vec<String> {
        self.dead_letters();
        self.images_and_facts();
        self.lists();
        self.wrong
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(what());
        }
    }

    /// No record is lost, and none is thrown away that was good.
    fn dead_letters(&mut self) {
        let mut found: BTreeMap<(usize, i64), String> = BTreeMap::new();
        for (_, record) in self.broker.all(DEAD_LETTERS) {
            let header = |name: &str| record.header(name).unwrap_or_default();
            let number = |name: &str| header(name).parse::<i64>().unwrap_or(-1);
            let place =
                (usize::try_from(number("dlq.partition")).unwrap_or(usize::MAX), number("dlq.offset"));
            let origin =
                (header("dlq.topic") == EVENTS).then(|| self.broker.read(EVENTS, place.0, place.1).first());
            let same = origin
                .flatten()
                .is_some_and(|origin| origin.key == record.key && origin.value == record.value);
            self.expect(same, || format!("dead letter is not its original: {record:?}"));
            found.insert(place, header("dlq.code").to_owned());
        }
        for (place, code) in &self.oracle.dead {
            let letter = found.get(place).map(String::as_str);
            self.expect(letter == Some(code), || {
                format!("record {place:?}: dead letter {letter:?}, not {code}")
            });
        }
        for (place, code) in &found {
            let allowed = self.oracle.dead.get(place).or_else(|| self.oracle.may_be_dead.get(place));
            self.expect(allowed == Some(&code.as_str()), || {
                format!("record {place:?} is a dead letter: {code}")
            });
        }
    }

    /// What is stored is the newest of everything.
    fn images_and_facts(&mut self) {
        let (oracle, store) = (self.oracle, self.store);
        let unknown: Vec<_> = store.articles.keys().filter(|id| !oracle.articles.contains_key(*id)).collect();
        self.expect(unknown.is_empty(), || format!("nobody told of {unknown:?}"));
        for (id, article) in &oracle.articles {
            let live: BTreeMap<_, _> = store
                .images_of(id)
                .filter(|point| !point.image.deleted)
                .map(|point| (&point.image.image_id, point))
                .collect();
            let same = live.keys().copied().eq(article.images.keys());
            self.expect(same, || format!("{id}: images {:?}, not {:?}", live.keys(), article.images.keys()));
            let stored = store.articles.get(id);
            for (image_id, image) in &article.images {
                let Some(point) = live.get(image_id) else { continue };
                let same = point.image.version == image.version
                    && point.image.uri.as_ref() == Some(&image.uri)
                    && point.image.content_hash == Some(hash(&image.bytes))
                    && point.embedding.as_ref().map(numbers) == super::world::encoder::seen(&image.bytes)
                    && stored.is_some_and(|stored| {
                        let fields = &stored.facts.fields;
                        (&point.categories, &point.group) == (&fields.categories, &fields.group)
                    });
                self.expect(same, || format!("{id}/{image_id}: {point:?}, not {image:?}"));
            }
            let (text_version, text) =
                article.text.clone().map_or((None, None), |(at, text)| (Some(at), Some(text)));
            let text = text.unwrap_or_default();
            let item = oracle.items.get(id);
            let same = match stored {
                // Nothing that came of it was newer than its deletion, or worked.
                None => item.is_none() && article.text.is_none() && article.deleted.is_none(),
                Some(stored) => {
                    let facts = &stored.facts;
                    facts.text_version == text_version
                        && facts.deleted_version == article.deleted
                        && facts.fields.title == text.title
                        && facts.fields.categories == text.categories
                        && facts.fields.group == text.group
                        && facts.image_count == article.images.len()
                        && stored.text.as_ref().map(|text| text.as_slice())
                            == item.and_then(|item| item.text.as_deref())
                }
            };
            self.expect(same, || format!("{id}: {stored:?}, not {article:?}"));
        }
    }

    /// Stored and published lists are right.
    fn lists(&mut self) {
        let published = self.published();
        let rules = rules(self.ranking);
        let oracle = self.oracle;
        for id in oracle.articles.keys() {
            let wanted = oracle.items.contains_key(id).then(|| list(id, &oracle.items, &rules));
            let last = published.get(id);
            let found = last.and_then(|(_, list)| list.as_ref());
            self.list("published", id, found.map(|list| &list.neighbours[..]), wanted.as_deref(), &rules);
            if let Some(list) = found.filter(|list| !list.neighbours.is_empty()) {
                let version = oracle.articles[id].version();
                self.expect(list.version == version, || {
                    format!("{id}: version {}, not {version}", list.version)
                });
            }
            let stored = self.store.list_of(id);
            let neighbours = stored.list(id, self.ranking.k).map(|list| list.neighbours);
            self.list("stored", id, neighbours.as_deref(), wanted.as_deref(), &rules);
            let sequence = last.map_or(0, |(sequence, _)| *sequence);
            let same = stored.state.published == sequence;
            self.expect(same, || {
                format!("{id}: stored as published {}, not {sequence}", stored.state.published)
            });
            let at = stored.published_at.and_then(|place| {
                let partition = usize::try_from(place.partition).ok()?;
                self.broker.read(SIMILAR, partition, place.offset).first()?.header("sequence")?.parse().ok()
            });
            self.expect(at.unwrap_or(0) == sequence, || {
                format!("{id}: {sequence} is not at {:?}", stored.published_at)
            });
        }
    }

    /// The lists that a consumer has who drops lower sequences: the last records. One
    /// sequence, one list.
    fn published(&mut self) -> BTreeMap<String, Published> {
        let mut newest: BTreeMap<String, Published> = BTreeMap::new();
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        let mut seen: BTreeMap<(String, u64), Option<Vec<u8>>> = BTreeMap::new();
        for (_, record) in self.broker.all(SIMILAR) {
            let key = String::from_utf8(record.key.clone().unwrap_or_default()).unwrap_or_default();
            let list: Option<NeighbourList> =
                record.value.as_ref().and_then(|value| serde_json::from_slice(value).ok());
            let sequence = record.header("sequence").and_then(|text| text.parse().ok()).unwrap_or(0);
            let read = record.value.is_some() == list.is_some();
            let named = list.as_ref().is_none_or(|list| list.article_id == key && list.sequence == sequence);
            self.expect(read && named, || format!("not a list: {record:?}"));
            let first = seen.entry((key.clone(), sequence)).or_insert_with(|| record.value.clone()).clone();
            self.expect(first == record.value, || format!("two lists of {key} are number {sequence}"));
            last.insert(key.clone(), sequence);
            if newest.get(&key).is_none_or(|(before, _)| *before <= sequence) {
                newest.insert(key, (sequence, list));
            }
        }
        for (key, (sequence, _)) in &newest {
            let last = last.get(key);
            self.expect(last == Some(sequence), || {
                format!("{key}: the last record is {last:?}, the newest {sequence}")
            });
        }
        newest
    }

    fn list(
        &mut self,
        what: &str,
        id: &str,
        found: Option<&[Neighbour]>,
        wanted: Option<&[Expected]>,
        rules: &Rules,
    ) {
        let same = match (found, wanted) {
            (None, None) => true,
            (Some(found), Some(wanted)) => self.same_list(id, found, wanted, rules),
            (Some(_), None) | (None, Some(_)) => false,
        };
        let brief =
            |one: &Neighbour| format!("{} {} {:?} @{}", one.article_id, one.score, one.pairs, one.version);
        self.expect(same, || {
            let found = found.map(|found| found.iter().map(brief).collect::<Vec<_>>());
            let wanted: Option<Vec<_>> = wanted.map(|wanted| {
                wanted.iter().map(|one| format!("{} {} {:?}", one.article_id, one.score, one.pairs)).collect()
            });
            format!("{id}: {what} list {found:?}, not {wanted:?}")
        });
    }

    fn same_list(&self, id: &str, found: &[Neighbour], wanted: &[Expected], rules: &Rules) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= TOLERANCE;
        let same_score = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => close(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        // Means of sets are rounded, and so may be equal here and not there.
        let rounded = rules.method == Method::Pooled;
        let swapped = |found: &Neighbour, wanted: &Expected| {
            let others = list(id, &self.oracle.items, &Rules { k: usize::MAX, ..rules.clone() });
            let own = others.iter().find(|other| other.article_id == found.article_id);
            rounded && own.is_some_and(|own| (own.score - wanted.score).abs() < 1e-6)
        };
        let same = |(found, wanted): (&Neighbour, &Expected)| {
            let version = self.oracle.articles.get(&found.article_id).map(super::oracle::Article::version);
            let whole = found.pairs.is_empty() || rules.method == Method::Optimal;
            let pairs: BTreeSet<_> = found.pairs.iter().map(|pair| (&pair.0, &pair.1)).collect();
            let wanted_pairs: BTreeSet<_> = wanted.pairs.iter().map(|pair| (&pair.0, &pair.1)).collect();
            let same = found.article_id == wanted.article_id
                && same_score(found.image_score, wanted.image_score)
                && same_score(found.text_score, wanted.text_score)
                && same_score(found.coverage, wanted.coverage)
                && (whole || pairs == wanted_pairs);
            version == Some(found.version)
                && close(found.score, wanted.score)
                && (same || swapped(found, wanted))
        };
        found.len() == wanted.len() && found.iter().zip(wanted).all(same)
    }
}

/// Its own vector, then those of its variants.
fn numbers(embedding: &ImageEmbedding) -> Vec<Vec<f32>> {
    embedding.all().map(|one| one.as_slice().to_vec()).collect()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
