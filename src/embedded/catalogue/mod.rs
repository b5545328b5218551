//! The catalogue that `lookalike demo` makes itself: rendered pictures of invented products.
//!
//! Guarantee: the same options give the same bytes on every machine; a catalogue is either marked
//! complete or rendered again; and nothing is overwritten that was not rendered here. The files are
//! those of any catalogue: `catalog.jsonl` and `images/<article>/<view>.jpg`.
//!
//! `range` chooses the products, `products` and `shapes` are their solids, `scene` gives them
//! measures and colour, `render` takes the pictures, `store` writes the files.

mod products;
mod range;
mod render;
mod scene;
mod shapes;
mod store;
mod vec3;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use range::{Article, Shot};
use scene::Outline;
use thiserror::Error;

/// Fewest pictures an article can be asked to have.
pub const MIN_VIEWS: usize = 1;

/// Most pictures an article can be asked to have: there are no more different sides.
pub const MAX_VIEWS: usize = range::SIDE_COUNT;

/// Most articles in one rendered catalogue; beyond it, bring a real one.
pub const MAX_ARTICLES: usize = 10_000;

/// Sides of a picture, in pixels, that make sense: below, products blur; above, rendering crawls.
pub const PICTURE_SIZES: std::ops::RangeInclusive<u32> = 32..=1024;

/// Rendering is not worth more threads than this.
const MAX_THREADS: usize = 32;

/// What to render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueOptions {
    /// Chooses proportions, colours and camera positions.
    pub seed: u64,
    /// How many articles, 1 to [`MAX_ARTICLES`]. Eight kinds take turns.
    pub articles: usize,
    /// Width and height of a picture in pixels, within [`PICTURE_SIZES`].
    pub picture_size: u32,
    /// Fewest pictures of an article, from [`MIN_VIEWS`].
    pub fewest_views: usize,
    /// Most pictures of an article, up to [`MAX_VIEWS`].
    pub most_views: usize,
}

impl Default for CatalogueOptions {
    /// Eight kinds in six variants, 3 to 6 pictures each: enough for lists of ten to mean
    /// something, and rendered in seconds.
    fn default() -> CatalogueOptions {
        CatalogueOptions { seed: 7, articles: 48, picture_size: 160, fewest_views: 3, most_views: 6 }
    }
}

impl CatalogueOptions {
    fn check(&self) -> Result<(), CatalogueError> {
        let refuse = |reason: String| Err(CatalogueError::Options { reason });
        if !(1..=MAX_ARTICLES).contains(&self.articles) {
            return refuse(format!("{} articles: ask for 1 to {MAX_ARTICLES}", self.articles));
        }
        if !PICTURE_SIZES.contains(&self.picture_size) {
            let (least, most) = (PICTURE_SIZES.start(), PICTURE_SIZES.end());
            return refuse(format!(
                "a picture size of {} pixels: ask for {least} to {most}",
                self.picture_size
            ));
        }
        let ordered = self.fewest_views <= self.most_views;
        if !ordered || self.fewest_views < MIN_VIEWS || self.most_views > MAX_VIEWS {
            return refuse(format!(
                "{} to {} views: ask for a range within {MIN_VIEWS} to {MAX_VIEWS}",
                self.fewest_views, self.most_views
            ));
        }
        Ok(())
    }
}

/// What is now on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueSummary {
    /// The catalogue file, `catalog.jsonl` in the directory.
    pub catalogue: PathBuf,
    pub articles: usize,
    pub images: usize,
    /// False when a complete catalogue with the same options was already there.
    pub rendered: bool,
}

/// Why there is no catalogue.
#[derive(Debug, Error)]
pub enum CatalogueError {
    #[error("the catalogue cannot have {reason}")]
    Options { reason: String },
    #[error(
        "{} holds `{found}`, which was not rendered here: choose an empty directory",
        directory.display()
    )]
    Occupied { directory: PathBuf, found: &'static str },
    #[error("cannot {action} {}: check that the directory is writable and the disk is not full", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot encode {} as JPEG: please report it", path.display())]
    Encode {
        path: PathBuf,
        #[source]
        source: image::ImageError,
    },
}

/// Renders the catalogue into `directory`, or keeps the one that is there if it is complete and
/// has the same options.
///
/// `progress` is called with (pictures done, pictures in all), from several threads at once and so
/// not always in order.
///
/// # Errors
///
/// [`CatalogueError::Options`] before anything is touched; [`CatalogueError::Occupied`] when the
/// directory holds another catalogue; the rest when a file cannot be written. After an error the
/// catalogue is not marked complete, and the next call renders it again.
pub fn render_catalogue(
    directory: &Path,
    options: &CatalogueOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<CatalogueSummary, CatalogueError> {
    options.check()?;
    let range = range::articles(options.seed, options.articles, options.fewest_views, options.most_views);
    let mut summary = CatalogueSummary {
        catalogue: directory.join(store::CATALOGUE),
        articles: range.len(),
        images: range.iter().map(|article| article.shots.len()).sum(),
        rendered: false,
    };
    if store::is_complete(directory, options, &range)? {
        return Ok(summary);
    }
    store::begin(directory, &range)?;
    render_pictures(directory, options.picture_size, &range, progress)?;
    store::finish(directory, options, &range)?;
    summary.rendered = true;
    Ok(summary)
}

/// Renders every picture, on as many threads as there are cores. The first error stops all.
fn render_pictures(
    directory: &Path,
    size: u32,
    range: &[Article],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(), CatalogueError> {
    let pictures = range.iter().map(|article| article.shots.len()).sum();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stop = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let Some(article) = range.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return;
            };
            let outline = article.product.outline();
            for shot in &article.shots {
                if let Err(error) = render_picture(directory, size, article, &outline, shot) {
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    stop.store(true, Ordering::Relaxed);
                    return;
                }
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, pictures);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = cores.min(range.len()).min(MAX_THREADS);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn render_picture(
    directory: &Path,
    size: u32,
    article: &Article,
    outline: &Outline,
    shot: &Shot,
) -> Result<(), CatalogueError> {
    let pixels = render::render(&article.product, outline, shot.view, size);
    store::write_picture(directory, article, shot, &pixels, size)
}
