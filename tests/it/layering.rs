//! The fences of the architecture: which module may use which crate and which other module.
//!
//! A change that needs a new edge changes a table here, in the same review. Test modules are free.

mod scanner;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scanner::{Mention, Source, scan};

/// Crates and functions that have one home, so that one module knows each outside system.
const FENCES: &[(&[&str], &[&str])] = &[
    // Paths that begin like this …                      … are mentioned only below src/ in
    (&["rdkafka"], &["adapters/kafka", "embedded"]),
    (&["object_store"], &["adapters/objects"]),
    (&["qdrant_client"], &["adapters/qdrant", "embedded"]),
    (&["qdrant_edge"], &["embedded"]),
    (&["ort"], &["encoder"]),
    (&["axum"], &["adapters/http"]),
    (&["set_similarity"], &["similarity", "cli/score"]),
    (&["pixel_resample"], &["imaging"]),
    (&["list_maintenance"], &["domain", "ports", "pipeline/rank", "adapters/qdrant", "config", "similarity"]),
    (&["opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp", "tracing_opentelemetry"], &["telemetry"]),
    (&["clap"], &["cli", "main"]),
    (
        &["std::env::var", "std::env::var_os", "std::env::vars", "std::env::vars_os"],
        &["config", "cli", "main"],
    ),
];

/// Used by everything above the pure modules.
const SHARED: &[&str] = &["config", "error", "health", "metrics", "random", "retry", "shutdown", "telemetry"];

/// The modules with IO or decisions that the pipeline joins.
const PARTS: &[&str] = &["adapters", "encoder", "similarity", "imaging"];

/// cli → app → pipeline → {adapters, encoder, similarity, imaging} → ports → domain: imports go
/// right only.
const LAYERS: &[(&str, &[&[&str]])] = &[
    // Module        may import
    ("main", &[&["cli", "app"], SHARED]),
    ("cli", &[&["app", "pipeline", "embedded"], PARTS, &["ports", "domain"], SHARED]),
    ("app", &[&["pipeline", "embedded"], PARTS, &["ports", "domain"], SHARED]),
    ("pipeline", &[PARTS, &["ports", "domain"], SHARED]),
    ("adapters", &[&["ports", "domain"], SHARED]),
    ("embedded", &[&["domain"], SHARED]),
    ("encoder", &[&["ports", "imaging", "domain"], SHARED]),
    ("ports", &[&["imaging", "domain"], SHARED]),
    ("similarity", &[&["domain"]]),
    ("imaging", &[&["domain"]]),
    ("domain", &[]),
    // The configuration is composed of the settings of the modules it configures.
    ("config", &[&["pipeline"], PARTS, &["domain"], SHARED]),
    ("error", &[&["domain"], SHARED]),
    ("health", &[&["domain"], SHARED]),
    ("metrics", &[&["domain"], SHARED]),
    ("random", &[&["domain"], SHARED]),
    ("retry", &[&["domain"], SHARED]),
    ("shutdown", &[&["domain"], SHARED]),
    ("telemetry", &[&["domain"], SHARED]),
];

/// Lines a file may have before its trailing test module.
const MAX_LINES: usize = 500;

/// Where a file belongs: `adapters/kafka/mod.rs` is `adapters/kafka`.
fn home_of(file: &Path) -> String {
    let mut file = file.with_extension("");
    if file.ends_with("mod") {
        file.pop();
    }
    file.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn is_below(home: &str, folder: &str) -> bool {
    home.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The fence a mention breaks, in words.
fn broken_fence(home: &str, mention: &Mention) -> Option<String> {
    let written = mention.path.join("::");
    let begins = |fenced: &&str| {
        written.strip_prefix(*fenced).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    FENCES.iter().find_map(|(fenced, homes)| {
        let path = fenced.iter().find(|fenced| begins(fenced))?;
        let allowed = homes.iter().any(|folder| is_below(home, folder));
        (!allowed).then(|| format!("`{path}` is used only in {}", homes.join(", ")))
    })
}

/// The layer rule a mention breaks, in words.
fn broken_layer(home: &str, mention: &Mention) -> Option<String> {
    let from = home.split('/').next().unwrap_or_default();
    let [root, to, ..] = mention.path.as_slice() else {
        return None;
    };
    // lib.rs declares and documents every module.
    if root != "crate" || from == "lib" || from == to {
        return None;
    }
    let row = |module: &str| LAYERS.iter().find(|(name, _)| *name == module);
    let Some((_, allowed)) = row(from) else {
        return Some(format!("module `{from}` has no row in the table of layers"));
    };
    if row(to).is_none() {
        return Some(format!("`crate::{to}` is no module with a row in the table of layers"));
    }
    let allowed = allowed.concat();
    (!allowed.contains(&to.as_str())).then(|| match allowed.as_slice() {
        [] => format!("`{from}` imports nothing of ours"),
        names => format!("`{from}` imports only {}", names.join(", ")),
    })
}

/// Every rule that a file breaks, as `src/file.rs:line: path: rule`.
fn violations(file: &Path, source: &Source) -> Vec<String> {
    let home = home_of(file);
    let mut found = Vec::new();
    for mention in &source.mentions {
        let rules = [broken_fence(&home, mention), broken_layer(&home, mention)];
        for rule in rules.into_iter().flatten() {
            let written = mention.path.join("::");
            found.push(format!("src/{}:{}: {written}: {rule}", file.display(), mention.line));
        }
    }
    if source.code_lines > MAX_LINES {
        found.push(format!(
            "src/{}:{}: {} lines before the tests: at most {MAX_LINES}, split the file",
            file.display(),
            source.code_lines,
            source.code_lines
        ));
    }
    found
}

/// Every Rust file below the folder, relative to it, in order.
fn rust_files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(path.strip_prefix(folder).expect("the walk stays below").to_path_buf());
            }
        }
    }
    found
}

#[test]
fn no_file_breaks_a_fence() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        (file.clone(), scan(file, &text))
    };
    let sources: Vec<(PathBuf, Source)> = rust_files(&folder).iter().map(read).collect();
    for root in ["lib.rs", "main.rs"] {
        assert!(sources.iter().any(|(file, _)| file == Path::new(root)), "{root} was not scanned");
    }
    let tests: BTreeSet<&PathBuf> = sources.iter().flat_map(|(_, source)| &source.test_files).collect();
    let found: Vec<String> = sources
        .iter()
        .filter(|(file, _)| !tests.contains(file))
        .flat_map(|(file, source)| violations(file, source))
        .collect();
    assert!(found.is_empty(), "{} broken rules:\n{}", found.len(), found.join("\n"));
}

/// Crates that only decide: these would be IO, clocks, threads or chance.
const PURE: &[&str] = &["set-similarity", "list-maintenance", "pixel-resample"];
const IMPURE: &[&str] =
    &["std::fs", "std::io", "std::net", "std::env", "std::process", "std::thread", "std::time", "rand"];

#[test]
fn pure_crates_are_pure() {
    PURE.iter()
        .for_each(|name| is_pure(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("crates/{name}/src"))));
}

fn is_pure(folder: &Path) {
    let files = rust_files(folder);
    assert!(files.contains(Path::new("lib.rs")), "{} was not scanned", folder.display());
    for file in files {
        let source = scan(&file, &fs::read_to_string(folder.join(&file)).unwrap());
        assert!(source.code_lines <= MAX_LINES, "{}: {} lines", file.display(), source.code_lines);
        for mention in source.mentions {
            let path = mention.path.join("::");
            let impure = IMPURE.iter().find(|impure| path.starts_with(**impure));
            assert_eq!(impure, None, "{}:{}: {path}", file.display(), mention.line);
        }
    }
}

/// The rules that a text breaks if it stands in the file.
fn broken(file: &str, text: &str) -> Vec<String> {
    violations(Path::new(file), &scan(Path::new(file), text))
}

#[test]
fn every_fence_catches_a_stranger_and_lets_the_owner_in() {
    for (paths, homes) in FENCES {
        for path in *paths {
            let text = format!("fn f() {{}}\nuse {path}::Thing;\n");
            let found = broken("health/kernel.rs", &text);
            assert_eq!(found.len(), 1, "{path}: {found:?}");
            let place = "src/health/kernel.rs:2: ";
            assert!(found[0].starts_with(place) && found[0].contains(path), "{found:?}");
            for home in *homes {
                let found = broken(&format!("{home}.rs"), &text);
                assert!(found.is_empty(), "{path} in {home}: {found:?}");
            }
        }
    }
}

#[test]
fn every_layer_may_import_what_its_row_names_and_nothing_else() {
    for (from, allowed) in LAYERS {
        let allowed = allowed.concat();
        for (to, _) in LAYERS.iter().filter(|(to, _)| to != from) {
            let found = broken(&format!("{from}.rs"), &format!("use crate::{to}::Thing;"));
            assert_eq!(found.is_empty(), allowed.contains(to), "{from} to {to}: {found:?}");
        }
        let own = broken(&format!("{from}/part.rs"), &format!("use crate::{from}::Thing;"));
        assert!(own.is_empty(), "{own:?}");
    }
}

#[test]
fn imports_never_go_left() {
    let order = ["cli", "app", "pipeline", "adapters", "domain"];
    for (at, from) in order.iter().enumerate() {
        for to in &order[..at] {
            let found = broken(&format!("{from}/x.rs"), &format!("fn f() {{ crate::{to}::run() }}"));
            assert_eq!(found.len(), 1, "{from} to {to}: {found:?}");
        }
    }
    for pure in ["domain", "similarity", "imaging"] {
        for shared in SHARED {
            assert!(!broken(&format!("{pure}/x.rs"), &format!("use crate::{shared};")).is_empty());
        }
    }
}

#[test]
fn a_mention_is_seen_however_it_is_written() {
    let cases = [
        ("domain/event.rs", "use crate::{domain::a, pipeline::{self, stage}};", 2),
        ("domain/event.rs", "use super::super::pipeline;", 1),
        ("domain/mod.rs", "use super::pipeline as flow;", 1),
        ("domain/mod.rs", "mod inner { use super::super::pipeline::x; use super::event; }", 1),
        ("domain/event.rs", "fn f() -> crate::pipeline::Stage { f() }", 1),
        ("main.rs", "use lookalike::pipeline::run;", 1),
        ("imaging/decode.rs", "use std::env;\nfn f() { env::var(\"X\").ok(); }", 1),
        ("imaging/decode.rs", "use std::{env::{self as e}, io};\nfn f() { e::vars_os(); }", 1),
        ("imaging/decode.rs", "#[derive(clap::Args)]\nstruct Arguments;", 1),
        ("imaging/decode.rs", "use ::ort::session::Session;", 1),
        ("imaging/decode.rs", "use qdrant_client::*;", 1),
        ("adapters/kafka/x.rs", "let c = '\"'; let s: ort::Session = \"\";", 1),
        ("adapters/kafka/x.rs", "fn f<'a>(x: &'a str) -> axum::Router {}", 1),
        ("adapters/kafka/x.rs", "let r#type = r#\"\"#; clap::Parser::parse()", 1),
        ("strangers/x.rs", "use crate::domain;", 1),
        ("pipeline/x.rs", "use crate::Everything;", 1),
    ];
    for (file, text, count) in cases {
        let found = broken(file, text);
        assert_eq!(found.len(), count, "{text}: {found:?}");
    }
}

#[test]
fn what_only_looks_like_a_mention_is_not_one() {
    let texts = [
        "// rdkafka::Message\n/* ort::x /* clap::y */ axum::z */ fn f() {}",
        "/// See [`crate::pipeline`] and `rdkafka::Message`.\nstruct S;",
        "const S: &str = \"rdkafka::Message \\\" ort::x\";",
        "const S: &str = r#\"use rdkafka::\"Message\"; // ort::x\"#; const C: char = '\"';",
        "use crate::domain::support::Thing; fn f() { support::ort(); x.ort.y(); }",
        "use std::env; fn f() { env::temp_dir(); std::env::args(); }",
        "#[cfg(test)]\nmod tests {\n use rdkafka::x; fn f() { if x { crate::pipeline::y() } }\n}",
        "fn f() -> impl Iterator<Item = u8> + use<'_> { x }",
        "fn f() { let ort = 1; let clap: u8 = ort; }",
    ];
    for text in texts {
        let found = broken("domain/kernel.rs", text);
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn code_after_a_test_module_still_counts() {
    let text = "#[cfg(test)]\nmod tests { }\nuse rdkafka::x;\n";
    assert_eq!(broken("domain/x.rs", text).len(), 1);
    assert_eq!(scan(Path::new("domain/x.rs"), text).code_lines, 3);
}

#[test]
fn files_of_test_modules_are_found() {
    let cases = [
        ("domain/apply.rs", "#[cfg(test)]\nmod tests;", "domain/apply/tests.rs"),
        ("domain/mod.rs", "#[cfg(test)]\npub(crate) mod tests;", "domain/tests.rs"),
        ("lib.rs", "#[cfg(test)] mod fixtures;", "fixtures.rs"),
        (
            "domain/apply.rs",
            "#[cfg(test)]\n#[path = \"apply_tests.rs\"]\nmod tests;",
            "domain/apply_tests.rs",
        ),
    ];
    for (file, text, expected) in cases {
        let found = scan(Path::new(file), text).test_files;
        assert_eq!(found, [PathBuf::from(expected)], "{text}");
    }
}

#[test]
fn long_files_are_named_and_their_tests_are_free() {
    let code = "fn f() {}\n".repeat(MAX_LINES);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(900));
    assert!(broken("domain/x.rs", &format!("{code}{tests}")).is_empty());
    let found = broken("domain/x.rs", &format!("{code}fn g() {{}}\n{tests}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("501 lines"), "{found:?}");
}
