//! The baseline that one writes first: whenever an article changes, search again for
//! every article whose list it was in or is in now.
//!
//! Guarantee: the same writes, searches, vectors and comparison as the worker's, as many
//! at once; nothing is kept in memory, no bar saves a search, and a list that another
//! event wrote meanwhile is not made again. It finds fewer affected lists than there are: an article can
//! belong in a list whose owner is not in its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use list_maintenance::{Entries, List, Mark, Revision, Score, Stored};
use lookalike::config::Config;
use lookalike::domain::list::Entry;
use lookalike::ports::{Catalogue as _, Outgoing, Ranked};
use lookalike::similarity::Packed;
use lookalike::similarity::compare::Comparison;
use serde_json::{Value, json};

use crate::Failure;
use crate::searches::candidates;
use crate::shop::{Change, DIMENSION, Kind, Shop, id};
use crate::world::{OTHER_LISTS, World};
use crate::writer::Writer;

/// What every search works with.
struct Baseline<'w> {
    config: &'w Config,
    comparison: Comparison,
    writer: Writer,
    /// The lists as they were last written here.
    lists: Mutex<HashMap<String, Vec<String>>>,
}

/// Searches made and lists written.
#[derive(Default)]
struct Counts {
    searches: u64,
    lists: u64,
}

/// Has events happen until the time is over.
pub(crate) async fn run(
    world: &World,
    shop: &mut Shop,
    writer: Writer,
    time: Duration,
) -> Result<Value, Failure> {
    let config = &world.config;
    let comparison = config.ranking.comparison();
    let baseline = Baseline { config, comparison, writer, lists: Mutex::default() };
    let at_once = config.rank_jobs.max_concurrent_articles;
    let begun = Instant::now();
    let changes = std::iter::from_fn(|| {
        let kind = Kind::any(shop.random());
        // An article that changes twice at a time costs the same.
        (begun.elapsed() < time).then(|| shop.change(kind, &std::collections::HashSet::new())).flatten()
    });
    let events = stream::iter(changes).map(|change| baseline.event(change));
    let mut events = events.buffer_unordered(at_once);
    let (mut count, mut total, mut seconds) = (0_u64, Counts::default(), Vec::new());
    while let Some((counts, taken)) = events.try_next().await? {
        count += 1;
        total.searches += counts.searches;
        total.lists += counts.lists;
        seconds.push(taken);
    }
    drop(events);
    Ok(json!({
        "events": count,
        "searches": total.searches,
        "lists": total.lists,
        "seconds": begun.elapsed().as_secs_f64(),
        "last_list": crate::churn::percentiles(seconds.into_iter()),
        "at_once": at_once,
    }))
}

impl Baseline<'_> {
    async fn event(&self, change: Change) -> Result<(Counts, Duration), Failure> {
        let begun = Instant::now();
        self.writer.write(&change).await?;
        let article_id = id(change.article);
        let before = self.list(&article_id).await?;
        let mut counts = Counts::default();
        let after = self.search(&article_id, &mut counts).await?;
        let affected: BTreeSet<String> = before.into_iter().chain(after).collect();
        for other in &affected {
            self.search(other, &mut counts).await?;
        }
        Ok((counts, begun.elapsed()))
    }

    async fn list(&self, article_id: &str) -> Result<Vec<String>, Failure> {
        let kept = self.lists.lock().map_err(|_| "a search panicked")?.get(article_id).cloned();
        if let Some(list) = kept {
            return Ok(list);
        }
        let ranked = self.writer.catalogue.ranked(article_id).await?;
        let list = ranked.list(article_id, self.config.ranking.k);
        Ok(list.into_iter().flat_map(|list| list.neighbours).map(|one| one.article_id).collect())
    }

    /// Makes one list anew, writes and publishes it.
    async fn search(&self, article_id: &str, counts: &mut Counts) -> Result<Vec<String>, Failure> {
        let catalogue = &self.writer.catalogue;
        let own = catalogue.profiles(&[article_id.to_owned()]).await?.remove(article_id);
        let Some(own) = own.filter(|own| !own.is_empty()) else { return Ok(Vec::new()) };
        counts.searches += 1;
        let found = candidates(catalogue, self.config, &own).await?;
        let profiles = catalogue.profiles(&found.article_ids).await?;
        let others = profiles.values().map(|profile| Packed::of(profile, DIMENSION));
        let others: Vec<Packed> = others.collect::<Result<_, _>>()?;
        let own = Packed::of(&own, DIMENSION)?;
        let neighbours = self.comparison.rank(&own, &others, self.config.ranking.k);
        counts.lists += 1;
        let ids: Vec<String> = neighbours.iter().map(|one| one.article_id.clone()).collect();
        let value = serde_json::to_vec(&neighbours)?;
        let key = Some(article_id.as_bytes());
        let record = Outgoing { topic: OTHER_LISTS, key, value: Some(&value), headers: &[] };
        self.writer.producer.send(&record).await?;
        self.store(article_id, &own, &others).await?;
        self.lists.lock().map_err(|_| "a search panicked")?.insert(article_id.to_owned(), ids.clone());
        Ok(ids)
    }

    async fn store(&self, article_id: &str, own: &Packed, others: &[Packed]) -> Result<(), Failure> {
        let mut comparer = self.comparison.comparer();
        let entries = others.iter().filter_map(|other| {
            let (score, detail) = comparer.compare(own, other)?;
            let (id, revision) = (other.article_id.clone(), Revision(0));
            Some(Entry { id, score: Score(score), revision, detail: Arc::new(detail) })
        });
        let entries = Entries::ranked(entries.collect(), true, self.config.ranking.sizes());
        let holds = entries.as_slice().iter().map(|entry| entry.id.clone()).collect();
        let list = Some(List { revision: Revision(0), entries });
        // Higher than any that the worker has made.
        let sequence = 1 << 40;
        let writes = self.writer.catalogue.glance(article_id).await?.writes;
        let state = Stored { sequence, ranking: 0, mark: Mark::Clear, list, holds, published: sequence };
        let ranked = Ranked { state, published_version: own.version, writes, ..Ranked::default() };
        Ok(self.writer.catalogue.store(article_id, &ranked).await?)
    }
}
