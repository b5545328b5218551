//! Every read is complete, however many pages it takes.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};
use list_maintenance::{Bar, Mark, Score};
use lookalike::domain::list::RankState;
use lookalike::ports::{CandidateQuery, Catalogue as _, ImageWrite, Restriction, TextWrite};

use super::{Fixture, facts, ranked, stored, unit};

/// More than one page of the adapter (500 points), not a multiple of it.
const MANY: usize = 513;
/// Writes under way at the same time.
const AT_ONCE: usize = 64;

fn id(at: usize) -> String {
    format!("article-{at:04}")
}

fn set(ids: Vec<String>) -> BTreeSet<String> {
    let count = ids.len();
    let set: BTreeSet<_> = ids.into_iter().collect();
    assert_eq!(set.len(), count, "none twice");
    set
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_beyond_a_page() {
    let fixture = Fixture::start().await;
    let catalogue = &fixture.catalogue;
    stream::iter(0..MANY)
        .for_each_concurrent(AT_ONCE, |at| {
            let fixture = &fixture;
            async move {
                let direction = unit([1.0, at as f32 / MANY as f32, 0.0]);
                fixture.images(&id(at), &[ImageWrite::Embedded(stored("i", 1), direction.into())]).await;
                fixture.facts(&id(at), &facts("title", &[], None), TextWrite::Keep).await;
                let state = RankState { mark: Mark::Editing, ..ranked("hub", 1) };
                fixture.store(&id(at), &state).await;
            }
        })
        .await;
    // One that holds another article, and is clean.
    fixture.facts("other", &facts("title", &[], None), TextWrite::Keep).await;
    fixture.store("other", &ranked("not the hub", 1)).await;

    let all: BTreeSet<String> = (0..MANY).map(id).collect();
    let ids: Vec<String> = all.iter().cloned().collect();
    assert_eq!(set(catalogue.holders("hub").await.unwrap()), all);
    assert_eq!(catalogue.holders("not the hub").await.unwrap(), ["other"]);
    assert_eq!(catalogue.holders("hu").await.unwrap(), Vec::<String>::new());
    let marked = catalogue.marked(2 * MANY).await.unwrap();
    assert!(marked.iter().all(|(_, sequence)| *sequence == 1));
    assert_eq!(set(marked.into_iter().map(|(id, _)| id).collect()), all);
    assert_eq!(catalogue.marked(7).await.unwrap().len(), 7);
    let mut everything = all.clone();
    everything.insert("other".to_owned());
    assert_eq!(set(catalogue.all_article_ids().await.unwrap()), everything);
    assert_eq!(set(paged(&fixture).await), everything);
    let profiles = catalogue.profiles(&ids).await.unwrap();
    assert!(profiles.keys().cloned().collect::<BTreeSet<_>>() == all);
    assert!(profiles.values().all(|profile| profile.images.len() == 1));
    let standings = catalogue.standings(&ids).await.unwrap();
    assert!(standings.iter().all(|standing| standing.bar == Bar::At(Score(0.1 + 0.2))));
    assert_eq!(set(standings.into_iter().map(|standing| standing.article_id).collect()), all);
    assert!(catalogue.contents(&ids).await.unwrap().into_keys().eq(ids));

    let query = |limit| CandidateQuery {
        article: &profiles[&id(0)],
        threshold: Some(0.0),
        limit,
        exact: true,
        with_text: false,
        restriction: Restriction::default(),
    };
    let found = catalogue.candidates(&query(MANY)).await.unwrap();
    let mut others = all;
    others.remove(&id(0));
    assert_eq!((set(found.article_ids), found.truncated_images), (others, None));
    let found = catalogue.candidates(&query(10)).await.unwrap();
    let nearest: BTreeSet<_> = (1..=10).map(id).collect();
    assert_eq!(set(found.article_ids), nearest);
    let truncated = found.truncated_images.unwrap();
    let image = |at| &profiles[&id(at)].images[0].embedding.own;
    let left_out = image(0).cosine(image(11));
    assert!(truncated.searches == 1 && truncated.ceiling >= left_out && truncated.ceiling < 1.0);
}

/// All articles, a few at a time.
async fn paged(fixture: &Fixture) -> Vec<String> {
    let (mut ids, mut from) = (Vec::new(), None);
    loop {
        let (page, next) = fixture.catalogue.page(from, 100).await.unwrap();
        ids.extend(page);
        from = next;
        if from.is_none() {
            return ids;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_may_have_more_images_than_a_page() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep).await;
    let writes: Vec<_> = (0..MANY)
        .map(|at| ImageWrite::Embedded(stored(&id(at), 1), unit([1.0, at as f32, 1.0]).into()))
        .collect();
    fixture.images("a", &writes).await;
    fixture.images("b", &writes[..1]).await;
    let ids: Vec<_> = (0..MANY).map(id).collect();
    let state = fixture.catalogue.article_state("a").await.unwrap();
    assert!(state.images.keys().eq(&ids));
    let profile = fixture.profile("a").await.unwrap();
    assert!(profile.images.iter().map(|image| &image.image_id).eq(&ids), "ordered by image id");
}
