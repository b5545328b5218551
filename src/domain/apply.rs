//! Which events change an article, decided from the stored state alone.
//!
//! Guarantee: an older version never changes state, in any order, with any
//! repetition, after any replay (G4). Deciding the same events in one batch or one
//! by one ends in the same state; only a text that cannot be embedded takes an older
//! one of its batch with it. An event with exactly the stored version counts
//! as applied again, so that a replay after a crash repeats what may have been
//! lost after the write.

use std::collections::{BTreeMap, BTreeSet};

use super::article::{ArticleFacts, ArticleState};
use super::event::{ArticleFields, Change, Event, ImageFields, Version};

/// One wish for an image, newest first among its [`ImagePlan::candidates`].
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<'a> {
    /// Index of the event in the batch.
    pub event: usize,
    pub version: Version,
    /// `None` deletes the image.
    pub image: Option<&'a ImageFields>,
}

/// What is to become of one image: the first candidate that can be carried out.
/// An upsert whose file is rejected leaves the next one its turn.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePlan<'a> {
    pub image_id: &'a str,
    pub candidates: Vec<Candidate<'a>>,
}

/// The decision about a batch of events of one article.
#[derive(Debug, Default, PartialEq)]
pub struct Plan<'a> {
    pub images: Vec<ImagePlan<'a>>,
    /// Newest text to set, with its event index and version.
    pub text: Option<(usize, Version, &'a ArticleFields)>,
    /// `article.deleted` version in force after this batch.
    pub deleted_version: Option<Version>,
    /// Events that delete the article and are in force.
    pub deletions: Vec<usize>,
    /// Images that were never stored and are deleted with the article. Somebody who no
    /// longer owns it may still be about to store them.
    pub never_stored: BTreeSet<&'a str>,
    /// Events that are older than what is stored or than another event here.
    pub superseded: Vec<usize>,
}

impl Plan<'_> {
    /// No event is newer than what is stored.
    pub fn changes_nothing(&self) -> bool {
        self.images.is_empty() && self.text.is_none() && self.deletions.is_empty()
    }
}

/// Decides what a batch of events of one article changes.
pub fn plan<'a>(state: &ArticleState, events: &'a [Event]) -> Plan<'a> {
    let mut plan = Plan { deleted_version: state.deleted_version(), ..Plan::default() };
    plan_deletions(events, &mut plan);
    plan_text(state, events, &mut plan);
    plan_images(state, events, &mut plan);
    plan
}

fn plan_deletions(events: &[Event], plan: &mut Plan<'_>) {
    let deletions = || events.iter().enumerate().filter(|(_, event)| event.change == Change::ArticleDeleted);
    plan.deleted_version = deletions().map(|(_, event)| event.version).max().max(plan.deleted_version);
    for (index, event) in deletions() {
        if Some(event.version) == plan.deleted_version {
            plan.deletions.push(index);
        } else {
            plan.superseded.push(index);
        }
    }
}

fn plan_text<'a>(state: &ArticleState, events: &'a [Event], plan: &mut Plan<'a>) {
    let floor = state.text_version().max(plan.deleted_version).unwrap_or(0);
    for (index, event) in events.iter().enumerate() {
        let Change::ArticleUpserted(fields) = &event.change else { continue };
        let newest = plan.text.as_ref().is_none_or(|(_, version, _)| event.version >= *version);
        if event.version < floor || !newest {
            plan.superseded.push(index);
        } else if let Some((older, ..)) = plan.text.replace((index, event.version, fields)) {
            plan.superseded.push(older);
        }
    }
}

fn plan_images<'a>(state: &ArticleState, events: &'a [Event], plan: &mut Plan<'a>) {
    let mut wishes: BTreeMap<&str, Vec<Candidate<'a>>> = BTreeMap::new();
    for (event, Event { version, change, .. }) in events.iter().enumerate() {
        let (image_id, image) = match change {
            Change::ImageUpserted(image) => (image.image_id.as_str(), Some(image)),
            Change::ImageDeleted { image_id } => (image_id.as_str(), None),
            Change::ArticleUpserted(_) | Change::ArticleDeleted => continue,
        };
        let stored = state.images.get(image_id).map(|image| image.version);
        if *version < stored.max(plan.deleted_version).unwrap_or(0) {
            plan.superseded.push(event);
            if stored.is_none() && image.is_some() && !plan.deletions.is_empty() {
                plan.never_stored.insert(image_id);
            }
        } else {
            wishes.entry(image_id).or_default().push(Candidate { event, version: *version, image });
        }
    }
    for (image_id, mut candidates) in wishes {
        // Newest first; of equal versions the later record, as if applied one by one.
        candidates.sort_by_key(|candidate| std::cmp::Reverse((candidate.version, candidate.event)));
        if let Some(deletion) = candidates.iter().position(|candidate| candidate.image.is_none()) {
            // A deletion always succeeds: nothing older can have its turn.
            plan.superseded.extend(candidates.drain(deletion + 1..).map(|candidate| candidate.event));
        }
        plan.images.push(ImagePlan { image_id, candidates });
    }
}

/// The article's facts after a plan; `live_images` counts images that are not
/// deleted after it.
pub fn facts_after(state: &ArticleState, plan: &Plan<'_>, live_images: usize) -> ArticleFacts {
    let mut facts = state.facts.clone().unwrap_or_default();
    facts.deleted_version = plan.deleted_version;
    if let Some((_, version, fields)) = &plan.text {
        facts.fields = (*fields).clone();
        facts.text_version = Some(*version);
    } else if facts.text_version < plan.deleted_version {
        facts.fields = ArticleFields::default();
        facts.text_version = None;
    }
    facts.image_count = live_images;
    facts.deleted = live_images == 0 && facts.text_version.is_none();
    facts
}

/// Images that the article's deletion removes: live or not yet stored, older than it.
pub fn images_deleted_with_article<'s>(
    state: &'s ArticleState,
    plan: &'s Plan<'_>,
) -> impl Iterator<Item = &'s str> {
    let deleted = plan.deleted_version;
    let stored = state.images.values().filter(move |image| !image.deleted && Some(image.version) < deleted);
    stored.map(|image| image.image_id.as_str()).chain(plan.never_stored.iter().copied())
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
