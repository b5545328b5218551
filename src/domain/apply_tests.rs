//! Versions decide, not order: against a naive model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::article::StoredImage;

/// Carries a plan out; files named `broken` are rejected.
fn carry_out(state: &ArticleState, events: &[Event]) -> ArticleState {
    let plan = plan(state, events);
    let mut after = state.clone();
    for image in &plan.images {
        let chosen = image
            .candidates
            .iter()
            .find(|candidate| candidate.image.is_none_or(|fields| fields.uri != "broken"));
        let Some(chosen) = chosen else { continue };
        after.images.insert(
            image.image_id.to_owned(),
            StoredImage {
                image_id: image.image_id.to_owned(),
                version: chosen.version,
                deleted: chosen.image.is_none(),
                uri: chosen.image.map(|fields| fields.uri.clone()),
                view: None,
                position: None,
                etag: None,
                content_hash: None,
            },
        );
    }
    let gone: Vec<String> = images_deleted_with_article(&after, &plan).map(str::to_owned).collect();
    for image_id in gone {
        // An image of the same batch that outlives the deletion stays.
        let outlives = |image: &StoredImage| Some(image.version) >= plan.deleted_version;
        if after.images.get(&image_id).is_some_and(outlives) {
            continue;
        }
        let version = plan.deleted_version.expect("something deleted it");
        let tombstone = StoredImage::tombstone(&image_id, version);
        after.images.insert(image_id, tombstone);
    }
    let live = after.images.values().filter(|image| !image.deleted).count();
    after.facts = Some(facts_after(state, &plan, live));
    after
}

/// What users see of an article: its live images' uris and its title.
type Visible = (BTreeMap<String, String>, Option<String>);

fn visible(state: &ArticleState) -> Visible {
    let live = state.images.values().filter(|image| !image.deleted);
    let images = live.map(|image| (image.image_id.clone(), image.uri.clone().unwrap_or_default())).collect();
    (images, state.facts.as_ref().and_then(|facts| facts.fields.title.clone()))
}

/// The newest usable wish for each image and the text, if no newer deletion exists.
fn naive(events: &[Event]) -> Visible {
    let deleted = events.iter().filter(|e| e.change == Change::ArticleDeleted).map(|e| e.version).max();
    let mut sorted: Vec<&Event> = events.iter().filter(|e| Some(e.version) >= deleted).collect();
    sorted.sort_by_key(|event| event.version);
    let (mut images, mut title) = (BTreeMap::new(), None);
    for event in sorted {
        match &event.change {
            Change::ImageUpserted(image) if image.uri != "broken" => {
                images.insert(image.image_id.clone(), image.uri.clone());
            }
            Change::ImageUpserted(_) | Change::ArticleDeleted => {}
            Change::ImageDeleted { image_id } => {
                images.remove(image_id);
            }
            Change::ArticleUpserted(fields) => title.clone_from(&fields.title),
        }
    }
    (images, title)
}

fn event(kind: u8, image: u8, version: Version) -> Event {
    let image_id = format!("image-{image}");
    let uri = if kind == 0 { "broken".to_owned() } else { format!("s3://b/{version}") };
    let change = match kind {
        0..=4 => Change::ImageUpserted(ImageFields { image_id, uri, view: None, position: None, etag: None }),
        5 => Change::ImageDeleted { image_id },
        6 | 7 => Change::ArticleUpserted(ArticleFields {
            title: Some(format!("title {version}")),
            ..Default::default()
        }),
        _ => Change::ArticleDeleted,
    };
    Event { article_id: "a".into(), version, occurred_at: None, change }
}

/// Events of distinct versions, as one producer sequence gives them.
fn history() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((0u8..9, 0u8..3), 1..14).prop_map(|kinds| {
        kinds
            .into_iter()
            .enumerate()
            .map(|(at, (kind, image))| event(kind, image, at as Version + 1))
            .collect()
    })
}

/// Any order, any repetition, any batching.
fn delivery() -> impl Strategy<Value = (Vec<Event>, Vec<Vec<Event>>)> {
    (history(), any::<u64>(), 1usize..5).prop_flat_map(|(events, _, batch)| {
        let repeated = events.iter().chain(events.iter()).cloned().collect::<Vec<_>>();
        (Just(events), Just(repeated).prop_shuffle())
            .prop_map(move |(events, shuffled)| (events, shuffled.chunks(batch).map(<[_]>::to_vec).collect()))
    })
}

proptest! {
    #[test]
    fn any_order_repetition_and_batching_ends_in_the_same_state((events, batches) in delivery()) {
        let mut state = ArticleState::default();
        for batch in &batches {
            state = carry_out(&state, batch);
        }
        prop_assert_eq!(visible(&state), naive(&events));
    }

    #[test]
    fn every_event_has_exactly_one_fate((_, batches) in delivery()) {
        let mut state = ArticleState::default();
        for batch in &batches {
            let plan = plan(&state, batch);
            let mut fates: Vec<usize> = plan.superseded.clone();
            fates.extend(&plan.deletions);
            fates.extend(plan.text.iter().map(|(event, ..)| *event));
            fates.extend(plan.images.iter().flat_map(|image| &image.candidates).map(|one| one.event));
            fates.sort_unstable();
            prop_assert_eq!(fates, (0..batch.len()).collect::<Vec<_>>());
            state = carry_out(&state, batch);
        }
    }
}

#[test]
fn a_late_event_does_not_bring_a_deleted_article_back() {
    let state = carry_out(&ArticleState::default(), &[event(1, 0, 3), event(6, 0, 4)]);
    let state = carry_out(&state, &[event(8, 0, 7)]);
    assert!(state.facts.as_ref().is_some_and(|facts| facts.deleted));
    let late = [event(1, 0, 5), event(6, 0, 6)];
    assert!(plan(&state, &late).changes_nothing());
    let newer = carry_out(&state, &[event(1, 0, 8)]);
    assert_eq!(visible(&newer).0.len(), 1, "a newer event brings it back");
    assert_eq!(visible(&newer).1, None, "without the text from before");
}

#[test]
fn a_deletion_leaves_a_tombstone_for_an_image_that_came_with_it() {
    let state = carry_out(&ArticleState::default(), &[event(1, 0, 3), event(8, 0, 4), event(1, 1, 5)]);
    let images: Vec<_> = state.images.values().map(|image| (image.version, image.deleted)).collect();
    assert_eq!(images, [(4, true), (5, false)]);
}

#[test]
fn the_stored_version_again_counts_as_applied() {
    let events = [event(1, 0, 3)];
    let state = carry_out(&ArticleState::default(), &events);
    assert!(plan(&state, &events).superseded.is_empty());
}
