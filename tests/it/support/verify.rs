//! Compares everything a worker left behind with what should be there: the stored
//! catalogue with the shop's, the published and stored lists with the model's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use list_maintenance::Mark;
use lookalike::config::Config;
use lookalike::domain::article::Profile;
use lookalike::domain::list::{Neighbour, NeighbourList};
use lookalike::encoder::Encoder;

use super::bench::Bench;
use super::model::{Expected, Item, cosine, list, rules};
use super::shop::{Article, Shop};
use super::topic::Read;

/// The encoder may round otherwise in another batch.
const SAME: f64 = 0.99999;
/// Scores are promised to this.
const TOLERANCE: f64 = 1e-5;

/// The published lists by article; an article whose last record is a tombstone has
/// `None`. On the way, that every key's sequence only grows.
pub(crate) fn published(records: &[Read]) -> BTreeMap<String, Option<NeighbourList>> {
    let mut last: BTreeMap<String, Option<NeighbourList>> = BTreeMap::new();
    let mut sequences: HashMap<String, u64> = HashMap::new();
    for record in records {
        let key = record.key_text();
        let list: Option<NeighbourList> =
            record.value.as_ref().map(|value| serde_json::from_slice(value).unwrap());
        if let Some(list) = &list {
            assert_eq!(list.article_id, key);
            let before = sequences.insert(key.clone(), list.sequence);
            assert!(before.is_none_or(|before| before < list.sequence), "{key}: {before:?}, then {list:?}");
        }
        last.insert(key, list);
    }
    last
}

/// Asserts that store and topic hold what `shop` and the model say.
pub(crate) async fn verify(bench: &Bench, config: &Config, encoder: &Encoder, shop: &Shop) {
    let items = stored_as(bench, config, encoder, shop).await;
    let rules = rules(&config.ranking);
    let published = published(&bench.topic(&config.kafka.topics.similar).await);
    let listed: BTreeSet<_> = published.iter().filter(|(_, list)| list.is_some()).map(|(id, _)| id).collect();
    assert_eq!(listed, items.keys().collect(), "exactly the living articles have a list");
    let catalogue = bench.catalogue(config);
    for id in shop.articles.keys() {
        let stored = catalogue.view(id).await.unwrap().unwrap().1;
        let found = stored.list(id, config.ranking.k);
        assert_eq!(found, published.get(id).cloned().flatten(), "{id}: stored and published");
        assert_eq!(stored.state.mark, Mark::Clear, "{id}");
        if let Some(found) = found {
            assert_list(id, &found.neighbours, &list(id, &items, &rules), &items);
        }
    }
}

fn assert_list(id: &str, found: &[Neighbour], expected: &[Expected], items: &BTreeMap<String, Item>) {
    let close = |a: f64, b: f64| (a - b).abs() <= TOLERANCE;
    let ids: Vec<_> = found.iter().map(|one| (&one.article_id, one.score)).collect();
    let wanted: Vec<_> = expected.iter().map(|one| (&one.article_id, one.score)).collect();
    let same_ids = ids.iter().map(|(id, _)| id).eq(wanted.iter().map(|(id, _)| id));
    assert!(same_ids, "{id}: found {ids:?}, expected {wanted:?}");
    for (found, expected) in found.iter().zip(expected) {
        let place = format!("{id}: {found:?}, expected {expected:?}");
        assert!(close(found.score, expected.score), "{place}");
        for (a, b) in [
            (found.image_score, expected.image_score),
            (found.text_score, expected.text_score),
            (found.coverage, expected.coverage),
        ] {
            assert!(a.is_some() == b.is_some() && close(a.unwrap_or(0.0), b.unwrap_or(0.0)), "{place}");
        }
        let pairs = found.pairs.iter().map(|pair| (&pair.0, &pair.1));
        assert!(pairs.eq(expected.pairs.iter().map(|(a, b, _)| (a, b))), "{place}");
        let free = |id: &str, taken: &BTreeSet<&String>| -> Vec<String> {
            items[id].images.keys().filter(|image| !taken.contains(image)).cloned().collect()
        };
        let own = expected.pairs.iter().map(|(own, ..)| own).collect();
        let other = expected.pairs.iter().map(|(_, other, _)| other).collect();
        let whole_sets = expected.pairs.is_empty() && expected.coverage == Some(1.0);
        let left_over = |id: &str, taken| if whole_sets { Vec::new() } else { free(id, taken) };
        assert_eq!(found.unmatched.own, left_over(id, &own), "{place}");
        assert_eq!(found.unmatched.neighbour, left_over(&expected.article_id, &other), "{place}");
    }
}

/// The stored living articles in numbers, after comparing them with the shop's.
async fn stored_as(bench: &Bench, config: &Config, encoder: &Encoder, shop: &Shop) -> BTreeMap<String, Item> {
    let catalogue = bench.catalogue(config);
    let ids = catalogue.all_article_ids().await.unwrap();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>(), shop.articles.keys().collect(), "articles ever seen");
    let mut profiles = catalogue.profiles_by_id(&ids).await.unwrap();
    let mut items = BTreeMap::new();
    for (id, article) in &shop.articles {
        let state = catalogue.state(id).await.unwrap();
        let living = state.images.values().filter(|image| !image.deleted);
        let uris: BTreeMap<_, _> =
            living.map(|image| (image.image_id.clone(), image.uri.clone().unwrap())).collect();
        assert_eq!(uris, article.images, "{id}");
        let facts = state.facts.unwrap();
        assert_eq!(
            (facts.fields.title.as_ref(), facts.deleted),
            (article.title.as_ref(), article.is_empty()),
            "{id}"
        );
        assert_eq!(facts.image_count, article.images.len(), "{id}");
        let item = item(id, article, &profiles.remove(id).unwrap(), encoder).await;
        if !article.is_empty() {
            items.insert(id.clone(), item);
        }
    }
    items
}

async fn item(id: &str, article: &Article, profile: &Profile, encoder: &Encoder) -> Item {
    assert_eq!((&profile.categories, &profile.group), (&article.categories, &article.group), "{id}");
    let mut images = BTreeMap::new();
    for member in &profile.images {
        let path = article.images[&member.image_id].strip_prefix("file://").unwrap();
        let bytes = std::fs::read(Path::new(path)).unwrap();
        let own = encoder.embed_image(encoder.preprocess(&bytes).unwrap()).await.unwrap();
        let (made, stored): (Vec<_>, Vec<_>) = (own.all().collect(), member.embedding.all().collect());
        assert_eq!(made.len(), stored.len(), "{id}/{}", member.image_id);
        let mut both = made.iter().zip(&stored);
        assert!(both.all(|(a, b)| a.cosine(b) > SAME), "{id}/{} is another picture", member.image_id);
        images.insert(member.image_id.clone(), stored.iter().map(|one| one.as_slice().to_vec()).collect());
    }
    assert!(images.keys().eq(article.images.keys()), "{id}");
    let text = match (article.document(), &profile.text) {
        (Some(document), Some(stored)) => {
            let own = encoder.embed_text(&document).await.unwrap();
            assert!(cosine(own.as_slice(), stored.as_slice()) > SAME, "{id}: another text");
            Some(stored.as_slice().to_vec())
        }
        (None, None) => None,
        (document, stored) => panic!("{id}: text {document:?}, stored {}", stored.is_some()),
    };
    Item { images, text, categories: article.categories.clone(), group: article.group.clone() }
}
