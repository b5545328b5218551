//! A write yields to newer stored state, and touches nothing that is not its own.

use lookalike::adapters::qdrant::{ImageWrite, StoreError, TextWrite};
use lookalike::domain::list::RankState;

use super::{DIMENSION, Fixture, facts, ranked, stored, tombstone, unit};

const FIRST: [f32; DIMENSION] = [1.0, 0.0, 0.0];
const SECOND: [f32; DIMENSION] = [0.6, 0.8, 0.0];

fn embedded(version: u64, numbers: [f32; DIMENSION]) -> ImageWrite {
    ImageWrite::Embedded(stored("i", version), unit(numbers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_image_never_replaces_a_newer_one() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep, false).await;
    fixture.images("a", &[embedded(5, FIRST)]).await;
    for stale in
        [embedded(4, SECOND), ImageWrite::Tombstone(tombstone("i", 4)), ImageWrite::Described(stored("i", 4))]
    {
        fixture.images("a", &[stale]).await;
        assert_eq!(fixture.image().await, (5, false, Some(1.0)));
    }
    // Stale and new in one write: each for itself.
    fixture.images("a", &[embedded(4, SECOND), ImageWrite::Embedded(stored("j", 1), unit(SECOND))]).await;
    assert_eq!(fixture.image().await.0, 5);
    assert_eq!(fixture.catalogue.article_state("a").await.unwrap().images.len(), 2);
    // The same version again is a replay, and counts.
    fixture.images("a", &[embedded(5, SECOND)]).await;
    assert_eq!(fixture.image().await, (5, false, Some(0.6)));
    // New words for the same content keep the vector.
    fixture.images("a", &[ImageWrite::Described(stored("i", 6))]).await;
    assert_eq!(fixture.image().await, (6, false, Some(0.6)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_keeps_older_images_away() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep, false).await;
    fixture.images("a", &[embedded(5, FIRST)]).await;
    fixture.images("a", &[ImageWrite::Tombstone(tombstone("i", 8))]).await;
    assert_eq!(fixture.image().await, (8, true, None));
    fixture.images("a", &[embedded(7, SECOND)]).await;
    assert_eq!(fixture.image().await, (8, true, None));
    fixture.images("a", &[embedded(9, SECOND)]).await;
    assert_eq!(fixture.image().await, (9, false, Some(0.6)));
    // A deletion may come before anything else.
    fixture.images("b", &[ImageWrite::Tombstone(tombstone("i", 3))]).await;
    assert!(fixture.catalogue.article_state("b").await.unwrap().images["i"].deleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_beyond_floating_point_never_block_a_newer_one() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep, false).await;
    for version in
        [(1 << 53) - 1, 1 << 53, (1 << 53) + 1, (1 << 53) + 2, 1 << 60, (1 << 60) + 1, i64::MAX as u64]
    {
        fixture.images("a", &[embedded(version, FIRST)]).await;
        assert_eq!(fixture.image().await.0, version);
    }
    fixture.images("a", &[embedded(1 << 53, SECOND)]).await;
    assert_eq!(fixture.image().await, (i64::MAX as u64, false, Some(1.0)), "far older ones are refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_and_list_of_an_article_do_not_touch_each_other() {
    let fixture = Fixture::start().await;
    let text = |numbers| TextWrite::Set(unit(numbers));
    let view = async || fixture.catalogue.article_with_list("a").await.unwrap().unwrap();
    let title = async || fixture.catalogue.article_state("a").await.unwrap().facts.unwrap().fields.title;
    assert_eq!(fixture.catalogue.article_with_list("a").await.unwrap(), None);
    fixture.facts("a", &facts("old", &["mug"], Some("g")), text(FIRST), false).await;
    fixture.catalogue.write_rank("a", &ranked("a", "b", 1)).await.unwrap();

    fixture.facts("a", &facts("new", &["cup"], None), TextWrite::Keep, true).await;
    let kept = view().await;
    assert_eq!(kept.rank, ranked("a", "b", 1), "numbers come back to the last bit");
    assert_eq!(kept.profile.text, Some(unit(FIRST)));
    assert_eq!((kept.profile.categories, kept.profile.group), (vec!["cup".to_owned()], None));
    // Written as if new: another worker was first, and its list survives.
    fixture.facts("a", &facts("again", &["cup"], None), text(SECOND), false).await;
    assert_eq!((view().await.rank, title().await), (ranked("a", "b", 1), Some("again".to_owned())));
    // A list does not touch the facts, and a removed text takes only itself away.
    fixture.catalogue.write_rank("a", &ranked("a", "c", 2)).await.unwrap();
    assert_eq!((title().await, view().await.profile.text.is_some()), (Some("again".to_owned()), true));
    fixture.facts("a", &facts("", &[], None), TextWrite::Remove, true).await;
    let bare = view().await;
    assert_eq!((bare.profile.text, bare.rank), (None, ranked("a", "c", 2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_sequence_never_replaces_a_newer_one() {
    let fixture = Fixture::start().await;
    let catalogue = &fixture.catalogue;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep, false).await;
    assert_eq!(fixture.rank("a").await, RankState::default());
    catalogue.mark_dirty("a", 1, "r").await.unwrap();
    assert_eq!(
        fixture.rank("a").await,
        RankState { sequence: 1, dirty: true, ranking: Some("r".to_owned()), ..RankState::default() }
    );
    catalogue.write_rank("a", &ranked("a", "b", 1)).await.unwrap();
    assert_eq!(fixture.rank("a").await, ranked("a", "b", 1));
    // The list of this number is there already: the mark came late.
    catalogue.mark_dirty("a", 1, "r").await.unwrap();
    assert!(!fixture.rank("a").await.dirty);
    catalogue.mark_dirty("a", 2, "r").await.unwrap();
    let marked = fixture.rank("a").await;
    assert_eq!((marked.sequence, marked.dirty, marked.list), (2, true, ranked("a", "b", 1).list));
    // A worker that lost the article writes its list late.
    catalogue.write_rank("a", &ranked("a", "late", 1)).await.unwrap();
    assert_eq!(
        (fixture.rank("a").await.dirty, fixture.rank("a").await.list),
        (true, ranked("a", "b", 1).list)
    );
    catalogue.write_rank("a", &ranked("a", "c", 2)).await.unwrap();
    assert_eq!(fixture.rank("a").await, ranked("a", "c", 2));
    let gone = RankState { sequence: 3, ..RankState::default() };
    catalogue.write_rank("a", &gone).await.unwrap();
    assert_eq!(fixture.rank("a").await, gone);
    // An article that was never stored gets nothing from ranking.
    catalogue.mark_dirty("never", 1, "r").await.unwrap();
    catalogue.write_rank("never", &ranked("never", "a", 2)).await.unwrap();
    assert_eq!(catalogue.article_with_list("never").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collections_of_another_shape_are_refused() {
    let fixture = Fixture::start().await;
    let refused = fixture.catalogue.prepare(&fixture.settings, DIMENSION + 1).await;
    let Err(error @ StoreError::WrongCollection { .. }) = refused else { panic!("{refused:?}") };
    for part in ["test_images_encoder", "3 dimensions", "of 4 dimensions", "qdrant.prefix"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(fixture.catalogue.verify_all(Some(DIMENSION)).await.is_ok());
    let other = lookalike::adapters::qdrant::QdrantSettings {
        create_collections: false,
        prefix: "other".to_owned(),
        ..fixture.settings.clone()
    };
    let missing = lookalike::adapters::qdrant::Catalogue::connect(&other, "encoder").unwrap();
    let refused = missing.prepare(&other, DIMENSION).await;
    assert!(matches!(refused, Err(StoreError::MissingCollection { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_facts_never_replace_newer_ones() {
    let fixture = Fixture::start().await;
    let text = |numbers| TextWrite::Set(unit(numbers));
    let stored = async || {
        let view = fixture.catalogue.article_with_list("a").await.unwrap().unwrap();
        let state = fixture.catalogue.article_state("a").await.unwrap();
        (state.facts.unwrap().fields.title.unwrap(), view.profile.text)
    };
    fixture.facts_at(5, "a", &facts("five", &[], None), text(FIRST), false).await;
    // An owner that lost the article writes late, in every way it can.
    for late in [text(SECOND), TextWrite::Keep, TextWrite::Remove] {
        for exists in [true, false] {
            fixture.facts_at(4, "a", &facts("four", &[], None), late.clone(), exists).await;
            assert_eq!(stored().await, ("five".to_owned(), Some(unit(FIRST))), "{late:?}");
        }
    }
    fixture.facts_at(5, "a", &facts("again", &[], None), text(SECOND), true).await;
    assert_eq!(stored().await, ("again".to_owned(), Some(unit(SECOND))), "a replay counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attributes_nested_deeper_than_a_grpc_message_are_kept() {
    let fixture = Fixture::start().await;
    let mut deep = serde_json::json!("bottom");
    for _ in 0..100 {
        deep = serde_json::json!({ "in": deep });
    }
    let mut article = facts("a", &[], None);
    article.fields.attributes.insert("deep".to_owned(), deep.clone());
    for exists in [false, true] {
        fixture.facts("a", &article, TextWrite::Keep, exists).await;
        let state = fixture.catalogue.article_state("a").await.unwrap();
        assert_eq!(state.facts.unwrap().fields.attributes["deep"], deep);
    }
}
