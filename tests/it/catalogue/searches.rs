//! The candidate search leaves out only what can have no place in a list.

use lookalike::domain::article::ArticleFacts;
use lookalike::ports::{CandidateQuery, Catalogue as _, ImageWrite, Restriction, TextWrite};

use super::{DIMENSION, Fixture, facts, stored, tombstone, unit};

const X: [f32; DIMENSION] = [1.0, 0.0, 0.0];
const NEAR: [f32; DIMENSION] = [0.9, 0.1, 0.0];
const FAR: [f32; DIMENSION] = [-1.0, 0.2, 0.0];

/// An article with one image and one text where they are given.
async fn article(
    fixture: &Fixture,
    id: &str,
    image: Option<[f32; DIMENSION]>,
    text: Option<[f32; DIMENSION]>,
    facts: ArticleFacts,
) {
    let facts = ArticleFacts { image_count: usize::from(image.is_some()), ..facts };
    if let Some(numbers) = image {
        let write = ImageWrite::Embedded(stored("i", 1), unit(numbers).into());
        fixture.catalogue.write_images(id, &facts, &[write]).await.unwrap();
    }
    let text = text.map_or(TextWrite::Keep, |numbers| TextWrite::Set(unit(numbers)));
    fixture.facts(id, &facts, text).await;
}

pub(super) async fn found(
    fixture: &Fixture,
    id: &str,
    change: impl Fn(&mut CandidateQuery<'_>),
) -> Vec<String> {
    let profile = fixture.profile(id).await.unwrap();
    let mut query = CandidateQuery {
        article: &profile,
        threshold: Some(0.5),
        limit: 100,
        exact: true,
        with_text: false,
        restriction: Restriction::default(),
    };
    change(&mut query);
    fixture.catalogue.candidates(&query).await.unwrap().article_ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_and_texts_find_their_candidates() {
    let fixture = Fixture::start().await;
    let plain = || facts("title", &[], None);
    article(&fixture, "both", Some(X), Some(X), plain()).await;
    article(&fixture, "near", Some(NEAR), Some(FAR), plain()).await;
    article(&fixture, "far", Some(FAR), Some(X), plain()).await;
    article(&fixture, "only-text", None, Some(FAR), plain()).await;
    article(&fixture, "nothing", None, None, plain()).await;
    article(&fixture, "gone", Some(X), Some(X), plain()).await;
    let gone = ImageWrite::Tombstone(tombstone("i", 2));
    fixture.catalogue.write_images("gone", &plain(), &[gone]).await.unwrap();
    fixture.facts("gone", &ArticleFacts::default(), TextWrite::Remove).await;

    assert_eq!(found(&fixture, "both", |_| {}).await, ["near"]);
    assert_eq!(found(&fixture, "both", |query| query.threshold = None).await, ["far", "near"]);
    // With text in the score, articles without images come in, however far.
    assert_eq!(found(&fixture, "both", |query| query.with_text = true).await, ["near", "only-text"]);
    // Without own images every text is a candidate.
    let all = found(&fixture, "only-text", |query| query.with_text = true).await;
    assert_eq!(all, ["both", "far", "near"]);
    assert!(found(&fixture, "only-text", |_| {}).await.is_empty());
    assert!(found(&fixture, "nothing", |query| query.with_text = true).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_restrict_both_searches() {
    let fixture = Fixture::start().await;
    // Values with blanks are matched as a whole.
    for (id, categories, group) in [
        ("own", &["mug", "tea cup"] as &[&str], Some("group g")),
        ("cup-g", &["tea cup"], Some("group g")),
        ("cup-h", &["tea cup", "jug"], Some("group h")),
        ("jug-g", &["tea jug"], Some("group g")),
        ("bare", &[], None),
    ] {
        article(&fixture, id, Some(X), Some(X), facts("title", categories, group)).await;
        article(&fixture, &format!("{id}-text"), None, Some(X), facts("title", categories, group)).await;
    }
    let both = |ids: &[&str]| -> Vec<String> {
        let mut all: Vec<_> = ids.iter().flat_map(|id| [(*id).to_owned(), format!("{id}-text")]).collect();
        all.push("own-text".to_owned());
        all.sort();
        all
    };
    let own = async |change: fn(&mut CandidateQuery<'_>)| {
        found(&fixture, "own", |query| {
            query.with_text = true;
            change(query);
        })
        .await
    };
    assert_eq!(own(|query| query.restriction.same_categories = true).await, both(&["cup-g", "cup-h"]));
    assert_eq!(own(|query| query.restriction.same_group = true).await, both(&["cup-g", "jug-g"]));
    // Not the own twin: it shares everything.
    let different = |ids: &[&str]| {
        let mut all = both(ids);
        all.retain(|id| id != "own-text");
        all
    };
    assert_eq!(
        own(|query| query.restriction.different_categories = true).await,
        different(&["jug-g", "bare"])
    );
    assert_eq!(own(|query| query.restriction.different_group = true).await, different(&["cup-h", "bare"]));
    // An article without a value shares it with nobody.
    assert!(found(&fixture, "bare", |query| query.restriction.same_categories = true).await.is_empty());
    assert!(found(&fixture, "bare", |query| query.restriction.same_group = true).await.is_empty());
    // Changed fields count at once, in the images as well.
    let moved = ArticleFacts { image_count: 1, ..facts("title", &["mug"], Some("group g")) };
    fixture.catalogue.write_filter_fields("jug-g", &moved).await.unwrap();
    let mut same = both(&["cup-g", "cup-h"]);
    same.push("jug-g".to_owned());
    same.sort();
    assert_eq!(own(|query| query.restriction.same_categories = true).await, same);
}
