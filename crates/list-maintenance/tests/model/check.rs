//! What must hold.

use list_maintenance::{Mark, Place, Request, Revision, Scored};
use stateright::Property;

use super::lists::{Fault, Lists};
use super::state::{Content, Id, Message, World, plain, score};

const RIGHT: &str = "lists are right in the end";
const COMMITTED: &str = "what is committed is done";

pub(crate) fn properties(model: &Lists) -> Vec<Property<Lists>> {
    match model.fault {
        // One violation is enough.
        Some(Fault::NotConfirmed) => {
            return vec![Property::always(COMMITTED, |_, world| committed_is_done(world))];
        }
        Some(_) => return vec![Property::always(RIGHT, right_in_the_end)],
        None => {}
    }
    vec![
        Property::always(RIGHT, right_in_the_end),
        Property::always(COMMITTED, |_, world| committed_is_done(world)),
        Property::always("one list for each sequence", |_, world: &World| {
            world.topics.iter().all(|topic| !topic.torn)
        }),
        Property::always("a list holds only what it said it may hold", |_, world| entries_are_held(world)),
        Property::always("no mark is left by an owner who was not paused", |model: &Lists, world: &World| {
            model.rebalances > 0 || !world.is_idle() || !is_marked(world)
        }),
        Property::sometimes("it ends", |_, world: &World| world.is_idle()),
    ]
}

/// Nothing is left to do, for the watch and the sweeper neither.
pub(crate) fn is_over(model: &Lists, world: &World) -> bool {
    let watched = world.topics.iter().all(|topic| topic.watched) || model.fault == Some(Fault::NotWatched);
    world.is_idle() && watched && !is_marked(world)
}

fn is_marked(world: &World) -> bool {
    world.articles.iter().any(|article| article.stored.mark != Mark::Clear)
}

/// When nothing is left to do, the store has the newest
/// versions; every list is what sorting everything gives, down to its horizon in the
/// store, and the best k as last record of the topic, and for a consumer that drops lower sequences; no mark is left.
fn right_in_the_end(model: &Lists, world: &World) -> bool {
    if !is_over(model, world) {
        return true;
    }
    (0..model.contents.len() as Id).all(|article| {
        let stored = &world.articles[article as usize];
        let topic = &world.topics[article as usize];
        let newest = stored.content == final_content(model, article);
        if !model.has_list(article) {
            return newest;
        }
        let list = stored.stored.list.as_ref();
        let kept = list.map(|list| plain(list.entries.as_slice()));
        let all = oracle(model, article);
        let within = all.as_ref().map(|all| match list.and_then(|list| list.entries.horizon()) {
            Some(horizon) => all.iter().filter(|place| **place <= *horizon).cloned().collect(),
            None => all.clone(),
        });
        let published = all.map(|all| all[..all.len().min(model.settings.sizes.k)].to_vec());
        newest && kept == within && topic.newest.1 == published && topic.last.1 == published
    })
}

/// Content after the newest version.
fn final_content(model: &Lists, article: Id) -> Content {
    let events = model.events.iter().filter(|event| event.article == article);
    match events.max_by_key(|event| event.version) {
        Some(event) => event.content,
        None => model.contents[article as usize],
    }
}

/// Brute force over the final catalogue.
fn oracle(model: &Lists, article: Id) -> Option<Vec<Place<Id>>> {
    let own = final_content(model, article);
    own?;
    let others = (0..model.contents.len() as Id).filter(|other| *other != article);
    let mut places: Vec<Place<Id>> = others
        .filter_map(|id| score(own, final_content(model, id), model.reach).map(|score| Place { score, id }))
        .collect();
    places.sort();
    Some(places)
}

/// A committed change is in the article's own list; a committed pair is in the entries as
/// long as both sides are what was compared.
fn committed_is_done(world: &World) -> bool {
    (0u8..).zip(&world.queues).all(|(article, queue)| {
        let own = &world.articles[article as usize];
        let list = own.stored.list.as_ref();
        queue.records[..queue.committed].iter().all(|record| match (&record.message, list) {
            (Request::Changed, Some(list)) => list.revision >= Revision(u64::from(record.label)),
            (Request::Changed, None) => own.content.is_none() || own.version > record.label,
            _ => scored_of(&record.message).is_none_or(|scored| {
                let other = &world.articles[scored.other as usize];
                let current = scored.other_revision == Revision(u64::from(other.label))
                    && scored.revision == Revision(u64::from(own.label));
                let whole = other.label == other.version && own.label == own.version;
                let Some(list) = list.filter(|list| current && whole && list.revision == scored.revision)
                else {
                    return true;
                };
                let place = scored.compared.map(|(score, ())| Place { score, id: scored.other });
                let within =
                    place.filter(|place| list.entries.horizon().is_none_or(|horizon| place <= horizon));
                let entry = list.entries.as_slice().iter().find(|entry| entry.id == scored.other);
                entry.map(|entry| entry.score) == within.map(|place| place.score)
            }),
        })
    })
}

fn scored_of(request: &Message) -> Option<&Scored<Id, ()>> {
    match request {
        Request::Scored(scored) => Some(scored),
        Request::Changed | Request::Sweep | Request::Republish => None,
    }
}

fn entries_are_held(world: &World) -> bool {
    world.articles.iter().all(|article| {
        let entries = article.stored.list.iter().flat_map(|list| list.entries.as_slice());
        entries.map(|entry| entry.id).all(|id| article.stored.holds.contains(&id))
    })
}
