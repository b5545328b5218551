use proptest::prelude::*;

use crate::naive::{
    distinct, matrix, mirrored, pairs, repeated, scored, scored_with, sort, threshold, total, transposed,
};
use crate::{Case, Cell, ImageScore, Matching, Method, Similarities, Views, Workspace};

/// The worked example that greedy matching was published with: cosines between the
/// four images of one boot and the five of another.
const SEED: [[f64; 5]; 4] = [
    [0.837, 0.835, 0.747, 0.703, 0.698],
    [0.803, 0.799, 0.838, 0.760, 0.769],
    [0.772, 0.752, 0.794, 0.761, 0.796],
    [0.787, 0.785, 0.794, 0.866, 0.881],
];

fn seed() -> Vec<Vec<f64>> {
    SEED.iter().map(|row| row.to_vec()).collect()
}

fn every_pair(method: Method) -> Matching {
    Matching { method, threshold: f64::NEG_INFINITY, ..Matching::default() }
}

#[track_caller]
fn assert_seed(matching: &Matching, score: f64, places: &[(usize, usize)]) {
    let (scored, pairs) = scored(&seed(), matching);
    let scored = scored.unwrap().score;
    assert!((scored - score).abs() < 5e-6, "{scored}");
    let found: Vec<_> = pairs.iter().map(|pair| (pair.row + 1, pair.column + 1)).collect();
    assert_eq!(found, places);
}

#[test]
fn the_worked_example_comes_out_as_published() {
    let greedy = Matching::default();
    assert_seed(&greedy, 0.82925, &[(4, 5), (2, 3), (1, 1), (3, 4)]);
    assert_seed(&Matching { threshold: 0.80, ..greedy.clone() }, 0.852, &[(4, 5), (2, 3), (1, 1)]);
    assert_seed(&Matching { threshold: 0.85, ..greedy.clone() }, 0.881, &[(4, 5)]);
    assert_seed(&Matching { max_matches: Some(2), ..greedy }, 0.8595, &[(4, 5), (2, 3)]);
    let optimal = every_pair(Method::Optimal);
    assert_seed(&optimal, 0.83425, &[(4, 4), (2, 3), (1, 1), (3, 5)]);
    assert_seed(&every_pair(Method::Best), 0.881, &[(4, 5)]);
    // ½ (0.838 + 0.8514): the means of row maxima and of column maxima.
    let served = [(4, 5), (4, 4), (2, 3), (1, 1), (1, 2), (3, 5)];
    assert_seed(&every_pair(Method::MaxSim), 0.8447, &served);
}

#[test]
fn coverage_lowers_a_lucky_single_match() {
    let rows = [vec![0.9, 0.1], vec![0.1, 0.2]];
    let matching = Matching { threshold: 0.5, coverage_weight: 1.0, ..Matching::default() };
    assert_eq!(scored(&rows, &matching).0, Some(ImageScore { score: 0.45, coverage: 0.5 }));
    let plain = Matching { coverage_weight: 0.0, ..matching.clone() };
    assert_eq!(scored(&rows, &plain).0, Some(ImageScore { score: 0.9, coverage: 0.5 }));
    let strict = Matching { min_matches: 2, ..matching };
    assert_eq!(scored(&rows, &strict).0, None);
}

#[test]
fn pooled_is_the_cosine_of_the_means_and_no_pairs() {
    let matrix = Similarities::from_rows(&seed()).unwrap();
    let mut workspace = Workspace::default();
    let mut score = |pooled| {
        let matching = Matching { min_matches: 9, threshold: 0.99, ..every_pair(Method::Pooled) };
        let case = Case { similarities: &matrix, views: Views::default(), pooled };
        let score = case.score(&matching, &mut workspace);
        (score, workspace.pairs().len())
    };
    assert_eq!(score(Some(0.7)), (Some(ImageScore { score: 0.7, coverage: 1.0 }), 0));
    assert_eq!(score(None), (None, 0));
}

#[test]
fn a_side_without_images_has_no_score() {
    for rows in [vec![], vec![vec![]; 3]] {
        let matrix = Similarities::from_rows(&rows).unwrap();
        for method in Method::ALL {
            let mut workspace = Workspace::default();
            let case = Case { similarities: &matrix, views: Views::default(), pooled: Some(0.5) };
            assert_eq!(case.score(&every_pair(method), &mut workspace), None);
            assert!(workspace.pairs().is_empty());
        }
    }
}

#[test]
fn the_mean_of_finite_similarities_is_finite() {
    let rows = vec![vec![f64::MAX; 3]; 3];
    for method in [Method::Greedy, Method::Optimal, Method::Best, Method::MaxSim] {
        let score = scored(&rows, &every_pair(method)).0.unwrap().score;
        assert!(score.is_finite() && score > 0.999 * f64::MAX, "{method:?} {score}");
    }
}

/// Views by number, so that some are the same and some unknown.
fn views(count: usize, salt: usize) -> Vec<Option<String>> {
    (0..count)
        .map(|image| Some((image * salt) % 4).filter(|view| *view > 0).map(|view| view.to_string()))
        .collect()
}

/// Scores with numbered views.
fn with_views(
    rows: &[Vec<f64>],
    salts: (usize, usize),
    matching: &Matching,
) -> (Option<ImageScore>, Vec<Cell>) {
    let columns = rows.first().map_or(0, Vec::len);
    let (of_rows, of_columns) = (views(rows.len(), salts.0), views(columns, salts.1));
    scored_with(rows, Views { rows: &of_rows, columns: &of_columns }, matching)
}

fn assert_close(a: Option<ImageScore>, b: Option<ImageScore>) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.is_some(), b.is_some());
    if let (Some(a), Some(b)) = (a, b) {
        prop_assert!((a.score - b.score).abs() < 1e-12, "{} {}", a.score, b.score);
        prop_assert_eq!(a.coverage, b.coverage);
    }
    Ok(())
}

/// What is largest, by folding.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, f64::max)
}

proptest! {
    #[test]
    fn the_other_side_first_gives_the_same_score(
        rows in prop_oneof![matrix(7, 3), repeated(7, 8), distinct(7)],
    ) {
        for method in Method::ALL {
            let matching = every_pair(method);
            let (score, _) = with_views(&rows, (3, 5), &matching);
            let (turned, _) = with_views(&transposed(&rows), (5, 3), &matching);
            // Without rows a list of rows does not say how many columns there are.
            if !rows.is_empty() {
                assert_close(score, turned)?;
            }
        }
    }

    #[test]
    fn the_other_side_first_gives_the_mirrored_pairs(
        rows in distinct(7),
        threshold in threshold(),
        max_matches in proptest::option::of(1..9_usize),
    ) {
        for method in Method::ALL {
            let matching = Matching { threshold, max_matches, ..every_pair(method) };
            let (score, pairs) = with_views(&rows, (3, 5), &matching);
            let (turned, turned_pairs) = with_views(&transposed(&rows), (5, 3), &matching);
            prop_assert_eq!(mirrored(&turned_pairs), pairs);
            prop_assert_eq!(turned, score, "the same to the last bit");
        }
    }

    #[test]
    fn the_order_of_images_does_not_matter(
        (rows, order) in distinct(7).prop_flat_map(|rows| {
            let order = Just((0..rows.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(rows), order)
        }),
        threshold in threshold(),
    ) {
        let shuffled: Vec<Vec<f64>> = order.iter().map(|row| rows[*row].clone()).collect();
        for method in [Method::Greedy, Method::Optimal, Method::Best, Method::MaxSim] {
            let matching = Matching { threshold, ..every_pair(method) };
            assert_close(scored(&rows, &matching).0, scored(&shuffled, &matching).0)?;
            let (left, right) = (transposed(&rows), transposed(&shuffled));
            assert_close(scored(&left, &matching).0, scored(&right, &matching).0)?;
        }
    }

    #[test]
    fn more_threshold_or_less_limit_never_means_more_pairs(
        rows in prop_oneof![matrix(7, 4), distinct(7)],
        thresholds in (threshold(), threshold()),
        limits in (0..9_usize, 0..9_usize),
    ) {
        for method in [Method::Greedy, Method::Optimal, Method::Ordered, Method::Best] {
            let count = |threshold, max_matches| {
                let matching = Matching { threshold, max_matches, ..every_pair(method) };
                with_views(&rows, (3, 5), &matching).1.len()
            };
            let (low, high) = (thresholds.0.min(thresholds.1), thresholds.0.max(thresholds.1));
            prop_assert!(count(high, None) <= count(low, None));
            let (few, many) = (limits.0.min(limits.1), limits.0.max(limits.1));
            prop_assert!(count(low, Some(few)) <= count(low, Some(many)));
            prop_assert!(count(low, Some(many)) <= many);
        }
    }

    #[test]
    fn no_one_to_one_method_has_a_larger_total_than_optimal(
        rows in prop_oneof![matrix(7, 4), distinct(7)],
    ) {
        let best = total(&pairs(&rows, &every_pair(Method::Optimal)));
        let greedy = total(&pairs(&rows, &every_pair(Method::Greedy)));
        prop_assert!(greedy <= best + 1e-12, "greedy {} optimal {}", greedy, best);
        // With fewer pairs a total could only be larger for lack of negative ones.
        let positive: Vec<Vec<f64>> =
            rows.iter().map(|values| values.iter().map(|value| value + 1.0).collect()).collect();
        let best = total(&pairs(&positive, &every_pair(Method::Optimal)));
        let ordered = total(&with_views(&positive, (3, 5), &every_pair(Method::Ordered)).1);
        prop_assert!(ordered <= best + 1e-12, "ordered {} optimal {}", ordered, best);
    }

    #[test]
    fn the_score_is_the_mean_of_the_pairs_times_a_power_of_coverage(
        rows in prop_oneof![matrix(7, 4), distinct(7)],
        threshold in threshold(),
        max_matches in proptest::option::of(1..9_usize),
        min_matches in 0..5_usize,
        coverage_weight in prop_oneof![Just(0.0), Just(1.0), 0.0..3.0_f64],
    ) {
        for method in [Method::Greedy, Method::Optimal, Method::Ordered, Method::Best] {
            let matching = Matching { method, threshold, max_matches, min_matches, coverage_weight };
            let (score, pairs) = with_views(&rows, (3, 5), &matching);
            let columns = rows.first().map_or(0, Vec::len);
            let most = rows.len().min(columns).min(max_matches.unwrap_or(usize::MAX));
            prop_assert_eq!(score.is_some(), !pairs.is_empty() && pairs.len() >= min_matches);
            if let Some(score) = score {
                let coverage = pairs.len() as f64 / most as f64;
                prop_assert_eq!(score.coverage, coverage);
                let expected = total(&pairs) / pairs.len() as f64 * coverage.powf(coverage_weight);
                prop_assert!((score.score - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn best_is_the_largest_cell(rows in prop_oneof![matrix(7, 8), distinct(7)], threshold in threshold()) {
        let best = largest(rows.iter().flatten().copied());
        let matching = Matching { threshold, ..every_pair(Method::Best) };
        let expected = Some(best).filter(|best| *best >= threshold);
        prop_assert_eq!(scored(&rows, &matching).0.map(|score| score.score), expected);
        let greedy = Matching { method: Method::Greedy, max_matches: Some(1), ..matching.clone() };
        prop_assert_eq!(pairs(&rows, &matching), pairs(&rows, &greedy));
    }

    #[test]
    fn maxsim_is_the_mean_of_both_means_of_maxima(rows in prop_oneof![matrix(7, 4), distinct(7)]) {
        let columns = transposed(&rows);
        let matching = Matching { threshold: 2.0, min_matches: 99, ..every_pair(Method::MaxSim) };
        let (score, mut pairs) = scored(&rows, &matching);
        if columns.is_empty() {
            return Ok(());
        }
        let maxima = |lines: &[Vec<f64>]| -> Vec<f64> {
            lines.iter().map(|values| largest(values.iter().copied())).collect()
        };
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let expected = (mean(maxima(&rows)) + mean(maxima(&columns))) / 2.0;
        let score = score.unwrap();
        prop_assert!((score.score - expected).abs() < 1e-12);
        prop_assert_eq!(score.coverage, 1.0);
        let place = |values: &[f64]| {
            let largest = largest(values.iter().copied());
            values.iter().position(|value| *value == largest).unwrap()
        };
        let mut served: Vec<Cell> = Vec::new();
        for (row, values) in rows.iter().enumerate() {
            served.push(Cell { row, column: place(values), similarity: values[place(values)] });
        }
        for (column, values) in columns.iter().enumerate() {
            let cell = Cell { row: place(values), column, similarity: values[place(values)] };
            if !served.contains(&cell) {
                served.push(cell);
            }
        }
        sort(&mut served);
        prop_assert_eq!(&pairs, &served);
        pairs.dedup();
        prop_assert_eq!(pairs.len(), served.len());
    }
}
