//! A write yields to newer stored state, and touches nothing that is not its own.

use futures::future::join_all;
use list_maintenance::Mark;
use lookalike::adapters::qdrant::{StoreError, VectorShape};
use lookalike::domain::article::ArticleFacts;
use lookalike::domain::list::RankState;
use lookalike::ports::{Catalogue as _, ImageWrite, Ranked, TextWrite};

use super::{DIMENSION, Fixture, RANKING, SHAPE, SIZES, facts, ranked, stored, tombstone, unit};

const FIRST: [f32; DIMENSION] = [1.0, 0.0, 0.0];
const SECOND: [f32; DIMENSION] = [0.6, 0.8, 0.0];

fn embedded(version: u64, numbers: [f32; DIMENSION]) -> ImageWrite {
    ImageWrite::Embedded(stored("i", version), unit(numbers).into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_image_never_replaces_a_newer_one() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep).await;
    fixture.images("a", &[embedded(5, FIRST)]).await;
    for stale in
        [embedded(4, SECOND), ImageWrite::Tombstone(tombstone("i", 4)), ImageWrite::Described(stored("i", 4))]
    {
        fixture.images("a", &[stale]).await;
        assert_eq!(fixture.image().await, (5, false, Some(1.0)));
    }
    // Stale and new in one write: each for itself.
    fixture
        .images("a", &[embedded(4, SECOND), ImageWrite::Embedded(stored("j", 1), unit(SECOND).into())])
        .await;
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
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep).await;
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
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep).await;
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
    let title = async || fixture.catalogue.article_state("a").await.unwrap().facts.unwrap().fields.title;
    let profile = async || fixture.profile("a").await.unwrap();
    assert_eq!(fixture.catalogue.view("a").await.unwrap(), None);
    fixture.facts("a", &facts("old", &["mug"], Some("g")), text(FIRST)).await;
    fixture.store("a", &ranked("b", 1)).await;

    fixture.facts("a", &facts("new", &["cup"], None), TextWrite::Keep).await;
    assert_eq!(fixture.rank("a").await, ranked("b", 1), "numbers come back to the last bit");
    let kept = profile().await;
    assert_eq!((kept.text, kept.categories, kept.group), (Some(unit(FIRST)), vec!["cup".to_owned()], None));
    // Written as if new: another worker was first, and its list survives.
    fixture.facts_at(1, "a", &facts("again", &["cup"], None), text(SECOND)).await;
    assert_eq!((fixture.rank("a").await, title().await), (ranked("b", 1), Some("new".to_owned())));
    // A list does not touch the facts, and a removed text takes only itself away.
    fixture.store("a", &ranked("c", 2)).await;
    assert_eq!((title().await, profile().await.text.is_some()), (Some("new".to_owned()), true));
    fixture.facts("a", &facts("", &[], None), TextWrite::Remove).await;
    assert_eq!((profile().await.text, fixture.rank("a").await), (None, ranked("c", 2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_sequence_never_replaces_a_newer_one() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep).await;
    assert_eq!(fixture.rank("a").await, RankState::default());
    let claimed = |sequence, mark| RankState {
        sequence,
        ranking: RANKING,
        mark,
        holds: vec!["claimed".to_owned()],
        ..RankState::default()
    };
    let never = fixture.ranked("a").await;
    fixture.claim("a", &never, Mark::Searching).await;
    assert_eq!(fixture.rank("a").await, claimed(1, Mark::Searching));
    let first = fixture.ranked("a").await;
    fixture.store_over("a", &first, &ranked("b", 1)).await;
    assert_eq!(fixture.rank("a").await, ranked("b", 1));
    // The list of this number is there already: these came late, or twice.
    fixture.claim("a", &never, Mark::Searching).await;
    fixture.claim("a", &first, Mark::Editing).await;
    assert_eq!(fixture.rank("a").await, ranked("b", 1));
    fixture.claim("a", &fixture.ranked("a").await, Mark::Editing).await;
    let editing = RankState { list: ranked("b", 1).list, published: 1, ..claimed(2, Mark::Editing) };
    assert_eq!(fixture.rank("a").await, editing, "the list is there until another is stored");
    // A worker that lost the article writes its list late.
    fixture.store_over("a", &first, &ranked("late", 1)).await;
    assert_eq!(fixture.rank("a").await, editing);
    fixture.store("a", &ranked("c", 2)).await;
    assert_eq!(fixture.rank("a").await, ranked("c", 2));
    let gone = RankState { sequence: 3, published: 3, ..RankState::default() };
    fixture.store("a", &gone).await;
    assert_eq!(fixture.rank("a").await, gone);
    // A list makes no article.
    fixture.claim("never", &never, Mark::Searching).await;
    fixture.store("never", &ranked("a", 2)).await;
    assert_eq!(fixture.catalogue.view("never").await.unwrap(), None);
    let all = fixture.catalogue.all_article_ids().await.unwrap();
    assert_eq!(all, ["a"]);
}

/// State and entries are two points, each with a condition of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_a_late_owner_replaced_read_as_a_search_under_way() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep).await;
    fixture.store("a", &ranked("b", 1)).await;
    fixture.claim("a", &fixture.ranked("a").await, Mark::Editing).await;
    let late = fixture.ranked("a").await;
    fixture.claim("a", &late, Mark::Editing).await;
    let winner = fixture.ranked("a").await;
    assert_eq!(winner.state.list, ranked("b", 1).list);

    fixture.store_over("a", &late, &ranked("late", 2)).await;
    let spoiled = RankState { list: None, mark: Mark::Searching, ..winner.state.clone() };
    assert_eq!(fixture.rank("a").await, spoiled);
    fixture.store_over("a", &winner, &ranked("c", 3)).await;
    assert_eq!(fixture.rank("a").await, ranked("c", 3));
    fixture.store_over("a", &late, &ranked("late", 2)).await;
    assert_eq!(fixture.rank("a").await, ranked("c", 3), "what is stored stays");
}

/// Lists written at the same time share a call, each with its own condition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_are_written_together_yield_each_for_itself() {
    let fixture = Fixture::start().await;
    let ids: Vec<String> = (0..100).map(|at| format!("a{at}")).collect();
    for id in &ids {
        fixture.facts(id, &facts("a", &[], None), TextWrite::Keep).await;
    }
    let stale = Ranked::default();
    let (first, second) = (ranked("first", 1), ranked("second", 2));
    join_all(ids.iter().step_by(2).map(|id| fixture.store(id, &first))).await;
    join_all(ids.iter().map(|id| fixture.store_over(id, &stale, &second))).await;
    let once = Ranked { writes: 1, ..stale };
    join_all([&first, &second].map(|state| fixture.store_over("a98", &once, state))).await;
    for (at, id) in ids.iter().enumerate().take(98) {
        let expected = if at % 2 == 0 { ranked("first", 1) } else { ranked("second", 2) };
        assert_eq!(fixture.rank(id).await, expected, "{id}");
    }
    assert_eq!(fixture.ranked("a98").await.writes, 2, "one of the two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collections_of_another_shape_are_refused() {
    let fixture = Fixture::start().await;
    let longer = VectorShape { dimension: DIMENSION + 1, ..SHAPE };
    let refused = fixture.catalogue.prepare(&fixture.settings, longer).await;
    let Err(error @ StoreError::WrongCollection { .. }) = refused else { panic!("{refused:?}") };
    for part in ["test_images_encoder", "3 dimensions", "of 4 dimensions", "qdrant.prefix"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let augmented = VectorShape { variants: true, ..SHAPE };
    for refused in [
        fixture.catalogue.prepare(&fixture.settings, augmented).await,
        fixture.catalogue.verify_all(Some(augmented)).await,
    ] {
        let Err(error @ StoreError::WrongCollection { .. }) = refused else { panic!("{refused:?}") };
        for part in ["test_images_encoder", "cosine, one a point", "several (encoder.vision.augmentations)"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    assert!(fixture.catalogue.verify_all(Some(SHAPE)).await.is_ok());
    let other = lookalike::adapters::qdrant::QdrantSettings {
        create_collections: false,
        prefix: "other".to_owned(),
        ..fixture.settings.clone()
    };
    let missing = lookalike::adapters::qdrant::Catalogue::connect(&other, "encoder", SIZES).unwrap();
    let refused = missing.prepare(&other, SHAPE).await;
    assert!(matches!(refused, Err(StoreError::MissingCollection { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_yield_to_whoever_wrote_since_they_were_read() {
    let fixture = Fixture::start().await;
    let text = |numbers| TextWrite::Set(unit(numbers));
    let stored = async || {
        let state = fixture.catalogue.article_state("a").await.unwrap();
        let text = fixture.profile("a").await.unwrap().text;
        (state.facts.unwrap().fields.title.unwrap(), text, state.facts_sequence)
    };
    fixture.facts("a", &facts("one", &[], None), text(FIRST)).await;
    fixture.facts("a", &facts("two", &[], None), TextWrite::Keep).await;
    // An owner that lost the article writes late, in every way it can.
    for late in [text(SECOND), TextWrite::Keep, TextWrite::Remove] {
        for sequence in [1, 2] {
            fixture.facts_at(sequence, "a", &facts("late", &[], None), late.clone()).await;
            assert_eq!(stored().await, ("two".to_owned(), Some(unit(FIRST)), 2), "{late:?}");
        }
    }
    fixture.facts_at(3, "a", &facts("three", &[], None), text(SECOND)).await;
    assert_eq!(stored().await, ("three".to_owned(), Some(unit(SECOND)), 3));
    fixture.facts_at(3, "a", &facts("three", &[], None), text(FIRST)).await;
    assert_eq!(stored().await, ("three".to_owned(), Some(unit(FIRST)), 3), "the same write again counts");
}

/// Images carry categories and group for the search: an owner that lost the article
/// must not bring older ones back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_filter_fields_never_replace_newer_ones() {
    let fixture = Fixture::start().await;
    let of = |category: &str, version| ArticleFacts {
        text_version: Some(version),
        image_count: 1,
        ..facts("a", &[category], None)
    };
    let write = |facts, version, numbers| {
        let fixture = &fixture;
        async move {
            let write = embedded(version, numbers);
            fixture.catalogue.write_images("a", &facts, &[write]).await.unwrap();
        }
    };
    write(of("new", 8), 5, FIRST).await;
    fixture.facts("a", &of("new", 8), TextWrite::Keep).await;
    fixture.catalogue.write_filter_fields("a", &of("old", 3)).await.unwrap();
    write(of("old", 3), 6, SECOND).await;
    assert_eq!(fixture.image().await, (5, false, Some(1.0)), "its next owner writes that image again");
    fixture.facts("b", &of("new", 8), TextWrite::Keep).await;
    let image = ImageWrite::Embedded(stored("i", 1), unit(FIRST).into());
    fixture.catalogue.write_images("b", &of("new", 8), &[image]).await.unwrap();
    let found = super::searches::found(&fixture, "b", |query| query.restriction.same_categories = true).await;
    assert_eq!(found, ["a"], "it is still of the newer category");
    fixture.catalogue.write_filter_fields("a", &of("newest", 9)).await.unwrap();
    let found = super::searches::found(&fixture, "b", |query| query.restriction.same_categories = true).await;
    assert_eq!(found, Vec::<String>::new());
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
    for _ in ["insert", "update"] {
        fixture.facts("a", &article, TextWrite::Keep).await;
        let state = fixture.catalogue.article_state("a").await.unwrap();
        assert_eq!(state.facts.unwrap().fields.attributes["deep"], deep);
    }
}
