//! Entries against sorting everything.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Few scores, so that ties are common.
type World = BTreeMap<u8, u8>;

fn entry(id: u8, score: u8) -> Entry<u8, ()> {
    Entry { id, score: Score(f64::from(score)), revision: Revision(0), detail: () }
}

fn everything(world: &World) -> Vec<Entry<u8, ()>> {
    world.iter().map(|(id, score)| entry(*id, *score)).collect()
}

/// All articles of the world, best first.
fn sorted(world: &World) -> Vec<(u8, u8)> {
    let mut all: Vec<(u8, u8)> = world.iter().map(|(id, score)| (*id, *score)).collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    all
}

fn plain(entries: &[Entry<u8, ()>]) -> Vec<(u8, u8)> {
    entries.iter().map(|entry| (entry.id, entry.score.0 as u8)).collect()
}

fn worlds() -> impl Strategy<Value = World> {
    proptest::collection::btree_map(0u8..14, 0u8..6, 0..14)
}

/// A change of one article: its new score, or none any more.
fn changes() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
    proptest::collection::vec((0u8..14, proptest::option::weighted(0.7, 0u8..6)), 0..60)
}

proptest! {
    /// The promise of the module, for any history of inserts, moves and removals.
    #[test]
    fn the_best_k_are_brute_force_unless_a_search_is_asked_for(
        mut world in worlds(), changes in changes(), k in 1usize..4, spare in 0usize..4,
    ) {
        let sizes = Sizes { k, kept: k + spare };
        let mut entries = Entries::ranked(everything(&world), true, sizes);
        for (id, score) in changes {
            match score {
                Some(score) => {
                    world.insert(id, score);
                    entries.set(entry(id, score));
                }
                None => {
                    world.remove(&id);
                    entries.remove(&id);
                }
            }
            if entries.is_short(k) {
                entries = Entries::ranked(everything(&world), true, sizes);
            }
            let truth = sorted(&world);
            prop_assert_eq!(plain(entries.best(k)), &truth[..k.min(truth.len())]);
            prop_assert_eq!(plain(entries.as_slice()), &truth[..entries.as_slice().len()]);
            prop_assert!(entries.as_slice().len() <= sizes.kept);
        }
    }

    /// What the entries leave out ranks below the horizon, so nobody has to tell of it.
    #[test]
    fn nothing_at_or_above_the_horizon_is_left_out(
        mut world in worlds(), changes in changes(), k in 1usize..4, spare in 0usize..4,
    ) {
        let mut entries = Entries::ranked(everything(&world), true, Sizes { k, kept: k + spare });
        for (id, score) in changes {
            let told = |score: u8| entries.horizon().is_none_or(|horizon| Score(f64::from(score)) >= horizon.score);
            let was_in = entries.as_slice().iter().any(|entry| entry.id == id);
            match score {
                Some(score) => {
                    world.insert(id, score);
                    if told(score) || was_in {
                        entries.set(entry(id, score));
                    }
                }
                None => {
                    world.remove(&id);
                    if was_in {
                        entries.remove(&id);
                    }
                }
            }
            let truth = sorted(&world);
            let within = truth.iter().filter(|(id, score)| {
                let place = Place { score: Score(f64::from(*score)), id: *id };
                entries.horizon().is_none_or(|horizon| place <= *horizon)
            });
            prop_assert_eq!(plain(entries.as_slice()), within.copied().collect::<Vec<_>>());
        }
    }
}

#[test]
fn below_the_horizon_nothing_is_trusted() {
    let world = World::from([(1, 5), (2, 4), (3, 3)]);
    let mut entries = Entries::ranked(everything(&world), true, Sizes { k: 1, kept: 2 });
    assert!(entries.remove(&2), "it was stored");
    assert!(!entries.set(entry(4, 2)), "article 3 ranks before it, and is not stored");
    assert_eq!(plain(entries.as_slice()), [(1, 5)]);
    assert!(entries.set(entry(1, 3)), "it moves to where article 3 could be before it");
    assert!(entries.is_short(1));
}

#[test]
fn a_complete_list_takes_everything_and_is_never_short() {
    let mut entries = Entries::ranked(vec![entry(1, 5)], true, Sizes { k: 2, kept: 3 });
    assert!(entries.set(entry(2, 0)));
    entries.remove(&1);
    entries.remove(&2);
    assert!(!entries.is_short(2), "there is nothing to find");
    let truncated = Entries::ranked(vec![entry(1, 5)], false, Sizes { k: 2, kept: 3 });
    assert!(truncated.is_short(2));
}

#[test]
fn what_is_equal_in_everything_changes_nothing() {
    let mut entries = Entries::ranked(vec![entry(1, 5)], true, Sizes { k: 1, kept: 2 });
    assert!(!entries.set(entry(1, 5)));
    assert!(entries.set(Entry { revision: Revision(1), ..entry(1, 5) }));
}
