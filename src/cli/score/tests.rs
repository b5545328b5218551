use std::fs;

use clap::{CommandFactory as _, Parser};
use npyz::WriterBuilder as _;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    score: ScoreArguments,
}

/// The worked example that the method was published with.
const SEED: &str = "\
0.837,0.835,0.747,0.703,0.698
0.803,0.799,0.838,0.760,0.769
0.772,0.752,0.794,0.761,0.796
0.787,0.785,0.794,0.866,0.881
";

fn parse(arguments: &str) -> Result<ScoreArguments, clap::Error> {
    Command::try_parse_from(["score"].into_iter().chain(arguments.split_whitespace())).map(|c| c.score)
}

/// Answers, complaints and the number of bad cases.
fn score(arguments: &str, mut input: &[u8]) -> (Vec<Value>, String, usize) {
    let (mut answers, mut complaints) = (Vec::new(), Vec::new());
    let arguments = parse(arguments).unwrap();
    let bad = Answering::new(arguments.matching(), &mut answers, &mut complaints)
        .all(&arguments, &mut input)
        .unwrap();
    let answers = std::str::from_utf8(&answers).unwrap().lines();
    let answers = answers.map(|line| serde_json::from_str(line).unwrap()).collect();
    (answers, String::from_utf8(complaints).unwrap(), bad)
}

fn lines_of(input: &str) -> (Vec<Value>, String, usize) {
    score("--jsonl -", input.as_bytes())
}

#[test]
fn every_method_answers_a_matrix_by_its_definition() {
    let matrix = "{\"matrix\": [[0.9, 0.8], [0.8, 0.1], [0.2, 0.3]]}";
    let cases = [
        ("greedy", 0.6, json!([[0, 0, 0.9], [2, 1, 0.3]])),
        ("optimal", 0.8, json!([[0, 1, 0.8], [1, 0, 0.8]])),
        ("ordered", 0.5, json!([[0, 0, 0.9], [1, 1, 0.1]])),
        ("best", 0.9, json!([[0, 0, 0.9]])),
        (
            "maxsim",
            ((0.9 + 0.8 + 0.3) / 3.0 + (0.9 + 0.8) / 2.0) / 2.0,
            json!([[0, 0, 0.9], [0, 1, 0.8], [1, 0, 0.8], [2, 1, 0.3]]),
        ),
    ];
    for (method, score, pairs) in cases {
        let (answers, complaints, _) = score_of(method, matrix);
        assert_eq!(complaints, "");
        assert!((answers[0]["score"].as_f64().unwrap() - score).abs() < 1e-12, "{method}: {answers:?}");
        assert_eq!(answers[0]["pairs"], pairs, "{method}");
    }
    let (answers, complaints, bad) = score_of("pooled", matrix);
    assert!(answers.is_empty() && bad == 1 && complaints.contains("pooled needs vectors"), "{complaints}");
}

fn score_of(method: &str, line: &str) -> (Vec<Value>, String, usize) {
    score(&format!("--method {method} --jsonl -"), line.as_bytes())
}

#[test]
fn pooled_compares_the_means() {
    let (answers, _, _) = score_of("pooled", "{\"left\": [[1, 0], [0, 1]], \"right\": [[3, 4]]}");
    let expected = 1.4 / std::f64::consts::SQRT_2;
    assert!((answers[0]["score"].as_f64().unwrap() - expected).abs() < 1e-12, "{answers:?}");
    assert_eq!((&answers[0]["coverage"], &answers[0]["pairs"]), (&json!(1.0), &json!([])));
    // Cancelled out altogether, and but for rounding.
    for opposite in ["-1, 0", "-1, 1e-7"] {
        let line = format!("{{\"left\": [[1, 0], [{opposite}]], \"right\": [[3, 4]]}}");
        let (answers, _, bad) = score_of("pooled", &line);
        assert_eq!((&answers[0]["score"], bad), (&Value::Null, 0), "a mean without direction has no cosine");
    }
}

#[test]
fn ordered_matches_equal_views_or_else_places() {
    let sides = "\"left\": [[1, 0], [0, 1], [1, 1]], \"right\": [[0, 1], [1, 0]]";
    let (answers, _, _) = score_of("ordered", &format!("{{{sides}}}"));
    assert_eq!(answers[0]["score"], 0.0, "first with first, second with second");
    let views = "\"left_views\": [\"front\", null, \"back\"], \"right_views\": [\"back\", \"front\"]";
    let (answers, _, _) = score_of("ordered", &format!("{{{sides}, {views}}}"));
    let places = answers[0]["pairs"].as_array().unwrap().iter();
    let places: Vec<_> = places.map(|pair| (pair[0].as_u64(), pair[1].as_u64())).collect();
    assert_eq!(places, [(Some(0), Some(1)), (Some(2), Some(0))]);
    let wrong = format!("{{{sides}, \"right_views\": [null]}}");
    let (_, complaints, bad) = score_of("ordered", &wrong);
    assert_eq!((complaints.trim_end(), bad), ("line 1: right: 1 views for 2 images", 1));
}

#[test]
fn of_an_image_with_variants_the_closest_counts() {
    let line = r#"{"left": [[[1, 0], [0, 1]]], "right": [[0, 2], [[5, 0]]]}"#;
    let (answers, complaints, _) = lines_of(line);
    assert_eq!((complaints.as_str(), &answers[0]["score"]), ("", &json!(1.0)));
    let (answers, _, _) = score_of("maxsim", line);
    assert_eq!(answers[0]["pairs"], json!([[0, 0, 1.0], [0, 1, 1.0]]));
    let (_, complaints, _) = lines_of(r#"{"left": [[[1, 0], 2]], "right": [[1, 0]]}"#);
    assert!(complaints.contains("mixes numbers and lists"), "{complaints}");
    let (_, complaints, _) = lines_of(r#"{"left": [[[1, 0], [0, 0]]], "right": [[1, 0]]}"#);
    assert!(complaints.contains("left row 0: the vector has length zero"), "{complaints}");
}

/// The published means over whole rows, whole columns and all cells: each row as a case
/// of its own has its maximum as best pair.
fn check_golden_means(rows: &[Vec<f64>]) {
    let mean = |cases: Vec<Value>| -> f64 {
        let lines: String = cases.iter().map(|matrix| format!("{}\n", json!({"matrix": matrix}))).collect();
        let (answers, complaints, _) = score_of("best", &lines);
        assert_eq!((answers.len(), complaints.as_str()), (cases.len(), ""));
        answers.iter().map(|answer| answer["score"].as_f64().unwrap()).sum::<f64>() / answers.len() as f64
    };
    let columns = (0..5).map(|column| json!(rows.iter().map(|row| [row[column]]).collect::<Vec<_>>()));
    let by_row = mean(rows.iter().map(|row| json!([row])).collect());
    let by_column = mean(columns.collect());
    let by_cell = mean(rows.iter().flatten().map(|cell| json!([[cell]])).collect());
    for (found, published) in [(by_row, 0.83800), (by_column, 0.85140), (by_cell, 0.78885)] {
        assert!((found - published).abs() < 1e-9, "{found} is not {published}");
    }
    let (answers, _, _) = score_of("maxsim", &json!({"matrix": rows}).to_string());
    let score = answers[0]["score"].as_f64().unwrap();
    assert!((score - f64::midpoint(0.83800, 0.85140)).abs() < 1e-9, "{score}");
}

fn check_golden(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let numbers = |line: &str| line.split(',').map(|cell| cell.trim().parse().unwrap()).collect();
    check_golden_means(&text.lines().map(numbers).collect::<Vec<Vec<f64>>>());
    let cases: [(&str, f64, f64, &[[u64; 2]]); 6] = [
        ("--method optimal", 0.83425, 1.0, &[[3, 3], [1, 2], [0, 0], [2, 4]]),
        ("", 0.82925, 1.0, &[[3, 4], [1, 2], [0, 0], [2, 3]]),
        ("--threshold 0.80", 0.85200, 0.75, &[[3, 4], [1, 2], [0, 0]]),
        ("--threshold 0.85", 0.88100, 0.25, &[[3, 4]]),
        ("--max-matches 2", 0.85950, 1.0, &[[3, 4], [1, 2]]),
        ("--threshold 0.85 --coverage-weight 1", 0.88100 / 4.0, 0.25, &[[3, 4]]),
    ];
    for (options, expected, coverage, places) in cases {
        let (answers, complaints, bad) = score(&format!("--matrix {} {options}", file.display()), b"");
        assert_eq!((answers.len(), complaints.as_str(), bad), (1, "", 0));
        let answer = &answers[0];
        assert!((answer["score"].as_f64().unwrap() - expected).abs() < 1e-9, "{options}: {answer}");
        assert_eq!(answer["coverage"], coverage);
        let pairs = answer["pairs"].as_array().unwrap();
        let found: Vec<_> =
            pairs.iter().map(|pair| [&pair[0], &pair[1]].map(|at| at.as_u64().unwrap())).collect();
        assert_eq!(found, places, "{options}");
        let [row, column] = found[0];
        assert_eq!(pairs[0][2], if (row, column) == (3, 3) { 0.866 } else { 0.881 });
    }
}

#[test]
fn the_golden_matrix_scores_as_published() {
    let folder = tempfile::tempdir().unwrap();
    let inline = folder.path().join("seed.csv");
    fs::write(&inline, SEED).unwrap();
    check_golden(&inline);
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/seed-matrix.csv");
    if shared.exists() {
        check_golden(&shared);
    } else {
        eprintln!("left out: {} is not here", shared.display());
    }
}

#[test]
fn too_few_pairs_make_no_score_but_are_shown() {
    let options = "--jsonl - --threshold 0.5 --min-matches 2";
    let (answers, _, bad) = score(options, br#"{"matrix": [[0.9, 0.1], [0.1, 0.2]]}"#);
    assert_eq!(answers, [json!({"score": null, "coverage": 0.5, "pairs": [[0, 0, 0.9]]})]);
    assert_eq!(bad, 0);
    let none = json!({"score": null, "coverage": 0.0, "pairs": []});
    let (answers, _, bad) = lines_of("{\"matrix\": []}\n{\"left\": [], \"right\": [[1]]}");
    assert_eq!((answers, bad), (vec![none.clone(), none], 0));
}

#[test]
fn vectors_of_any_length_are_normalised() {
    let (answers, complaints, _) = lines_of(
        r#"{"left": [[3, 0], [0, 1e200]], "right": [[0, 1e-200], [2, 2]]}
{"left": [[1, 0]], "right": [[-1e300, 0]]}"#,
    );
    assert_eq!(complaints, "");
    let half = std::f64::consts::FRAC_1_SQRT_2;
    assert_eq!(answers[0]["pairs"][0], json!([1, 0, 1.0]));
    assert!((answers[0]["pairs"][1][2].as_f64().unwrap() - half).abs() < 1e-15);
    assert_eq!(answers[1]["score"], -1.0, "without a threshold every pair matches");
}

#[test]
fn a_bad_line_is_named_and_the_others_are_answered() {
    let good = r#"{"matrix": [[0.5]]}"#;
    let bad_lines = [
        ("{", "not a case: EOF while parsing an object at column 1"),
        (r#"{"matrix": [[1]], "extra": 1}"#, "unknown field `extra`"),
        (r#"{"left": [[1]]}"#, "give either"),
        (r#"{"matrix": [[1]], "left": [[1]], "right": [[1]]}"#, "give either"),
        (r#"{"matrix": [[1, 2], [3]]}"#, "matrix: row 1 has 1 columns"),
        (r#"{"matrix": [[NaN]]}"#, "not a case"),
        (r#"{"matrix": [[1e999]]}"#, "not a case"),
        (r#"{"left": [[1, 0]], "right": [[1, 0], [1]]}"#, "right row 1: 1 numbers, expected 2"),
        (r#"{"left": [[1], [0]], "right": [[1]]}"#, "left row 1: the vector has length zero"),
        (r#"{"left": [[]], "right": [[1]]}"#, "left: a vector has 1 to"),
        ("\u{fffd}", "not a case"),
    ];
    for (bad, words) in bad_lines {
        let (answers, complaints, count) = lines_of(&format!("{good}\n\n{bad}\n{good}\n"));
        assert_eq!((answers.len(), count), (2, 1), "{bad}");
        assert!(complaints.starts_with("line 3: ") && complaints.contains(words), "{bad}: {complaints}");
        assert_eq!(complaints.lines().count(), 1, "{complaints}");
    }
}

#[test]
fn a_line_that_is_too_long_is_skipped() {
    let mut input = vec![b' '; case::MAX_LINE_BYTES + 10];
    input.extend_from_slice(b"\n{\"matrix\": [[0.5]]}");
    let (answers, complaints, bad) = score("--jsonl -", &input);
    assert_eq!((answers.len(), bad), (1, 1));
    assert!(complaints.starts_with("line 1: not a case: longer than"), "{complaints}");
}

#[test]
fn csv_errors_name_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matrix.csv");
    for (text, words) in [
        ("", "the file is empty"),
        ("a,b\n0.1,0.2\n", "row 0, column 0: \"a\" is no number"),
        ("0.1,0.2\n0.3\n", "row 1 has 1 columns, the first row has 2"),
        ("0.1,nan\n", "row 0, column 1 is NaN"),
    ] {
        fs::write(&file, text).unwrap();
        let (answers, complaints, bad) = score(&format!("--matrix {}", file.display()), b"");
        assert_eq!((answers.len(), bad), (0, 1));
        assert!(complaints.contains(words), "{text:?}: {complaints}");
    }
}

/// A `.npy` file of these numbers.
fn npy<T: npyz::AutoSerialize + Copy>(shape: &[u64], order: npyz::Order, values: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(shape).order(order);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

fn score_files(left: &[u8], right: &[u8]) -> (Vec<Value>, String, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    fs::write(&a, left).unwrap();
    fs::write(&b, right).unwrap();
    score(&format!("--left {} --right {}", a.display(), b.display()), b"")
}

#[test]
fn arrays_of_both_precisions_are_read_row_by_row() {
    let left = npy(&[2, 3], npyz::Order::C, &[2.0_f32, 0.0, 0.0, 0.0, 0.0, 5.0]);
    let right = npy(&[1, 3], npyz::Order::C, &[0.0_f64, 0.0, 0.25]);
    let (answers, complaints, _) = score_files(&left, &right);
    assert_eq!(complaints, "");
    assert_eq!(answers, [json!({"score": 1.0, "coverage": 1.0, "pairs": [[1, 0, 1.0]]})]);
}

#[test]
fn of_an_array_in_three_dimensions_the_closest_variants_count() {
    let left = npy(&[2, 2, 2], npyz::Order::C, &[1.0_f32, 0.0, 0.0, 1.0, -1.0, 0.0, 0.6, 0.8]);
    let right = npy(&[1, 2], npyz::Order::C, &[0.0_f32, 2.0]);
    let (answers, complaints, _) = score_files(&left, &right);
    assert_eq!(complaints, "");
    assert_eq!(answers, [json!({"score": 1.0, "coverage": 1.0, "pairs": [[0, 0, 1.0]]})]);
    let (answers, _, _) = score_files(&right, &left);
    assert_eq!(answers[0]["score"], 1.0);
    let empty = npy::<f32>(&[1, 0, 2], npyz::Order::C, &[]);
    let (_, complaints, _) = score_files(&empty, &right);
    assert!(complaints.contains("left: the array is"), "{complaints}");
}

#[test]
fn arrays_that_are_no_vectors_are_refused_by_side() {
    let c = npyz::Order::C;
    let good = npy(&[1, 2], c, &[1.0_f32, 0.0]);
    let truncated = &good[..good.len() - 4];
    for (bad, words) in [
        (npy(&[2], c, &[1.0_f32, 0.0]), "left: the array is"),
        (
            npy(&[1, 2], npyz::Order::Fortran, &[1.0_f32, 0.0]),
            "save it as 2-D (or 3-D with variants) float32 or float64 in C order",
        ),
        (npy(&[1, 2], c, &[1_i64, 0]), "left: the array is '<i8'"),
        (npy::<f32>(&[1, 0], c, &[]), "left: a vector has 1 to 65536 numbers, not 0"),
        (npy(&[1, 2], c, &[f32::NAN, 0.0]), "left row 0: number 0 is NaN"),
        (npy(&[2, 2], c, &[1.0_f64, 0.0, 0.0, f64::INFINITY]), "left row 1: number 1 is inf"),
        (npy(&[1, 2], c, &[0.0_f32, 0.0]), "left row 0: the vector has length zero"),
        (truncated.to_vec(), "left: not a readable .npy file"),
        (b"hello".to_vec(), "left: not a readable .npy file"),
    ] {
        let (answers, complaints, bad) = score_files(&bad, &good);
        assert_eq!((answers.len(), bad), (0, 1), "{words}");
        assert!(complaints.contains(words), "{words}: {complaints}");
    }
    let longer = npy(&[1, 3], c, &[1.0_f32, 0.0, 0.0]);
    let (_, complaints, _) = score_files(&good, &longer);
    assert!(complaints.contains("right row 0: 3 numbers, expected 2"), "{complaints}");
}

#[test]
fn wrong_arguments_say_what_is_possible() {
    for (arguments, words) in [
        ("--method lucky --jsonl -", "[possible values: greedy"),
        ("", "--jsonl <FILE|->"),
        ("--matrix a.csv --jsonl -", "cannot be used with"),
        ("--left a.npy", "--right <FILE.npy>"),
        ("--right a.npy", "required"),
        ("--matrix a.csv --right a.npy", "cannot be used with"),
        ("--jsonl - --threshold 1.5", "from -1 to 1"),
        ("--jsonl - --threshold nan", "from -1 to 1"),
        ("--jsonl - --min-matches 0", "a whole number from 1"),
        ("--jsonl - --max-matches 0", "a whole number from 1"),
        ("--jsonl - --coverage-weight=-1", "a number from 0"),
    ] {
        let error = parse(arguments).unwrap_err().to_string();
        assert!(error.contains(words), "{arguments}: {error}");
    }
    assert_eq!(parse("--jsonl - --threshold -0.5").unwrap().threshold, Some(-0.5));
    Command::command().debug_assert();
}

/// The answer and the example of `--help` are true.
#[test]
fn the_help_shows_real_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.csv");
    fs::write(&file, SEED).unwrap();
    let arguments = parse(&format!("--matrix {} --threshold 0.8", file.display())).unwrap();
    let mut answers = Vec::new();
    run(&arguments, &mut answers).unwrap();
    let shown: Value = serde_json::from_str(EXAMPLES.lines().nth(1).unwrap()).unwrap();
    let found: Value = serde_json::from_slice(&answers).unwrap();
    assert_eq!((&found["pairs"], &found["coverage"]), (&shown["pairs"], &shown["coverage"]));
    assert!((found["score"].as_f64().unwrap() - shown["score"].as_f64().unwrap()).abs() < 1e-12);
}

#[test]
fn a_missing_file_is_an_error_with_its_name() {
    let error = run(&parse("--matrix /nowhere/a.csv").unwrap(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("/nowhere/a.csv"));
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.csv");
    fs::write(&file, SEED).unwrap();
    let code = run(&parse(&format!("--matrix {}", file.display())).unwrap(), &mut Closed).unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
}
