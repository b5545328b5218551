//! Against a plain model in f64; skipping against not skipping; both directions.

use half::f16;
use proptest::prelude::*;

use super::*;
use crate::image_set::Image;

/// An image: its view, its vector and those of its variants.
#[derive(Debug, Clone)]
struct Picture {
    view: Option<&'static str>,
    vectors: Vec<Vec<f32>>,
}

#[derive(Debug, Clone)]
struct Product {
    id: String,
    pictures: Vec<Picture>,
    text: Option<Vec<f32>>,
}

fn unit(numbers: &[f32]) -> Vec<f32> {
    let length = numbers.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    numbers.iter().map(|number| (f64::from(*number) / length) as f32).collect()
}

fn image_set(product: &Product, dimension: usize) -> ImageSet {
    let slices: Vec<Vec<&[f32]>> =
        product.pictures.iter().map(|picture| picture.vectors.iter().map(Vec::as_slice).collect()).collect();
    let images = product.pictures.iter().zip(&slices);
    let images = images.map(|(picture, vectors)| Image { id: "i", view: picture.view, vectors });
    ImageSet::new(dimension, images).unwrap()
}

/// A product and what the scorer takes of it.
struct Packed {
    id: String,
    images: ImageSet,
    half: ImageSet<f16>,
    text: Option<TextVector>,
}

impl Packed {
    fn of(product: &Product) -> Self {
        // Some can be skipped, and some cannot.
        let images = image_set(product, DIMENSION);
        let images = if product.id.ends_with("03") { images } else { images.with_levels() };
        let text = product.text.as_ref().map(|text| TextVector::new(DIMENSION, text).unwrap());
        Self { id: product.id.clone(), half: images.to_half(), images, text }
    }

    fn article(&self) -> Article<'_> {
        Article { id: &self.id, images: &self.images, text: self.text.as_ref() }
    }

    fn stored_half(&self) -> Article<'_, f16> {
        Article { id: &self.id, images: &self.half, text: self.text.as_ref() }
    }
}

/// Not a multiple of any register's width.
const DIMENSION: usize = 19;

fn dot(left: &[f32], right: &[f32]) -> f64 {
    left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The definition, line by line: similarities of the closest variants, the method on
/// them, fusion. Rows are the images of the lower id.
fn model(a: &Product, b: &Product, matching: &Matching, text_weight: f64) -> Option<Score> {
    let (rows, columns) = if a.id <= b.id { (a, b) } else { (b, a) };
    let closest = |row: &Picture, column: &Picture| {
        let all = row.vectors.iter().flat_map(|one| column.vectors.iter().map(move |other| dot(one, other)));
        all.fold(f64::NEG_INFINITY, f64::max)
    };
    let text_score = match (&a.text, &b.text) {
        (Some(a), Some(b)) if text_weight > 0.0 => Some(dot(a, b)),
        _ => None,
    };
    if a.pictures.is_empty() || b.pictures.is_empty() {
        return text_score.map(|score| Score { score, image_score: None, text_score, coverage: None });
    }
    let cells: Vec<Vec<f64>> = rows
        .pictures
        .iter()
        .map(|row| columns.pictures.iter().map(|column| closest(row, column)).collect())
        .collect();
    let views = |product: &Product| -> Vec<Option<String>> {
        product.pictures.iter().map(|picture| picture.view.map(str::to_owned)).collect()
    };
    let (of_rows, of_columns) = (views(rows), views(columns));
    let case = Case {
        similarities: &Similarities::from_rows(&cells).unwrap(),
        views: Views { rows: &of_rows, columns: &of_columns },
        pooled: cosine_of_means(a, b),
    };
    let image = case.score(matching, &mut Workspace::default())?;
    let score = match text_score {
        Some(text) => (1.0 - text_weight) * image.score + text_weight * text,
        None => image.score,
    };
    Some(Score { score, image_score: Some(image.score), text_score, coverage: Some(image.coverage) })
}

fn cosine_of_means(a: &Product, b: &Product) -> Option<f64> {
    let mean = |product: &Product| -> Vec<f64> {
        let number = |at: usize| {
            let sum: f64 = product.pictures.iter().map(|picture| f64::from(picture.vectors[0][at])).sum();
            sum / product.pictures.len() as f64
        };
        (0..DIMENSION).map(number).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (a, b) = (mean(a), mean(b));
    let lengths = (dot(&a, &a).sqrt(), dot(&b, &b).sqrt());
    (lengths.0 > 1e-6 && lengths.1 > 1e-6).then(|| dot(&a, &b) / (lengths.0 * lengths.1))
}

fn vector() -> impl Strategy<Value = Vec<f32>> {
    // Close to one of few directions, often exactly: ties and near ties.
    let direction = proptest::sample::select(vec![0usize, 1, 2, 3]);
    let noise = proptest::collection::vec(-1.0f32..1.0, DIMENSION);
    let much = proptest::sample::select(vec![0.0f32, 0.0, 0.1, 0.5, 2.0]);
    (direction, noise, much, proptest::sample::select(vec![1.0f32, 1.0, -1.0])).prop_map(
        |(direction, noise, much, sign)| {
            let numbers: Vec<f32> = noise
                .iter()
                .enumerate()
                .map(|(at, noise)| sign * (noise * much + f32::from(u8::from(at % 4 == direction)) + 0.1))
                .collect();
            unit(&numbers)
        },
    )
}

fn picture(most_variants: usize) -> impl Strategy<Value = Picture> {
    let view = proptest::sample::select(vec![None, Some("front"), Some("back"), Some("sole")]);
    (view, proptest::collection::vec(vector(), 1..=1 + most_variants))
        .prop_map(|(view, vectors)| Picture { view, vectors })
}

fn products(most: usize) -> impl Strategy<Value = Vec<Product>> {
    (0usize..=1).prop_flat_map(move |variants| {
        let pictures = proptest::collection::vec(picture(variants * 2), 0..7);
        let product = (pictures, proptest::option::of(vector()));
        proptest::collection::vec(product, 2..=most).prop_map(|all| {
            let named = all.into_iter().enumerate();
            named.map(|(at, (pictures, text))| Product { id: format!("p{at:02}"), pictures, text }).collect()
        })
    })
}

fn matching() -> impl Strategy<Value = Matching> {
    let method = proptest::sample::select(Method::ALL.to_vec());
    let threshold = proptest::sample::select(vec![-1.0, -0.6, 0.0, 0.3, 0.6, 0.9]);
    let limits = (proptest::option::of(1usize..4), 1usize..3, proptest::sample::select(vec![0.0, 0.5, 2.0]));
    (method, threshold, limits).prop_map(
        |(method, threshold, (max_matches, min_matches, coverage_weight))| Matching {
            method,
            threshold,
            max_matches,
            min_matches,
            coverage_weight,
        },
    )
}

fn assert_close(found: Option<Score>, expected: Option<Score>, tolerance: f64) -> Result<(), TestCaseError> {
    let numbers = |score: Score| [Some(score.score), score.image_score, score.text_score, score.coverage];
    let close = |pair: (Option<f64>, Option<f64>)| match pair {
        (Some(a), Some(b)) => (a - b).abs() <= tolerance,
        (a, b) => a == b,
    };
    let same = match (found, expected) {
        (Some(a), Some(b)) => numbers(a).into_iter().zip(numbers(b)).all(close),
        (a, b) => a.is_none() && b.is_none(),
    };
    prop_assert!(same, "found {found:?}, expected {expected:?}");
    Ok(())
}

proptest! {
    #[test]
    fn equals_the_definition(all in products(2), matching in matching(), weight in 0.0f64..=1.0) {
        let expected = model(&all[0], &all[1], &matching, weight);
        let (a, b) = (Packed::of(&all[0]), Packed::of(&all[1]));
        for instructions in InstructionSet::available() {
            let mut scorer = Scorer::new(matching.clone(), weight).with_instructions(instructions);
            assert_close(scorer.score(a.article(), b.article()), expected, 1e-12)?;
        }
    }

    #[test]
    fn both_directions_and_all_processors_agree_to_the_last_bit(
        all in products(2), matching in matching(), weight in 0.0f64..=1.0,
    ) {
        let (a, b) = (Packed::of(&all[0]), Packed::of(&all[1]));
        let mut first: Option<(Option<Score>, Vec<Cell>)> = None;
        for instructions in InstructionSet::available() {
            let mut scorer = Scorer::new(matching.clone(), weight).with_instructions(instructions);
            let there = scorer.score(a.article(), b.article());
            let pairs = scorer.pairs().to_vec();
            prop_assert_eq!(scorer.score(b.article(), a.article()), there);
            let mirrored = scorer.pairs().iter().map(|pair| Cell { row: pair.column, column: pair.row, ..*pair });
            prop_assert_eq!(mirrored.collect::<Vec<_>>(), pairs.clone());
            let (score, cells) = first.get_or_insert_with(|| (there, pairs.clone()));
            prop_assert_eq!((&*score, &*cells), (&there, &pairs), "{}", instructions.as_str());
        }
    }

    #[test]
    fn skipping_never_changes_a_result(
        all in products(24), matching in matching(), weight in 0.0f64..=1.0, k in 0usize..8,
        bars in proptest::collection::vec(proptest::sample::select(vec![f64::NEG_INFINITY, -0.2, 0.3, 0.8, 0.95, f64::INFINITY]), 24),
    ) {
        let packed: Vec<Packed> = all.iter().map(Packed::of).collect();
        let candidates: Vec<Article<'_>> = packed.iter().map(Packed::article).collect();
        let half: Vec<Article<'_, f16>> = packed.iter().map(Packed::stored_half).collect();
        let rounded = packed[0].half.to_full();
        let query_of_half = Article { images: &rounded, ..candidates[0] };
        for precision in [Precision::Double, Precision::Single] {
            let mut scorer = Scorer::new(matching.clone(), weight).with_precision(precision);
            let every = scorer.top_k_of_all(candidates[0], &candidates, usize::MAX);
            let ranking = scorer.rank(candidates[0], &candidates, k, |index| bars[index]);
            prop_assert_eq!(&ranking.best[..], &every[..k.min(every.len())]);
            let mut reached: Vec<Ranked> = every.into_iter().filter(|one| one.score.score >= bars[one.index]).collect();
            reached.sort_by_key(|one| one.index);
            prop_assert_eq!(ranking.reached, reached);
            let every = scorer.top_k_of_all(query_of_half, &half, k);
            prop_assert_eq!(scorer.top_k(query_of_half, &half, k), every);
        }
    }

    #[test]
    fn half_storage_stays_close(all in products(2), text_weight in 0.0f64..=1.0) {
        // A greedy mean is not continuous; a mean of maxima moves by no more than its cells,
        // and these by 2⁻¹¹ for each side.
        let matching = Matching { method: Method::MaxSim, ..Matching::default() };
        let (a, b) = (Packed::of(&all[0]), Packed::of(&all[1]));
        let mut scorer = Scorer::new(matching, text_weight);
        let exact = scorer.score(a.article(), b.article());
        let rounded = a.half.to_full();
        let query = Article { images: &rounded, ..a.article() };
        assert_close(scorer.score(query, b.stored_half()), exact, 1e-3)?;
    }
}

#[test]
fn a_list_is_ordered_and_without_the_article_itself() {
    let product = |id: &str, numbers: [f32; 2]| {
        let mut vector = vec![0.0; DIMENSION];
        vector[..2].copy_from_slice(&numbers);
        let pictures = vec![Picture { view: None, vectors: vec![unit(&vector)] }];
        Packed::of(&Product { id: id.to_owned(), pictures, text: None })
    };
    let all = [
        product("q", [1.0, 0.0]),
        product("tie-b", [3.0, 4.0]),
        product("tie-a", [3.0, 4.0]),
        product("best", [4.0, 3.0]),
        product("worst", [-1.0, 0.0]),
    ];
    let candidates: Vec<Article<'_>> = all.iter().map(Packed::article).collect();
    let mut scorer = Scorer::new(Matching::default(), 0.0);
    let mut ids = |k| -> Vec<&str> {
        let best = scorer.top_k(candidates[0], &candidates, k);
        best.iter().map(|ranked| candidates[ranked.index].id).collect()
    };
    assert_eq!(ids(2), ["best", "tie-a"]);
    assert_eq!(ids(9), ["best", "tie-a", "tie-b", "worst"]);
    assert!(ids(0).is_empty());
}

#[test]
fn what_cannot_reach_the_list_is_skipped() {
    let near = |at: usize, id: &str| {
        let mut vector = vec![0.0; DIMENSION];
        vector[at] = 1.0;
        let pictures = vec![Picture { view: None, vectors: vec![unit(&vector)] }; 3];
        Packed::of(&Product { id: id.to_owned(), pictures, text: None })
    };
    let all: Vec<Packed> = (0..100).map(|at| near(usize::from(at >= 5), &format!("{at:03}"))).collect();
    let candidates: Vec<Article<'_>> = all.iter().map(Packed::article).collect();
    let mut scorer = Scorer::new(Matching::default(), 0.0);
    assert_eq!(scorer.top_k(candidates[0], &candidates, 4).len(), 4);
    assert_eq!(scorer.tally(), Tally { skipped: 95, scored: 4 });
}

#[test]
#[should_panic(expected = "two encoders")]
fn vectors_of_two_dimensions_are_never_compared() {
    let picture = |numbers: &[f32]| Picture { view: None, vectors: vec![unit(numbers)] };
    let product =
        |numbers: &[f32]| Product { id: "a".to_owned(), pictures: vec![picture(numbers)], text: None };
    let (a, b) = (image_set(&product(&[1.0, 2.0]), 2), image_set(&product(&[1.0, 2.0, 3.0]), 3));
    let article = |images| Article { id: "a", images, text: None };
    Scorer::new(Matching::default(), 0.0).score(article(&a), article(&b));
}
