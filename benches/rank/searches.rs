//! The candidate searches alone: what the server could do if ranking cost nothing.
//!
//! Guarantee: the worker's own client code, settings and number at once, for the same
//! mix of events; a deleted article needs no search, so its event costs nothing here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lookalike::adapters::qdrant::Catalogue;
use lookalike::config::Config;
use lookalike::domain::article::Profile;
use lookalike::ports::{CandidateQuery, Candidates, Catalogue as _, Restriction};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::Failure;
use crate::shop::{Kind, Shop};
use crate::world::World;

/// The query that role `rank` makes for an article.
pub(crate) fn query<'a>(config: &Config, article: &'a Profile) -> CandidateQuery<'a> {
    let ranking = &config.ranking;
    CandidateQuery {
        article,
        threshold: ranking.pair_threshold(),
        limit: ranking.candidate_limit,
        exact: ranking.exact,
        with_text: ranking.text_weight > 0.0,
        restriction: Restriction::default(),
    }
}

pub(crate) async fn candidates(
    catalogue: &Catalogue,
    config: &Config,
    article: &Profile,
) -> Result<Candidates, Failure> {
    Ok(catalogue.candidates(&query(config, article)).await?)
}

/// Searches for random articles until the time is over.
pub(crate) async fn alone(world: &World, shop: &mut Shop, time: Duration) -> Result<Value, Failure> {
    let at_once = world.config.rank_jobs.max_concurrent_articles;
    let begun = Instant::now();
    let usage = world.usage()?;
    let (mut events, mut images, mut seconds) = (0_u64, 0_u64, 0.0);
    let mut found = 0;
    let shop = &std::cell::RefCell::new(shop);
    let searches = stream::iter(std::iter::from_fn(|| {
        if begun.elapsed() >= time {
            return None;
        }
        let mut shop = shop.borrow_mut();
        let kind = Kind::any(shop.random());
        let live = shop.live().len();
        let chosen = shop.random().random_range(0..live);
        let article = shop.live()[chosen];
        Some((kind != Kind::Deleted).then(|| shop.profile(article)))
    }))
    .map(|profile| {
        let (catalogue, config) = (Arc::clone(&world.catalogue), world.config.clone());
        async move {
            let Some(profile) = profile else { return Ok::<_, Failure>((0, 0, 0.0)) };
            let begun = Instant::now();
            let candidates = candidates(&catalogue, &config, &profile).await?;
            let images = profile.images.len() as u64;
            Ok((images, candidates.article_ids.len(), begun.elapsed().as_secs_f64()))
        }
    });
    let mut searches = searches.buffer_unordered(at_once);
    while let Some((searched, articles, taken)) = searches.try_next().await? {
        events += 1;
        images += searched;
        found += articles;
        seconds += taken;
    }
    let spent =
        world.usage()?[1].1.zip(usage[1].1).map(|(now, then)| now.processor_seconds - then.processor_seconds);
    Ok(json!({
        "events": events,
        "image_searches": images,
        "seconds": begun.elapsed().as_secs_f64(),
        "candidates": found,
        "mean_seconds": seconds / events.max(1) as f64,
        "at_once": at_once,
        "qdrant_processor_seconds": spent,
    }))
}
