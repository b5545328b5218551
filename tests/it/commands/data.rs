//! Commands without servers: `score` and `embed`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Stdio;

use lookalike::encoder::{Encoder, EncoderSettings};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

use crate::support::DEADLINE;
use crate::support::model::cosine;
use crate::support::pictures;
use crate::support::process::lookalike;

/// The worked example that the method was published with.
const SEED: &str = "\
0.837,0.835,0.747,0.703,0.698
0.803,0.799,0.838,0.760,0.769
0.772,0.752,0.794,0.761,0.796
0.787,0.785,0.794,0.866,0.881
";

/// Further arguments, the published score, and pairs (row, column) counted from 1.
type Golden = (&'static [&'static str], f64, &'static [(u64, u64)]);
const GOLDEN: [Golden; 5] = [
    (&["--method", "optimal"], 0.83425, &[(4, 4), (2, 3), (1, 1), (3, 5)]),
    (&[], 0.82925, &[(4, 5), (2, 3), (1, 1), (3, 4)]),
    (&["--threshold", "0.80"], 0.85200, &[(4, 5), (2, 3), (1, 1)]),
    (&["--threshold", "0.85"], 0.88100, &[(4, 5)]),
    (&["--max-matches", "2"], 0.85950, &[(4, 5), (2, 3)]),
];

#[tokio::test]
async fn score_answers_the_golden_cases() {
    let folder = tempfile::tempdir().unwrap();
    let inline = folder.path().join("seed.csv");
    std::fs::write(&inline, SEED).unwrap();
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/seed-matrix.csv");
    let matrix = if shared.exists() { shared } else { inline };
    for (options, score, pairs) in GOLDEN {
        let mut arguments = vec!["score", "--matrix", matrix.to_str().unwrap()];
        arguments.extend(options);
        let scored = lookalike(&arguments).await;
        assert_eq!((scored.code, scored.err.as_str()), (Some(0), ""), "{scored:?}");
        let answer: Value = serde_json::from_str(&scored.out).unwrap();
        assert!((answer["score"].as_f64().unwrap() - score).abs() < 1e-9, "{options:?}: {answer}");
        let places = answer["pairs"].as_array().unwrap().iter();
        let places: Vec<_> =
            places.map(|pair| (pair[0].as_u64().unwrap() + 1, pair[1].as_u64().unwrap() + 1)).collect();
        assert_eq!(places, pairs, "{options:?}");
    }
}

/// Another program may write a case and wait for the answer before it writes the next.
#[tokio::test]
async fn score_answers_each_line_while_its_input_stays_open() {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_lookalike"))
        .args(["score", "--method", "optimal", "--jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    for score in [0.25, 0.5] {
        input.write_all(format!("{{\"matrix\": [[{score}]]}}\n").as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(DEADLINE, answers.next_line()).await.expect("it answers in time");
        let answer: Value = serde_json::from_str(&answer.unwrap().unwrap()).unwrap();
        assert_eq!(answer["score"], score);
    }
    drop(input);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embed_writes_rows_in_input_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, family| pictures::draw(folder.path(), name, family, 1).display().to_string();
    let (first, second, third) = (file("z.png", 0), file("a.png", 1), file("m.png", 2));
    let out = folder.path().join("rows.npy").display().to_string();
    let inputs = ["--text", "a red mug", &first, "--text", "a blue boot", &second, &third, "--text=a lamp"];
    let mut arguments = vec!["embed", "--out", &out];
    arguments.extend(inputs);
    let done = lookalike(&arguments).await;
    assert_eq!(done.code, Some(0), "{done:?}");

    let rows = npyz::NpyFile::new(BufReader::new(File::open(&out).unwrap())).unwrap();
    assert_eq!(rows.shape(), [6, 128]);
    let rows = rows.into_vec::<f32>().unwrap();
    let settings = EncoderSettings::default().or_library(std::env::var_os("ORT_DYLIB_PATH").map(Into::into));
    let encoder = Encoder::load(&settings).unwrap();
    for (row, input) in rows.chunks(128).zip(["a red mug", &first, "a blue boot", &second, &third, "a lamp"])
    {
        let own = match std::fs::read(input) {
            Ok(bytes) => encoder.embed_image(encoder.preprocess(&bytes).unwrap()).await.unwrap().own,
            Err(_) => encoder.embed_text(input).await.unwrap(),
        };
        assert!(cosine(own.as_slice(), row) > 0.99999, "{input}");
    }

    std::fs::write(folder.path().join("broken.png"), b"no picture").unwrap();
    let (broken, nowhere) = (folder.path().join("broken.png"), folder.path().join("nowhere.npy"));
    let failed =
        lookalike(&["embed", &first, broken.to_str().unwrap(), "--out", nowhere.to_str().unwrap()]).await;
    assert_eq!(failed.code, Some(65), "{failed:?}");
    assert!(failed.err.contains("broken.png") && failed.err.contains("nothing was written"), "{failed:?}");
    assert!(!nowhere.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embed_writes_a_matrix_an_image_where_the_configuration_has_variants() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let upright = pictures::picture(5, 2);
    upright.save(path("upright.png")).unwrap();
    image::imageops::rotate90(&upright).save(path("turned.png")).unwrap();
    let config = "kafka: {bootstrap_servers: 'k:9092'}\nqdrant: {url: 'http://q:6334'}\n\
                  encoder: {vision: {augmentations: [rotate-270, flip]}}\n";
    std::fs::write(path("lookalike.yaml"), config).unwrap();
    let (upright, turned, config) = (path("upright.png"), path("turned.png"), path("lookalike.yaml"));
    let mut files = Vec::new();
    for input in [&upright, &turned] {
        let out = format!("{input}.npy");
        let done = lookalike(&["embed", "-c", &config, input, "--out", &out]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        let rows = npyz::NpyFile::new(BufReader::new(File::open(&out).unwrap())).unwrap();
        assert_eq!(rows.shape(), [1, 3, 128]);
        files.push((out, rows.into_vec::<f32>().unwrap()));
    }
    let [(upright_out, upright_rows), (turned_out, turned_rows)] = files.as_slice() else { panic!() };
    // Own, flip, rotate-270: the last turns back.
    let (own, back) = (&upright_rows[..128], &turned_rows[256..]);
    assert!(cosine(own, back) > 0.99999, "{}", cosine(own, back));
    assert!(cosine(own, &turned_rows[..128]) < 0.99);
    let scored = lookalike(&["score", "--left", upright_out, "--right", turned_out]).await;
    let answer: Value = serde_json::from_str(&scored.out).unwrap();
    assert!(answer["score"].as_f64().unwrap() > 0.99999, "{scored:?}");

    let with_text = ["embed", "-c", &config, &upright, "--text", "a red mug", "--out", "nowhere.npy"];
    let refused = lookalike(&with_text).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("texts have no variants"), "{refused:?}");
}
