//! The catalogue on disk, and the marker that says whether it is whole.
//!
//! Guarantee: the marker says "complete" only after every other file was written, and names the
//! options; it is changed before the first file of a new catalogue and after the last. Pictures are
//! replaced only in a directory that carries a marker.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::range::{Article, Shot};
use super::{CatalogueError, CatalogueOptions};

/// The catalogue file's name.
pub(super) const CATALOGUE: &str = "catalog.jsonl";
const IMAGES: &str = "images";
const MARKER: &str = ".rendered";

/// Raise this when the same options give other pictures or texts, so that old ones are replaced.
const REVISION: u32 = 1;

/// JPEG quality, 1 to 100: above 90 the files grow and nothing is seen.
const QUALITY: u8 = 90;

#[derive(Serialize)]
struct Line<'a> {
    article_id: &'a str,
    title: &'a str,
    description: &'a str,
    categories: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    images: Vec<Image>,
}

#[derive(Serialize)]
struct Image {
    image_id: String,
    view: &'static str,
    /// Relative to the catalogue file, with forward slashes.
    file: String,
}

fn image(article: &Article, shot: &Shot) -> Image {
    Image {
        image_id: format!("{}-{}", article.article_id, shot.side),
        view: shot.side,
        file: format!("{IMAGES}/{}/{}.jpg", article.article_id, shot.side),
    }
}

/// Whether the directory already holds exactly this catalogue.
pub(super) fn is_complete(
    directory: &Path,
    options: &CatalogueOptions,
    range: &[Article],
) -> Result<bool, CatalogueError> {
    let path = directory.join(MARKER);
    let marker = match fs::read_to_string(&path) {
        Ok(marker) => marker,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let mut pictures =
        range.iter().flat_map(|article| article.shots.iter().map(|shot| image(article, shot).file));
    Ok(marker == complete(options)
        && directory.join(CATALOGUE).is_file()
        && pictures.all(|file| directory.join(file).is_file()))
}

/// Makes room for a catalogue: takes the old one away, if it was rendered here, and creates the
/// folders.
pub(super) fn begin(directory: &Path, range: &[Article]) -> Result<(), CatalogueError> {
    fs::create_dir_all(directory).map_err(failed("create", directory))?;
    let marker = directory.join(MARKER);
    if !marker.exists() {
        for found in [CATALOGUE, IMAGES] {
            if directory.join(found).exists() {
                let directory = directory.to_path_buf();
                return Err(CatalogueError::Occupied { directory, found });
            }
        }
    }
    fs::write(&marker, "rendering\n").map_err(failed("write", &marker))?;
    let catalogue = directory.join(CATALOGUE);
    unless_missing(fs::remove_file(&catalogue)).map_err(failed("remove", &catalogue))?;
    let images = directory.join(IMAGES);
    unless_missing(fs::remove_dir_all(&images)).map_err(failed("remove", &images))?;
    for article in range {
        let folder = images.join(&article.article_id);
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
    }
    Ok(())
}

/// Writes one picture: `pixels` is RGB8, `size` × `size`.
pub(super) fn write_picture(
    directory: &Path,
    article: &Article,
    shot: &Shot,
    pixels: &[u8],
    size: u32,
) -> Result<(), CatalogueError> {
    let path = directory.join(image(article, shot).file);
    let mut encoded = Vec::new();
    JpegEncoder::new_with_quality(&mut encoded, QUALITY)
        .encode(pixels, size, size, ExtendedColorType::Rgb8)
        .map_err(|source| CatalogueError::Encode { path: path.clone(), source })?;
    fs::write(&path, encoded).map_err(failed("write", &path))
}

/// Writes the catalogue file, then marks the catalogue complete.
pub(super) fn finish(
    directory: &Path,
    options: &CatalogueOptions,
    range: &[Article],
) -> Result<(), CatalogueError> {
    let path = directory.join(CATALOGUE);
    let mut lines = Vec::new();
    for article in range {
        let line = Line {
            article_id: &article.article_id,
            title: &article.title,
            description: &article.description,
            categories: &article.categories,
            group: article.group.as_deref(),
            images: article.shots.iter().map(|shot| image(article, shot)).collect(),
        };
        serde_json::to_writer(&mut lines, &line).map_err(|error| failed("write", &path)(error.into()))?;
        lines.push(b'\n');
    }
    fs::write(&path, lines).map_err(failed("write", &path))?;
    let marker = directory.join(MARKER);
    fs::write(&marker, complete(options)).map_err(failed("write", &marker))
}

/// What the marker of a whole catalogue says.
fn complete(options: &CatalogueOptions) -> String {
    // Taken apart without `..`, so that a new option cannot be forgotten here.
    let CatalogueOptions { seed, articles, picture_size, fewest_views, most_views } = options;
    let text = format!(
        "revision {REVISION} quality {QUALITY} seed {seed} articles {articles} \
         size {picture_size} views {fewest_views} to {most_views}"
    );
    format!("complete {:x}\n", Sha256::digest(text))
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn failed(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> CatalogueError {
    let path = path.into();
    move |source| CatalogueError::File { action, path, source }
}
