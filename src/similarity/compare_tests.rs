//! Symmetry to the last bit, every case of a missing signal, eligibility, ties.

use proptest::prelude::*;

use list_maintenance::Explanation as _;

use super::*;
use crate::domain::article::{Member, Profile};
use crate::domain::embedding::Embedding;

fn member(image_id: &str, numbers: &[f32]) -> Member {
    Member {
        image_id: image_id.to_owned(),
        view: None,
        position: None,
        version: 1,
        embedding: Embedding::normalised(numbers.to_vec()).unwrap().into(),
    }
}

/// Images `i0`, `i1`, … in these directions.
fn article(article_id: &str, images: &[[f32; 3]], text: Option<[f32; 3]>) -> Profile {
    Profile {
        article_id: article_id.to_owned(),
        categories: Vec::new(),
        group: None,
        version: 7,
        images: images.iter().enumerate().map(|(at, numbers)| member(&format!("i{at}"), numbers)).collect(),
        text: text.map(|numbers| Embedding::normalised(numbers.to_vec()).unwrap()),
    }
}

impl Comparison {
    /// The two alone, each way that a caller may ask.
    fn compare(&self, a: &Profile, b: &Profile) -> Option<Neighbour> {
        let (a, b) = (Packed::of(a, 3).unwrap(), Packed::of(b, 3).unwrap());
        let pair = self.comparer().compare(&a, &b);
        let neighbour = pair.map(|(score, why)| Neighbour::new(b.article_id.clone(), score, why));
        assert_eq!(self.rank(&a, [&b], 1), Vec::from_iter(neighbour.clone()), "a list of one");
        neighbour
    }

    fn list(&self, article: &Profile, others: &[&Profile], k: usize) -> Vec<Neighbour> {
        let others: Vec<Packed> = others.iter().map(|other| Packed::of(other, 3).unwrap()).collect();
        self.rank(&Packed::of(article, 3).unwrap(), &others, k)
    }
}

fn fused(text_weight: f64) -> Comparison {
    Comparison { text_weight, ..Comparison::default() }
}

const X: [f32; 3] = [1.0, 0.0, 0.0];
const Y: [f32; 3] = [0.0, 1.0, 0.0];
const XY: [f32; 3] = [3.0, 4.0, 0.0];

fn close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-7,
        (found, expected) => found == expected,
    }
}

fn assert_scores(found: &Neighbour, score: f64, image: Option<f64>, text: Option<f64>) {
    let right = close(Some(found.score), Some(score))
        && close(found.image_score, image)
        && close(found.text_score, text);
    assert!(right, "{found:?}, expected {score} of {image:?} and {text:?}");
    assert_eq!(found.coverage.is_some(), image.is_some());
}

fn vectors_of(max: usize) -> impl Strategy<Value = Vec<[f32; 3]>> {
    // Few directions, exact in f32, make ties frequent.
    let directions = [X, Y, [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], XY];
    proptest::collection::vec(proptest::sample::select(directions.to_vec()), 0..=max)
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let limits = (-1.0f64..1.0, proptest::option::of(1usize..4), 1usize..3, 0.0f64..2.0, 0.0f64..=1.0);
    limits.prop_map(|(threshold, max_matches, min_matches, coverage_weight, text_weight)| Comparison {
        matching: Matching { threshold, max_matches, min_matches, coverage_weight, ..Matching::default() },
        text_weight,
        ..Comparison::default()
    })
}

proptest! {
    #[test]
    fn both_sides_see_the_same_to_the_last_bit(
        a in vectors_of(4), b in vectors_of(4), text_a in vectors_of(1), text_b in vectors_of(1), comparison in comparison(),
    ) {
        let a = article("a", &a, text_a.first().copied());
        let b = article("b", &b, text_b.first().copied());
        let packed = |profile| Packed::of(profile, 3).unwrap();
        let mut comparer = comparison.comparer();
        let seen_from_a = comparer.compare(&packed(&a), &packed(&b));
        let seen_from_b = comparer.compare(&packed(&b), &packed(&a));
        prop_assert_eq!(seen_from_a.map(|(score, why)| (score, why.mirrored())), seen_from_b);
        let (of_a, of_b) = (comparison.compare(&a, &b), comparison.compare(&b, &a));
        prop_assert_eq!(of_a.is_some(), of_b.is_some());
        if let (Some(of_a), Some(of_b)) = (of_a, of_b) {
            let bits = |one: &Neighbour| [Some(one.score), one.image_score, one.text_score, one.coverage].map(|n| n.map(f64::to_bits));
            prop_assert_eq!(bits(&of_a), bits(&of_b));
            let mirrored: Vec<_> = of_b.pairs.iter().map(|p| MatchedPair(p.1.clone(), p.0.clone(), p.2)).collect();
            prop_assert_eq!(&of_a.pairs, &mirrored);
            prop_assert_eq!(&of_a.unmatched.own, &of_b.unmatched.neighbour);
            prop_assert_eq!(&of_a.unmatched.neighbour, &of_b.unmatched.own);
            prop_assert_eq!((of_a.article_id.as_str(), of_b.article_id.as_str()), ("b", "a"));
            prop_assert_eq!(of_a.pairs.len() + of_a.unmatched.own.len(), a.images.len());
            prop_assert_eq!(of_a.pairs.len() + of_a.unmatched.neighbour.len(), b.images.len());
        }
    }

    #[test]
    fn a_list_is_ordered_cut_and_without_the_article_itself(
        sets in proptest::collection::vec(vectors_of(2), 1..7), k in 0usize..5, weight in 0.0f64..=1.0,
    ) {
        let all: Vec<_> = sets.iter().enumerate().map(|(at, set)| article(&format!("a{at}"), set, Some(XY))).collect();
        let comparison = fused(weight);
        let list = comparison.list(&all[0], &all.iter().rev().collect::<Vec<_>>(), k);
        let every = comparison.list(&all[0], &all.iter().collect::<Vec<_>>(), usize::MAX);
        prop_assert_eq!(&list[..], &every[..k.min(every.len())], "the order given does not matter");
        prop_assert!(list.iter().all(|one| one.article_id != "a0"));
        for pair in every.windows(2) {
            let ordered = pair[0].score > pair[1].score
                || (pair[0].score == pair[1].score && pair[0].article_id < pair[1].article_id);
            prop_assert!(ordered, "{:?}", pair);
        }
    }
}

#[test]
fn both_signals_are_weighed() {
    let (a, b) = (article("a", &[X], Some(X)), article("b", &[XY], Some(Y)));
    assert_scores(&fused(0.25).compare(&a, &b).unwrap(), 0.75 * 0.6, Some(0.6), Some(0.0));
    assert_scores(&fused(1.0).compare(&a, &b).unwrap(), 0.0, Some(0.6), Some(0.0));
    // Without weight the text is not looked at.
    assert_scores(&fused(0.0).compare(&a, &b).unwrap(), 0.6, Some(0.6), None);
}

#[test]
fn a_missing_signal_leaves_the_other_alone_and_says_so() {
    let both = article("m", &[X], Some(XY));
    let only_images = |id| article(id, &[XY], None);
    let only_text = |id| article(id, &[], Some(X));
    let nothing = |id| article(id, &[], None);
    let comparison = fused(0.5);
    // Lower and higher ids: either orientation.
    for id in ["a", "z"] {
        let found = |other: &Profile| comparison.compare(&both, other);
        assert_scores(&found(&only_images(id)).unwrap(), 0.6, Some(0.6), None);
        let text = found(&only_text(id)).unwrap();
        assert_scores(&text, 0.6, None, Some(0.6));
        assert_eq!((text.pairs, text.unmatched.own), (vec![], vec!["i0".to_owned()]));
        assert_eq!(found(&nothing(id)), None);
        let of = |own: Profile, other: Profile| comparison.compare(&own, &other);
        assert_scores(&of(only_text("m"), only_text(id)).unwrap(), 1.0, None, Some(1.0));
        assert_scores(&of(only_images("m"), only_images(id)).unwrap(), 1.0, Some(1.0), None);
        // No signal in common.
        assert_eq!(of(only_text("m"), only_images(id)), None);
        assert_eq!(of(only_images("m"), only_text(id)), None);
        assert_eq!(of(nothing("m"), nothing(id)), None);
        // Text without weight is no signal.
        assert_eq!(fused(0.0).compare(&only_text("m"), &only_text(id)), None);
    }
}

#[test]
fn too_few_matches_mean_no_neighbour_whatever_the_texts_say() {
    let (a, b) = (article("a", &[X, XY], Some(X)), article("b", &[X, [0.0, 0.0, 1.0]], Some(X)));
    let matching = Matching { threshold: 0.5, min_matches: 1, ..Matching::default() };
    let one = Comparison { matching, text_weight: 0.9, ..Comparison::default() };
    let found = one.compare(&a, &b).unwrap();
    assert_eq!((found.pairs.len(), found.coverage), (1, Some(0.5)));
    let two = Comparison { matching: Matching { min_matches: 2, ..one.matching.clone() }, ..one.clone() };
    assert_eq!(two.compare(&a, &b), None);
    let high = Comparison { matching: Matching { threshold: 0.999, ..one.matching.clone() }, ..one };
    let (a, b) = (article("a", &[X], Some(X)), article("b", &[XY], Some(X)));
    assert_eq!(high.compare(&a, &b), None, "images on both sides, and none matches");
    // Without images on one side there is nothing to match.
    let bare = article("b", &[], Some(X));
    assert!(high.compare(&a, &bare).is_some());
}

#[test]
fn fields_decide_who_may_be_a_neighbour() {
    let with = |id: &str, categories: &[&str], group: Option<&str>| Profile {
        categories: categories.iter().map(|one| (*one).to_owned()).collect(),
        group: group.map(str::to_owned),
        ..article(id, &[X], None)
    };
    let own = with("a", &["mug", "cup"], Some("g"));
    let cases = [
        (with("b", &["cup", "jug"], Some("g")), [true, true]),
        (with("b", &["cup"], Some("h")), [true, false]),
        (with("b", &["jug"], Some("g")), [false, true]),
        (with("b", &[], None), [false, false]),
    ];
    for (other, shares) in cases {
        for (field, shares) in [Field::Categories, Field::Group].into_iter().zip(shares) {
            let same = Comparison { same: vec![field], ..Comparison::default() };
            let different = Comparison { different: vec![field], ..Comparison::default() };
            for (a, b) in [(&own, &other), (&other, &own)] {
                assert_eq!(same.compare(a, b).is_some(), shares, "same {field:?}: {other:?}");
                assert_eq!(different.compare(a, b).is_some(), !shares, "different {field:?}: {other:?}");
            }
        }
    }
    // Two articles without a value share nothing, and differ.
    let (a, b) = (with("a", &[], None), with("b", &[], None));
    for field in [Field::Categories, Field::Group] {
        let same = Comparison { same: vec![field], ..Comparison::default() };
        let different = Comparison { different: vec![field], ..Comparison::default() };
        assert_eq!(same.compare(&a, &b), None);
        assert!(different.compare(&a, &b).is_some());
    }
    // All conditions hold at once.
    let both =
        Comparison { same: vec![Field::Categories], different: vec![Field::Group], ..Comparison::default() };
    assert!(both.compare(&own, &with("b", &["mug"], Some("h"))).is_some());
    assert_eq!(both.compare(&own, &with("b", &["mug"], Some("g"))), None);
}

#[test]
fn ties_go_to_the_lower_image_ids_of_the_lower_article() {
    // Every cell is 1: the lower article's images pair up in order.
    let (a, b) = (article("a", &[X, X], None), article("b", &[X, X, X], None));
    let pairs = |own: &Profile, other: &Profile| -> Vec<(String, String)> {
        let found = Comparison::default().compare(own, other).unwrap();
        found.pairs.into_iter().map(|pair| (pair.0, pair.1)).collect()
    };
    let pair = |x: &str, y: &str| (x.to_owned(), y.to_owned());
    assert_eq!(pairs(&a, &b), [pair("i0", "i0"), pair("i1", "i1")]);
    assert_eq!(pairs(&b, &a), [pair("i0", "i0"), pair("i1", "i1")]);
    let one = Comparison {
        matching: Matching { max_matches: Some(1), ..Matching::default() },
        ..Comparison::default()
    };
    assert_eq!(one.compare(&b, &a).unwrap().unmatched.own, ["i1", "i2"]);
}

#[test]
fn vectors_of_two_encoders_are_refused() {
    let mut b = article("b", &[X], None);
    b.images[0].embedding = Embedding::normalised(vec![1.0, 1.0]).unwrap().into();
    let refused = Packed::of(&b, 3).unwrap_err().to_string();
    assert_eq!(refused, "article \"b\": image \"i0\": a vector has 2 numbers, expected 3");
}
