//! A catalogue file as the events that a shop would send.

use std::io::BufRead as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;

/// One article and its events, in order.
pub(super) struct Article {
    pub(super) article_id: String,
    pub(super) title: Option<String>,
    pub(super) events: Vec<Vec<u8>>,
    /// Allow-list prefixes that its images need.
    pub(super) prefixes: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    article_id: String,
    title: Option<String>,
    description: Option<String>,
    #[serde(default)]
    categories: Vec<String>,
    group: Option<String>,
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    image_id: String,
    view: Option<String>,
    file: Option<String>,
    uri: Option<String>,
}

/// Reads a catalogue; `file` is relative to it.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Article>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    // Uris must not have `..`.
    let folder = path.canonicalize()?.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut articles = Vec::new();
    for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {}", path.display(), number + 1);
        let line: Line = serde_json::from_str(&line).with_context(place)?;
        articles.push(article(line, &folder).with_context(place)?);
    }
    if articles.is_empty() {
        bail!("{} has no articles", path.display());
    }
    Ok(articles)
}

fn article(line: Line, folder: &Path) -> anyhow::Result<Article> {
    let mut events = vec![event(json!({
        "type": "article.upserted",
        "article_id": line.article_id,
        "title": line.title,
        "description": line.description,
        "categories": line.categories,
        "group": line.group,
    }))];
    let mut prefixes = Vec::new();
    for (position, image) in line.images.iter().enumerate() {
        let uri = match (&image.uri, &image.file) {
            (Some(uri), None) => {
                prefixes.push(root(uri)?);
                uri.clone()
            }
            (None, Some(file)) => {
                let path = folder.join(file);
                let path = path.canonicalize().with_context(|| path.display().to_string())?;
                // A link may lead out of the catalogue's folder.
                let parent = path.parent().unwrap_or(folder);
                let prefix = if path.starts_with(folder) { folder } else { parent };
                prefixes.push(format!("file://{}/", prefix.display()));
                format!("file://{}", path.display())
            }
            _ => bail!("image {} needs either file or uri", image.image_id),
        };
        events.push(event(json!({
            "type": "image.upserted",
            "article_id": line.article_id,
            "image_id": image.image_id,
            "uri": uri,
            "view": image.view,
            "position": position,
        })));
    }
    prefixes.sort();
    prefixes.dedup();
    Ok(Article { article_id: line.article_id, title: line.title, events, prefixes })
}

fn event(mut event: serde_json::Value) -> Vec<u8> {
    event["occurred_at"] = json!(jiff::Timestamp::now().to_string());
    event.to_string().into_bytes()
}

/// `s3://bucket/` of `s3://bucket/key`.
fn root(uri: &str) -> anyhow::Result<String> {
    let (scheme, rest) = uri.split_once("://").with_context(|| format!("{uri} is not a uri"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    Ok(format!("{scheme}://{authority}/"))
}
