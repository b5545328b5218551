//! Long random histories, larger than what can be visited state by state: every step
//! keeps what must hold, and every history ends with right lists.

use list_maintenance::Sizes;
use proptest::prelude::*;
use stateright::{Expectation, Model};

use super::check::is_over;
use super::lists::{Action, Lists};
use super::state::{Content, Event, Id};

/// Steps after which a history that does not end is taken for one that never will.
const MAX_STEPS: usize = 20_000;

/// Near each other, far away, or nothing to compare.
fn contents() -> impl Strategy<Value = Content> {
    proptest::option::weighted(0.85, prop_oneof![4 => 0u8..6, 1 => 20u8..24])
}

/// Up to four lists, quiet articles around them, and events with versions in any order.
fn scenarios() -> impl Strategy<Value = Lists> {
    let articles = (proptest::collection::vec(contents(), 2..5), proptest::collection::vec(contents(), 0..4));
    let events = proptest::collection::vec((any::<u8>(), contents()), 1..7).prop_shuffle();
    let faults = (0u8..4, 0u8..3, 0u8..3, 0u8..4, any::<bool>(), any::<bool>());
    (articles, events, 1usize..3, 0usize..3, faults).prop_map(
        |((listed, quiet), events, k, spare, faults)| {
            let event = |(at, (article, content)): (usize, &(u8, Content))| Event {
                article: article % listed.len() as Id,
                // Versions fall as often as they grow.
                version: 1 + (at as u8 * 5) % 7,
                content: *content,
            };
            let events: Vec<Event> = events.iter().enumerate().map(event).collect();
            let mut lists = Lists::new(&[&listed[..], &quiet].concat(), &events);
            lists.listed = listed.len();
            lists.settings.sizes = Sizes { k, kept: k + spare };
            (lists.rebalances, lists.replays, lists.duplicates, lists.repeats, ..) = faults;
            (.., lists.watched_last, lists.remembers) = faults;
            lists
        },
    )
}

/// What always leads to an end.
fn is_progress(action: &Action) -> bool {
    !matches!(
        action,
        Action::Replay(_)
            | Action::Rebalance(_)
            | Action::Duplicate(..)
            | Action::Repeat(_)
            | Action::PerformFormer(_)
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_ends_with_right_lists(
        lists in scenarios(), choices in proptest::collection::vec(any::<u16>(), 0..400),
    ) {
        let mut world = lists.init_states().remove(0);
        let must_hold = lists.properties();
        let must_hold = must_hold.iter().filter(|property| property.expectation == Expectation::Always);
        let mut choices = choices.into_iter();
        for step in 0.. {
            prop_assert!(step < MAX_STEPS, "it does not end");
            let mut actions = Vec::new();
            lists.actions(&world, &mut actions);
            let choice = choices.next();
            if choice.is_none() {
                actions.retain(is_progress);
            }
            let mut possible = actions.iter().filter_map(|action| lists.next_state(&world, *action));
            let next = match choice {
                Some(choice) => {
                    let possible: Vec<_> = possible.collect();
                    let count = possible.len();
                    possible.into_iter().nth(usize::from(choice) % count.max(1))
                }
                None => possible.next(),
            };
            let Some(next) = next else { break };
            world = next;
            for property in must_hold.clone() {
                prop_assert!((property.condition)(&lists, &world), "{} after {step} steps", property.name);
            }
        }
        prop_assert!(is_over(&lists, &world), "something is left to do");
    }
}
