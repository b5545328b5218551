//! Every interleaving of small scenarios, and the parts that none of them can do without.
//!
//! `cargo test -p list-maintenance --test model -- --nocapture` prints how many
//! states each check visited.

use std::time::Instant;

use stateright::{Checker, Model};

use super::lists::{Fault, Lists};
use super::state::{Content, Event, Id};

fn sets(article: Id, version: u8, content: u8) -> Event {
    Event { article, version, content: Some(content) }
}

fn deletes(article: Id, version: u8) -> Event {
    Event { article, version, content: None }
}

/// Articles 0 and 1 have lists of k = 1 and 2 entries, which three quiet articles fill
/// around content 0: the bars are high there, and no list is complete.
fn crowded(contents: [Content; 2], events: &[Event]) -> Lists {
    let quiet = [Some(0), Some(1), Some(2)];
    Lists { listed: 2, watched_last: true, ..Lists::new(&[&contents[..], &quiet].concat(), events) }
}

/// Lists that keep no more than they publish, so that each loss calls for a search.
fn without_spare(events: &[Event]) -> Lists {
    let mut lists = Lists { listed: 2, ..Lists::new(&[Some(0), Some(0), Some(1)], events) };
    lists.settings.sizes.kept = 1;
    lists
}

/// Visits every state and holds each against what must hold, with owners who remember
/// and with owners who do not.
fn check(name: &str, scenario: Lists) {
    for remembers in [false, true] {
        let begun = Instant::now();
        let scenario = Lists { remembers, ..scenario.clone() };
        let checker = scenario.checker().threads(2).spawn_dfs().join();
        let states = checker.unique_state_count();
        println!("{name}, remembers {remembers}: {states} states in {:.1?}", begun.elapsed());
        checker.assert_properties();
    }
}

/// Without this part, something wrong is found.
fn is_needed(fault: Fault, scenario: Lists) {
    let scenario = Lists { fault: Some(fault), ..scenario };
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    let found = checker.discoveries();
    println!("{fault:?}: {} after {} states", found.len(), checker.unique_state_count());
    assert!(!found.is_empty(), "nothing goes wrong with {fault:?}");
}

#[test]
fn two_articles_change_at_once_and_a_third_looks_on() {
    check("two change", Lists::new(&[Some(0), Some(3), Some(5)], &[sets(0, 1, 9), sets(1, 1, 8)]));
}

#[test]
fn two_articles_meet_while_an_owner_is_paused() {
    let meet = crowded([Some(0), Some(50)], &[sets(0, 1, 20), sets(1, 1, 23)]);
    check("two meet, one pause", Lists { rebalances: 1, ..meet });
}

#[test]
fn two_articles_miss_each_other_while_an_owner_is_paused() {
    let miss = crowded([Some(0), Some(23)], &[sets(0, 1, 20), sets(1, 1, 50)]);
    check("two miss each other, one pause", Lists { rebalances: 1, ..miss.clone() });
    check("two miss each other, one replay", Lists { replays: 1, ..miss });
}

#[test]
fn the_topic_is_put_right_whenever_it_is_read() {
    let passes = crowded([Some(0), Some(23)], &[sets(1, 1, 1), sets(1, 2, 50)]);
    check(
        "one passes by, one pause, topic read at any time",
        Lists { rebalances: 1, watched_last: false, ..passes },
    );
}

#[test]
fn repeated_and_reordered_records_change_nothing() {
    let passes = crowded([Some(0), Some(23)], &[sets(1, 1, 1), sets(1, 2, 50)]);
    check("one passes by, one replay, one duplicate", Lists { replays: 1, duplicates: 1, ..passes.clone() });
    check("one passes by, one write repeated", Lists { repeats: 1, ..passes });
}

#[test]
fn two_pauses_one_after_the_other() {
    let enters = crowded([Some(0), Some(50)], &[sets(1, 1, 0)]);
    check("one enters, two pauses", Lists { rebalances: 2, ..enters });
}

#[test]
fn lists_are_filled_again() {
    let events = [sets(1, 1, 50), sets(1, 2, 0), sets(0, 1, 2)];
    check("no spare, one pause", Lists { rebalances: 1, ..without_spare(&events[..1]) });
    check("no spare, three events", Lists { watched_last: true, ..without_spare(&events) });
}

/// Article 1 is the second of two entries, of which one is published.
#[test]
fn what_is_not_published_is_stored_without_a_claim() {
    let moves = crowded([Some(0), Some(1)], &[sets(1, 1, 50), sets(1, 2, 1)]);
    check("the second leaves and returns, one pause", Lists { rebalances: 1, ..moves.clone() });
    check("the second leaves and returns, one write repeated", Lists { repeats: 1, ..moves });
    let stays = crowded([Some(0), Some(1)], &[sets(1, 1, 1), sets(1, 2, 50)]);
    check("the second stays and leaves, one replay", Lists { replays: 1, ..stays });
}

#[test]
fn deletes_reach_every_list() {
    let other = crowded([Some(0), Some(0)], &[deletes(1, 1), sets(0, 1, 1)]);
    check("one deleted, one moves, one pause", Lists { rebalances: 1, ..other });
    let back = crowded([Some(0), Some(0)], &[deletes(1, 1), sets(1, 2, 0)]);
    check("one deleted and back, one pause", Lists { rebalances: 1, ..back });
}

#[test]
fn new_articles_find_each_other() {
    let new = crowded([None, None], &[sets(0, 1, 0), sets(1, 1, 0)]);
    check("two new, one pause", Lists { rebalances: 1, ..new });
}

#[test]
fn three_lists_change_at_once() {
    let contents = [Some(0), Some(1), Some(30), Some(0), Some(1), Some(2)];
    let events = [sets(2, 1, 0), sets(0, 1, 30), deletes(1, 1)];
    check("three lists", Lists { listed: 3, watched_last: true, ..Lists::new(&contents, &events) });
}

/// Minutes: `cargo test -p list-maintenance -- --ignored`.
#[test]
#[ignore = "visits tens of millions of states"]
fn more_of_everything() {
    let passes = crowded([Some(0), Some(23)], &[sets(1, 1, 1), sets(1, 2, 50)]);
    check("one passes by, one pause, one duplicate", Lists { rebalances: 1, duplicates: 1, ..passes });
    let meet = crowded([Some(0), Some(50)], &[sets(0, 1, 20), sets(1, 1, 23)]);
    check("two meet, one pause, read at any time", Lists { rebalances: 1, watched_last: false, ..meet });
    let moves = Lists::new(&[Some(0), Some(3), Some(5)], &[sets(0, 1, 9)]);
    check("one moves among three, two pauses", Lists { rebalances: 2, watched_last: true, ..moves });
}

#[test]
fn the_dirty_mark_is_needed() {
    is_needed(Fault::NoDirtyMark, crowded([Some(0), Some(50)], &[sets(0, 1, 20), sets(1, 1, 23)]));
}

#[test]
fn saying_whom_a_list_may_hold_is_needed() {
    let searched = crowded([Some(0), Some(23)], &[sets(0, 1, 20), sets(1, 1, 50)]);
    is_needed(Fault::NotHeldBefore, searched);
    let told = crowded([Some(0), Some(50)], &[sets(1, 1, 1), sets(1, 2, 50)]);
    is_needed(Fault::NotHeldBefore, told);
}

#[test]
fn a_claim_for_whom_the_list_does_not_hold_is_needed() {
    let second = crowded([Some(0), Some(50)], &[sets(1, 1, 1), sets(1, 2, 50)]);
    is_needed(Fault::HeldAssumed, Lists { remembers: true, ..second });
}

#[test]
fn comparing_revisions_is_needed() {
    is_needed(Fault::RevisionsIgnored, crowded([Some(0), Some(50)], &[sets(1, 1, 1), sets(1, 2, 50)]));
}

#[test]
fn comparing_versions_of_events_is_needed() {
    is_needed(Fault::VersionsIgnored, crowded([Some(0), Some(50)], &[sets(1, 1, 1), sets(1, 2, 50)]));
}

#[test]
fn the_horizon_is_needed() {
    is_needed(Fault::HorizonIgnored, without_spare(&[sets(1, 1, 50)]));
}

#[test]
fn publishing_before_storing_as_clean_is_needed() {
    let moves = crowded([Some(0), Some(50)], &[sets(0, 1, 20)]);
    is_needed(Fault::StoredBeforePublished, Lists { rebalances: 1, ..moves });
}

#[test]
fn reading_back_what_was_stored_is_needed() {
    let enters = crowded([Some(0), Some(50)], &[sets(1, 1, 0)]);
    is_needed(Fault::NotConfirmed, Lists { rebalances: 1, ..enters });
}

#[test]
fn committing_last_is_needed() {
    let moves = crowded([Some(0), Some(50)], &[sets(0, 1, 20)]);
    is_needed(Fault::CommittedEarly, Lists { rebalances: 1, ..moves });
}

#[test]
fn reading_the_topic_back_is_needed() {
    let twice = crowded([Some(0), Some(50)], &[sets(0, 1, 20), sets(0, 2, 1)]);
    is_needed(Fault::NotWatched, Lists { rebalances: 1, ..twice });
}
