//! Lists against sorting everything, and who is affected.

use proptest::prelude::*;

use super::*;
use crate::domain::article::Member;
use crate::domain::embedding::Embedding;
use crate::domain::list::Neighbour;

/// An article whose images point in these directions (degrees).
fn article(id: &str, degrees: &[u16]) -> Profile {
    let member = |(at, degrees): (usize, &u16)| {
        let (sine, cosine) = f32::from(*degrees).to_radians().sin_cos();
        Member {
            image_id: format!("image-{at}"),
            view: None,
            position: None,
            version: 1,
            embedding: Embedding::normalised(vec![cosine, sine]).unwrap(),
        }
    };
    Profile {
        article_id: id.to_owned(),
        categories: Vec::new(),
        group: None,
        version: 1,
        images: degrees.iter().enumerate().map(member).collect(),
        text: None,
    }
}

fn begun(profile: Profile, list: Option<NeighbourList>) -> Begun {
    Begun { profile, rank: RankState { sequence: 7, dirty: true, list, ..RankState::default() } }
}

fn catalogue() -> impl Strategy<Value = Vec<Profile>> {
    proptest::collection::vec(proptest::collection::vec((0u16..24).prop_map(|step| step * 15), 1..4), 1..9)
        .prop_map(|all| all.iter().enumerate().map(|(at, d)| article(&format!("a{at}"), d)).collect())
}

/// The score of two articles alone.
fn score(comparison: &Comparison, a: &Profile, b: &Profile) -> Option<f64> {
    let (a, b) = (Packed::of(a, 2).unwrap(), Packed::of(b, 2).unwrap());
    let ranked = comparison.rank(&a, [(&b, f64::INFINITY)], 1);
    ranked.neighbours.first().map(|neighbour| neighbour.score)
}

proptest! {
    #[test]
    fn the_list_is_the_best_k_in_order(catalogue in catalogue(), k in 1usize..6) {
        let (comparison, rank) = (Comparison::default(), RankState::default());
        let candidates: Vec<_> = catalogue.iter().map(|profile| (profile, &rank)).collect();
        let decision = decide(&begun(catalogue[0].clone(), None), &candidates, &comparison, k).unwrap();
        let mut all: Vec<(f64, String)> = catalogue[1..]
            .iter()
            .filter_map(|other| Some((score(&comparison, &catalogue[0], other)?, other.article_id.clone())))
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        let list: Vec<_> = decision.state.list.unwrap().neighbours.into_iter().map(|n| (n.score, n.article_id)).collect();
        prop_assert_eq!(&list, &all);
        prop_assert_eq!(decision.state.tau, (all.len() == k).then(|| all[k - 1].0));
    }

    /// If X belongs in A's list, then A is affected by X, whatever A's bar was made of.
    #[test]
    fn whoever_must_take_this_one_in_is_affected(catalogue in catalogue(), k in 1usize..4) {
        let (comparison, none) = (Comparison::default(), RankState::default());
        let others: Vec<_> = catalogue[1..].iter().map(|profile| (profile, &none)).collect();
        let everyone: Vec<_> = catalogue.iter().map(|profile| (profile, &none)).collect();
        let states: Vec<RankState> = catalogue[1..]
            .iter()
            .map(|a| decide(&begun(a.clone(), None), &others, &comparison, k).unwrap().state)
            .collect();
        let candidates: Vec<_> = catalogue[1..].iter().zip(&states).collect();
        let decision = decide(&begun(catalogue[0].clone(), None), &candidates, &comparison, k).unwrap();
        for a in &catalogue[1..] {
            let list = decide(&begun(a.clone(), None), &everyone, &comparison, k).unwrap().state.list.unwrap();
            if list.neighbours.iter().any(|neighbour| neighbour.article_id == "a0") {
                prop_assert!(decision.affected.contains(&a.article_id), "{} was not told", a.article_id);
            }
        }
    }
}

#[test]
fn a_list_is_published_only_when_it_changed() {
    let (x, a) = (article("x", &[0]), article("a", &[10]));
    let rank = RankState::default();
    let comparison = Comparison::default();
    let first = decide(&begun(x.clone(), None), &[(&a, &rank)], &comparison, 3).unwrap();
    assert!(first.publish);
    let again = decide(&begun(x.clone(), first.state.list.clone()), &[(&a, &rank)], &comparison, 3).unwrap();
    assert!(!again.publish);
    assert_eq!(again.state.list, first.state.list, "the list in the store is the one that was published");
    let moved = article("a", &[20]);
    let changed = decide(&begun(x, first.state.list), &[(&moved, &rank)], &comparison, 3).unwrap();
    assert!(changed.publish);
}

#[test]
fn an_article_with_nothing_left_gets_a_tombstone_once() {
    let empty = Profile { images: Vec::new(), ..article("x", &[]) };
    let list = NeighbourList {
        article_id: "x".into(),
        sequence: 3,
        version: 1,
        neighbours: Vec::<Neighbour>::new(),
    };
    let decision = decide(&begun(empty.clone(), Some(list)), &[], &Comparison::default(), 3).unwrap();
    assert!(decision.publish && decision.state.list.is_none());
    let again = decide(&begun(empty, None), &[], &Comparison::default(), 3).unwrap();
    assert!(!again.publish);
}

#[test]
fn full_lists_admit_only_what_reaches_their_bar_and_dirty_ones_everything() {
    let (x, near, far) = (article("x", &[0]), article("near", &[5]), article("far", &[80]));
    let full = RankState { sequence: 1, tau: Some(0.9), ..RankState::default() };
    let dirty = RankState { dirty: true, ..full.clone() };
    let never_ranked = RankState::default();
    let comparison = Comparison::default();
    let affected = |state: &RankState| {
        let candidates = [(&near, state), (&far, state)];
        decide(&begun(x.clone(), None), &candidates, &comparison, 3).unwrap().affected
    };
    assert_eq!(affected(&full), ["near"]);
    assert_eq!(affected(&dirty), ["near", "far"]);
    assert!(affected(&never_ranked).is_empty(), "its own first ranking will see this one");
}
