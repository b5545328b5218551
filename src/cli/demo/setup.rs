//! The demo's folder: catalogue, empty store, configuration file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::catalogue::Article;
use crate::embedded::catalogue::{CatalogueOptions, render_catalogue};
use crate::embedded::kafka::GROUP_PROPERTIES;

/// Topics and partitions: a few, so that articles are spread as in a deployment.
pub(super) const TOPICS: [(&str, i32); 4] =
    [("catalog.events", 4), ("lookalike.rank", 4), ("lookalike.similar", 4), ("lookalike.dead-letters", 1)];
const STORE: &str = "qdrant";
/// Written into a store folder by the demo, so that it removes no other one.
const MARKER: &str = ".lookalike-demo";

/// Makes the folder, with an empty store: the built-in Kafka forgets its offsets, so
/// an older store would take the new events for old ones. Answers its absolute path.
pub(super) fn prepare(out: &Path) -> anyhow::Result<PathBuf> {
    let out = std::path::absolute(out)?;
    let store = out.join(STORE);
    let marker = store.join(MARKER);
    if store.exists() {
        if !marker.exists() {
            bail!("{} was not made by the demo; choose another --out", store.display());
        }
        std::fs::remove_dir_all(&store).with_context(|| format!("cannot remove {}", store.display()))?;
    }
    std::fs::create_dir_all(&store).with_context(|| format!("cannot make {}", store.display()))?;
    std::fs::write(&marker, "made by lookalike demo; removed when it starts\n")?;
    Ok(out)
}

/// Renders the demo's own catalogue.
pub(super) fn render(out: &Path) -> anyhow::Result<PathBuf> {
    let style = ProgressStyle::with_template("rendering  {bar:30} {pos}/{len} pictures")?;
    let bar = ProgressBar::new(0).with_style(style);
    let summary = render_catalogue(&out.join("catalogue"), &CatalogueOptions::default(), &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    eprintln!("catalogue: {} articles, {} pictures", summary.articles, summary.images);
    Ok(summary.catalogue)
}

/// Writes `lookalike.yaml`; the environment may still override it.
pub(super) fn write_config(out: &Path, articles: &[Article], servers: &str) -> anyhow::Result<PathBuf> {
    let prefixes: BTreeSet<&String> = articles.iter().flat_map(|article| &article.prefixes).collect();
    let stores: Vec<_> = prefixes.iter().map(|uri| json!({ "uri": uri })).collect();
    let properties: serde_json::Map<_, _> =
        GROUP_PROPERTIES.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let config = json!({
        "kafka": {
            "bootstrap_servers": servers,
            "commit_interval_ms": 100,
            "properties": properties,
        },
        "objects": { "stores": stores },
        "qdrant": { "url": format!("embedded:{}", out.join(STORE).display()) },
        "ranking": { "exact": true },
        "rank_jobs": { "coalesce_window_ms": 50, "coalesce_max_age_ms": 500 },
        // Producers ignore the group properties above, and librdkafka warns of it.
        "log": { "filter": "warn,librdkafka=error" },
    });
    // JSON is YAML as well.
    let path = out.join("lookalike.yaml");
    let text = format!(
        "# Written by `lookalike demo`; its Kafka ended with it, its catalogue is kept.\n{}\n",
        serde_json::to_string_pretty(&config)?
    );
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
