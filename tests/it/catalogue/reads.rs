//! Every read is complete, however many pages it takes.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};
use lookalike::adapters::qdrant::{CandidateQuery, ImageWrite, TextWrite};
use lookalike::domain::article::Profile;
use lookalike::domain::list::RankState;

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
                fixture.images(&id(at), &[ImageWrite::Embedded(stored("i", 1), direction)]).await;
                fixture.facts(&id(at), &facts("title", &[], None), TextWrite::Keep, false).await;
                let state = RankState { dirty: true, ..ranked(&id(at), "hub", 1) };
                fixture.catalogue.write_rank(&id(at), &state).await.unwrap();
            }
        })
        .await;
    // One that holds another article, and is clean.
    fixture.facts("other", &facts("title", &[], None), TextWrite::Keep, false).await;
    catalogue.write_rank("other", &ranked("other", "not the hub", 1)).await.unwrap();

    let all: BTreeSet<String> = (0..MANY).map(id).collect();
    assert_eq!(set(catalogue.holders("hub").await.unwrap()), all);
    assert_eq!(catalogue.holders("not the hub").await.unwrap(), ["other"]);
    assert_eq!(catalogue.holders("hu").await.unwrap(), Vec::<String>::new());
    assert_eq!(set(catalogue.dirty().await.unwrap()), all);
    let mut everything = all.clone();
    everything.insert("other".to_owned());
    assert_eq!(set(catalogue.all_article_ids().await.unwrap()), everything);
    let views = catalogue.articles_by_id(&all.iter().cloned().collect::<Vec<_>>()).await.unwrap();
    assert_eq!(views.keys().cloned().collect::<BTreeSet<_>>(), all);
    assert!(views.values().all(|view| view.profile.images.len() == 1 && view.rank.dirty));

    let own = Profile { article_id: id(0), ..views[&id(0)].profile.clone() };
    let query = |limit| CandidateQuery {
        article: &own,
        threshold: Some(0.0),
        limit,
        exact: true,
        with_text: false,
        same_categories: false,
        same_group: false,
        different_categories: false,
        different_group: false,
    };
    let found = catalogue.candidates(&query(MANY)).await.unwrap();
    let mut others = all;
    others.remove(&id(0));
    assert_eq!((set(found.article_ids), found.truncated_image_searches), (others, 0));
    let found = catalogue.candidates(&query(10)).await.unwrap();
    let nearest: BTreeSet<_> = (1..=10).map(id).collect();
    assert_eq!((set(found.article_ids), found.truncated_image_searches), (nearest, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_may_have_more_images_than_a_page() {
    let fixture = Fixture::start().await;
    fixture.facts("a", &facts("a", &[], None), TextWrite::Keep, false).await;
    let writes: Vec<_> =
        (0..MANY).map(|at| ImageWrite::Embedded(stored(&id(at), 1), unit([1.0, at as f32, 1.0]))).collect();
    fixture.images("a", &writes).await;
    fixture.images("b", &writes[..1]).await;
    let ids: Vec<_> = (0..MANY).map(id).collect();
    let state = fixture.catalogue.article_state("a").await.unwrap();
    assert!(state.images.keys().eq(&ids));
    let view = fixture.catalogue.article_with_list("a").await.unwrap().unwrap();
    assert!(view.profile.images.iter().map(|image| &image.image_id).eq(&ids), "ordered by image id");
}
