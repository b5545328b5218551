//! The catalogue and a sample of lists as files, for whoever computes the exact ones.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use lookalike::ports::Catalogue as _;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use crate::shop::{DIMENSION, id};
use crate::{Failure, Running};

/// Writes `path`.vectors (all live images), `path`.texts (one an article), both in f32,
/// and `path`.json: articles with their numbers of images, and for a sample the stored
/// list and the one last published.
pub(crate) async fn write(running: &mut Running, path: &Path, sample: usize) -> Result<Value, Failure> {
    let mut live = running.shop.live().to_vec();
    live.sort_unstable();
    let mut vectors = BufWriter::new(File::create(path.with_extension("vectors"))?);
    let mut texts = BufWriter::new(File::create(path.with_extension("texts"))?);
    let mut sizes = Vec::with_capacity(live.len());
    for article in &live {
        let profile = running.shop.profile(*article);
        sizes.push(profile.images.len());
        for member in &profile.images {
            put(&mut vectors, member.embedding.own.as_slice())?;
        }
        let text = profile.text.ok_or("an article without text")?;
        put(&mut texts, text.as_slice())?;
    }
    vectors.flush()?;
    texts.flush()?;
    let mut chosen = live.clone();
    chosen.shuffle(running.shop.random());
    chosen.truncate(sample);
    let mut lists = Vec::new();
    let k = running.world.config.ranking.k;
    for article in chosen {
        let article_id = id(article);
        let list = running.world.catalogue.ranked(&article_id).await?.list(&article_id, k);
        let stored = list.map(|list| {
            list.neighbours.iter().map(|one| json!([one.article_id, one.score])).collect::<Vec<_>>()
        });
        let published = running.watch.with(|seen| seen.lists.get(&article).cloned()).unwrap_or_default();
        let published: Vec<String> = published.entries.into_iter().map(|shown| id(shown.article)).collect();
        lists.push(json!({"article": article_id, "stored": stored, "published": published}));
    }
    let ranking = &running.world.config.ranking;
    let index = json!({
        "dimension": DIMENSION,
        "articles": live.iter().map(|article| id(*article)).collect::<Vec<_>>(),
        "sizes": sizes,
        "lists": lists,
        "k": k,
        "threshold": ranking.threshold,
        "text_weight": ranking.text_weight,
    });
    std::fs::write(path.with_extension("json"), index.to_string())?;
    Ok(json!({"articles": live.len(), "images": sizes.iter().sum::<usize>()}))
}

fn put(file: &mut impl std::io::Write, numbers: &[f32]) -> std::io::Result<()> {
    numbers.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))
}
