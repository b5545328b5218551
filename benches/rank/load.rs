//! Writes a whole catalogue with the lists that the worker would have left.
//!
//! Guarantee: each list is what a complete search and the worker's own comparison give;
//! whoever doubts it compares with the exact lists before any event.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use list_maintenance::{Entries, List, Mark, Revision, Score, Sizes, Stored};
use lookalike::domain::list::{Entry, Why};
use lookalike::ports::{Catalogue as _, FactsMark, Ranked, TextWrite};
use lookalike::similarity::Packed;
use lookalike::similarity::compare::{Comparer, Comparison};

use crate::Failure;
use crate::shop::{Change, DIMENSION, Kind, Shop, id};
use crate::watch::{List as Published, Shown};
use crate::world::World;
use crate::writer::Writer;

/// Articles that are written at the same time.
const AT_ONCE: usize = 64;
/// Articles whose vectors wait to be written.
const ARTICLES_IN_MEMORY: usize = 2000;

/// Writes every article of a fresh catalogue; answers each one's published list.
pub(crate) async fn load(world: &World, shop: &Shop) -> Result<HashMap<usize, Published>, Failure> {
    let writer = Writer {
        catalogue: Arc::clone(&world.catalogue),
        producer: world.producer.clone(),
        topic: world.config.kafka.topics.rank.clone(),
    };
    let sizes = world.config.ranking.sizes();
    let mut lists = Lists::new(shop, world)?;
    let mut clusters: HashMap<usize, Vec<usize>> = HashMap::new();
    for article in shop.live().iter().filter(|article| Some(**article) != shop.hub()) {
        clusters.entry(shop.articles[*article].cluster).or_default().push(*article);
    }
    let mut shown = HashMap::with_capacity(shop.live().len());
    let mut waiting = Vec::new();
    for members in clusters.values() {
        waiting.extend(lists.of_cluster(members)?);
        if waiting.len() >= ARTICLES_IN_MEMORY {
            write(&writer, &waiting, sizes.k, &mut shown).await?;
            waiting.clear();
        }
    }
    waiting.extend(lists.of_hub()?);
    write(&writer, &waiting, sizes.k, &mut shown).await?;
    Ok(shown)
}

/// Writes articles with their lists, and notes what is published of them.
async fn write(
    writer: &Writer,
    articles: &[(Change, Ranked)],
    k: usize,
    shown: &mut HashMap<usize, Published>,
) -> Result<(), Failure> {
    let mut writes = stream::iter(articles.iter().map(|(change, ranked)| async move {
        writer.write(change).await?;
        writer.catalogue.store(&id(change.article), ranked).await?;
        Ok::<_, Failure>((change, ranked))
    }))
    .buffer_unordered(AT_ONCE);
    while let Some((change, ranked)) = writes.try_next().await? {
        let list = ranked.list(&id(change.article), k).into_iter().flat_map(|list| list.neighbours);
        let entries = list.filter_map(|one| {
            let article = crate::shop::number(&one.article_id)?;
            Some(Shown { article, version: one.version, score: one.score })
        });
        shown.insert(change.article, Published { version: change.version, entries: entries.collect() });
    }
    Ok(())
}

/// The lists of a catalogue, a cluster after the other: no two articles of different
/// clusters reach the threshold, but every article does with the hub, if there is one.
struct Lists<'s> {
    shop: &'s Shop,
    comparison: Comparison,
    sizes: Sizes,
    hub: Option<(usize, Packed)>,
    /// The hub's neighbours so far.
    of_hub: Vec<Entry>,
}

impl<'s> Lists<'s> {
    fn new(shop: &'s Shop, world: &World) -> Result<Self, Failure> {
        let hub = shop.hub().map(|hub| Ok::<_, Failure>((hub, Packed::of(&shop.profile(hub), DIMENSION)?)));
        let ranking = &world.config.ranking;
        let (comparison, sizes) = (ranking.comparison(), ranking.sizes());
        Ok(Self { shop, comparison, sizes, hub: hub.transpose()?, of_hub: Vec::new() })
    }

    fn of_cluster(&mut self, members: &[usize]) -> Result<Vec<(Change, Ranked)>, Failure> {
        let mut sets = Vec::with_capacity(members.len());
        let mut changes = Vec::with_capacity(members.len());
        for article in members {
            let profile = self.shop.profile(*article);
            sets.push((*article, Packed::of(&profile, DIMENSION)?));
            changes.push(first_change(self.shop, *article, profile));
        }
        let mut comparer = self.comparison.comparer();
        let mut all = Vec::with_capacity(members.len());
        for (change, (article, own)) in changes.into_iter().zip(&sets) {
            let others = sets.iter().filter(|(other, _)| other != article).chain(&self.hub);
            let entries = others.filter_map(|(other, set)| entry(self.shop, &mut comparer, own, *other, set));
            let entries = Entries::ranked(entries.collect(), true, self.sizes);
            let ranked = ranked(entries, change.mark.revision, change.version);
            all.push((change, ranked));
            if let Some((_, hub)) = &self.hub {
                self.of_hub.extend(entry(self.shop, &mut comparer, hub, *article, own));
            }
        }
        Ok(all)
    }

    /// The hub with its list, once all clusters are through.
    fn of_hub(self) -> Result<Vec<(Change, Ranked)>, Failure> {
        let Some((hub, _)) = self.hub else { return Ok(Vec::new()) };
        let change = first_change(self.shop, hub, self.shop.profile(hub));
        let entries = Entries::ranked(self.of_hub, true, self.sizes);
        let ranked = ranked(entries, change.mark.revision, change.version);
        Ok(vec![(change, ranked)])
    }
}

fn entry(
    shop: &Shop,
    comparer: &mut Comparer<'_>,
    own: &Packed,
    other: usize,
    set: &Packed,
) -> Option<Entry> {
    let (score, detail) = comparer.compare(own, set)?;
    let revision = shop.articles[other].state.revision();
    Some(Entry { id: id(other), score: Score(score), revision, detail: Arc::new(detail) })
}

fn ranked(entries: Entries<String, Why>, revision: Revision, version: u64) -> Ranked {
    let mut holds: Vec<String> = entries.as_slice().iter().map(|entry| entry.id.clone()).collect();
    holds.sort();
    let list = Some(List { revision, entries });
    let state = Stored { sequence: 1, ranking: 1, mark: Mark::Clear, list, holds, published: 1 };
    Ranked { state, published_version: version, ..Ranked::default() }
}

/// The change that made an article, with its vectors.
fn first_change(shop: &Shop, article: usize, profile: lookalike::domain::article::Profile) -> Change {
    let state = &shop.articles[article].state;
    let images = profile.images.into_iter().map(|member| {
        let image = state.images[&member.image_id].clone();
        lookalike::ports::ImageWrite::Embedded(image, member.embedding)
    });
    Change {
        article,
        version: state.version(),
        kind: Kind::New,
        facts: shop.articles[article].facts(),
        images: images.collect(),
        text: profile.text.map_or(TextWrite::Keep, TextWrite::Set),
        mark: FactsMark { sequence: state.facts_sequence, revision: state.revision() },
        fields_changed: false,
    }
}
