//! Writes a whole catalogue with the lists that the worker would have left.
//!
//! Guarantee: each list is what a complete search and the worker's own comparison give;
//! whoever doubts it compares with the exact lists before any event.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use list_maintenance::{Entries, Entry, List, Mark, Revision, Score, Sizes, Stored};
use lookalike::domain::list::Explanation;
use lookalike::ports::{Catalogue as _, FactsMark, Ranked, TextWrite};
use lookalike::similarity::Packed;
use lookalike::similarity::compare::Comparison;

use crate::Failure;
use crate::shop::{Change, DIMENSION, Kind, Shop, id};
use crate::watch::Shown;
use crate::world::World;
use crate::writer::Writer;

/// Articles that are written at the same time.
const AT_ONCE: usize = 64;

/// Writes every article of a fresh catalogue; answers each one's published list.
pub(crate) async fn load(world: &World, shop: &Shop) -> Result<HashMap<usize, Vec<Shown>>, Failure> {
    let writer = Writer {
        catalogue: Arc::clone(&world.catalogue),
        producer: world.producer.clone(),
        topic: world.config.kafka.topics.rank.clone(),
    };
    let (sizes, comparison) = (world.config.ranking.sizes(), world.config.ranking.comparison());
    let mut clusters: HashMap<usize, Vec<usize>> = HashMap::new();
    for article in shop.live() {
        clusters.entry(shop.articles[*article].cluster).or_default().push(*article);
    }
    let mut shown = HashMap::with_capacity(shop.live().len());
    // A cluster after the other: its vectors are made once for writing and comparing.
    let articles = clusters.values().flat_map(|members| match lists(shop, members, &comparison, sizes) {
        Ok(all) => all.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    });
    let mut writes = stream::iter(articles.map(|article| {
        let writer = writer.clone();
        async move {
            let (change, ranked) = article?;
            writer.write(&change).await?;
            writer.catalogue.store(&id(change.article), &ranked).await?;
            let list = ranked.list(&id(change.article), sizes.k);
            let list = list.into_iter().flat_map(|list| list.neighbours);
            let shown = list.filter_map(|one| Some((crate::shop::number(&one.article_id)?, one.version)));
            Ok::<_, Failure>((change.article, shown.collect::<Vec<Shown>>()))
        }
    }))
    .buffer_unordered(AT_ONCE);
    while let Some((article, list)) = writes.try_next().await? {
        shown.insert(article, list);
    }
    Ok(shown)
}

/// What is to be written of the articles of a cluster. No article of another one
/// reaches the threshold.
fn lists(
    shop: &Shop,
    members: &[usize],
    comparison: &Comparison,
    sizes: Sizes,
) -> Result<Vec<(Change, Ranked)>, Failure> {
    let mut packed = Vec::with_capacity(members.len());
    let mut changes = Vec::with_capacity(members.len());
    for article in members {
        let profile = shop.profile(*article);
        packed.push(Packed::of(&profile, DIMENSION)?);
        changes.push(first_change(shop, *article, profile));
    }
    let mut comparer = comparison.comparer();
    let mut all = Vec::with_capacity(members.len());
    for (at, change) in changes.into_iter().enumerate() {
        let others = packed.iter().enumerate().filter(|(other, _)| *other != at);
        let entries = others.filter_map(|(other, set)| {
            let (score, detail) = comparer.compare(&packed[at], set)?;
            let revision = shop.articles[members[other]].state.revision();
            Some(Entry { id: set.article_id.clone(), score: Score(score), revision, detail })
        });
        let entries = Entries::ranked(entries.collect(), true, sizes);
        let ranked = ranked(entries, change.mark.revision, change.version);
        all.push((change, ranked));
    }
    Ok(all)
}

fn ranked(entries: Entries<String, Explanation>, revision: Revision, version: u64) -> Ranked {
    let mut holds: Vec<String> = entries.as_slice().iter().map(|entry| entry.id.clone()).collect();
    holds.sort();
    let list = Some(List { revision, entries });
    let state = Stored { sequence: 1, ranking: 1, mark: Mark::Clear, list, holds, published: 1 };
    Ranked { state, published_version: version }
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
