//! The catalogue as its readers see it: files, decoded pictures, the marker.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use image::RgbImage;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn small() -> CatalogueOptions {
    CatalogueOptions { articles: 16, picture_size: 64, ..CatalogueOptions::default() }
}

fn render(directory: &Path, options: &CatalogueOptions) -> CatalogueSummary {
    render_catalogue(directory, options, &|_, _| {}).unwrap()
}

fn lines(directory: &Path) -> Vec<Value> {
    let text = fs::read_to_string(directory.join("catalog.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every file below the directory with its bytes.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The pictures of one catalogue line, decoded, by view.
fn pictures(directory: &Path, line: &Value) -> BTreeMap<String, RgbImage> {
    let images = line["images"].as_array().unwrap();
    let decode = |entry: &Value| {
        let path = directory.join(entry["file"].as_str().unwrap());
        (entry["view"].as_str().unwrap().to_owned(), image::open(path).unwrap().to_rgb8())
    };
    images.iter().map(decode).collect()
}

/// Mean absolute difference of two pictures of one size, 0 to 255.
fn difference(left: &RgbImage, right: &RgbImage) -> f64 {
    let pairs = left.as_raw().iter().zip(right.as_raw());
    pairs.map(|(l, r)| f64::from(l.abs_diff(*r))).sum::<f64>() / left.as_raw().len() as f64
}

#[test]
fn the_catalogue_file_names_existing_pictures_and_unique_ids() {
    let directory = tempfile::tempdir().unwrap();
    let summary = render(directory.path(), &small());
    let lines = lines(directory.path());
    assert_eq!((lines.len(), summary.articles), (16, 16));

    let (mut articles, mut images, mut used) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in &lines {
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        assert!(articles.insert(text("article_id")), "twice: {line}");
        let kind = line["categories"][0].as_str().unwrap();
        assert!(text("title").ends_with(kind) && text("description").ends_with('.'), "{line}");
        for entry in line["images"].as_array().unwrap() {
            assert!(images.insert(entry["image_id"].as_str().unwrap().to_owned()), "twice: {entry}");
            let file = entry["file"].as_str().unwrap();
            assert!(directory.path().join(file).is_file(), "{file} is missing");
            used.insert(file.to_owned());
        }
    }
    assert_eq!(images.len(), summary.images);
    let on_disk = files(directory.path()).into_keys().filter(|name| name.ends_with(".jpg"));
    assert_eq!(on_disk.collect::<BTreeSet<_>>(), used);
    assert!(lines.iter().any(|line| line["group"].is_string()), "no model in two colours");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let [one, same, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    render(one.path(), &small());
    render(same.path(), &small());
    render(other.path(), &CatalogueOptions { seed: 8, ..small() });
    assert_eq!(files(one.path()), files(same.path()));
    assert_ne!(files(one.path()), files(other.path()));
}

#[test]
fn kinds_and_views_differ_to_the_eye() {
    let directory = tempfile::tempdir().unwrap();
    let all_views = CatalogueOptions { fewest_views: MAX_VIEWS, most_views: MAX_VIEWS, ..small() };
    render(directory.path(), &all_views);
    let lines = lines(directory.path());
    let fronts: Vec<(&Value, RgbImage)> =
        lines.iter().map(|line| (line, pictures(directory.path(), line)["front"].clone())).collect();
    for (at, (line, front)) in fronts.iter().enumerate() {
        for (other, other_front) in &fronts[at + 1..] {
            let found = difference(front, other_front);
            let (id, other_id) = (&line["article_id"], &other["article_id"]);
            assert!(found > 3.0, "{id} and {other_id} differ by {found} only");
        }
    }
    for line in &lines {
        let pictures = pictures(directory.path(), line);
        assert_eq!(pictures.len(), MAX_VIEWS);
        let found = difference(&pictures["front"], &pictures["top"]);
        assert!(found > 3.0, "{}: front and top differ by {found} only", line["article_id"]);
        let distinct: BTreeSet<&[u8]> = pictures.values().map(|p| p.as_raw().as_slice()).collect();
        assert_eq!(distinct.len(), MAX_VIEWS, "{}: two views are one", line["article_id"]);
    }
}

#[test]
fn every_default_picture_shows_a_whole_product() {
    let directory = tempfile::tempdir().unwrap();
    let size = 64u32;
    let options = CatalogueOptions { picture_size: size, ..CatalogueOptions::default() };
    render(directory.path(), &options);
    for line in lines(directory.path()) {
        for (view, picture) in pictures(directory.path(), &line) {
            let name = format!("{} {view}", line["article_id"]);
            let mut covered = 0;
            for (column, row, pixel) in picture.enumerate_pixels() {
                let [r, g, b] = pixel.0;
                let paper = render::background(1.0 - (row as f32 + 0.5) * 2.0 / size as f32);
                let change = [(r, paper.x), (g, paper.y), (b, paper.z)]
                    .map(|(found, paper)| (f32::from(found) - 255.0 * paper).abs());
                covered += u32::from(change.into_iter().any(|change| change > 20.0));
                // Only paper and its soft shadow reach the border: no colour, nothing dark.
                let (least, most) = (r.min(g).min(b), r.max(g).max(b));
                let on_border = [column, row].iter().any(|at| *at == 0 || *at == size - 1);
                assert!(!on_border || (least > 100 && most - least < 40), "{name} is cut off");
            }
            let share = f64::from(covered) / f64::from(size * size);
            assert!((0.06..0.85).contains(&share), "{name} covers {share} of its picture");
        }
    }
}

#[test]
fn a_complete_catalogue_is_kept_and_reports_no_progress() {
    let directory = tempfile::tempdir().unwrap();
    let calls = Mutex::new(Vec::new());
    let progress = |done, all| calls.lock().unwrap().push((done, all));
    let first = render_catalogue(directory.path(), &small(), &progress).unwrap();
    assert!(first.rendered);
    let mut seen = std::mem::take(&mut *calls.lock().unwrap());
    seen.sort_unstable();
    let expected: Vec<_> = (1..=first.images).map(|done| (done, first.images)).collect();
    assert_eq!(seen, expected);

    // A changed picture shows whether the second call writes anything.
    let picture = directory.path().join("images/mug-01").read_dir().unwrap().next().unwrap();
    let picture = picture.unwrap().path();
    fs::write(&picture, "changed").unwrap();
    let second = render_catalogue(directory.path(), &small(), &progress).unwrap();
    assert_eq!(second, CatalogueSummary { rendered: false, ..first });
    assert_eq!(fs::read(&picture).unwrap(), b"changed");
    assert!(calls.lock().unwrap().is_empty());
}

#[test]
fn other_options_a_lost_picture_or_an_unfinished_marker_render_again() {
    let directory = tempfile::tempdir().unwrap();
    let few = CatalogueOptions { articles: 3, ..small() };
    let changes = [
        CatalogueOptions { seed: 9, ..few.clone() },
        CatalogueOptions { articles: 2, ..few.clone() },
        CatalogueOptions { picture_size: 48, ..few.clone() },
        CatalogueOptions { fewest_views: 2, ..few.clone() },
        CatalogueOptions { most_views: 7, ..few.clone() },
    ];
    for changed in changes {
        render(directory.path(), &few);
        assert!(render(directory.path(), &changed).rendered, "{changed:?} kept the old catalogue");
    }
    assert!(render(directory.path(), &few).rendered);
    let whole = files(directory.path());

    fs::remove_dir_all(directory.path().join("images/mug-01")).unwrap();
    assert!(render(directory.path(), &few).rendered);
    assert_eq!(files(directory.path()), whole);

    fs::write(directory.path().join(".rendered"), "rendering\n").unwrap();
    assert!(render(directory.path(), &few).rendered);
    assert_eq!(files(directory.path()), whole);
}

#[test]
fn a_catalogue_from_elsewhere_is_never_touched() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("catalog.jsonl"), "mine\n").unwrap();
    let error = render_catalogue(directory.path(), &small(), &|_, _| {}).unwrap_err();
    assert!(matches!(error, CatalogueError::Occupied { found: "catalog.jsonl", .. }), "{error}");
    assert_eq!(
        files(directory.path()).into_iter().collect::<Vec<_>>(),
        [("catalog.jsonl".to_owned(), b"mine\n".to_vec())]
    );
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = render_catalogue(&file.join("below"), &small(), &|_, _| {}).unwrap_err();
    assert!(error.to_string().contains("file/below"), "{error}");
}

#[test]
fn impossible_options_are_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("new");
    let cases = [
        (CatalogueOptions { articles: 0, ..small() }, "0 articles"),
        (CatalogueOptions { articles: MAX_ARTICLES + 1, ..small() }, "10001 articles"),
        (CatalogueOptions { picture_size: 31, ..small() }, "31 pixels"),
        (CatalogueOptions { fewest_views: 0, ..small() }, "0 to 6 views"),
        (CatalogueOptions { most_views: MAX_VIEWS + 1, ..small() }, "3 to 9 views"),
        (CatalogueOptions { fewest_views: 5, most_views: 4, ..small() }, "5 to 4 views"),
    ];
    for (options, reason) in cases {
        let error = render_catalogue(&target, &options, &|_, _| {}).unwrap_err().to_string();
        assert!(error.contains(reason), "{error} does not say {reason}");
        assert!(!target.exists());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // Whatever the seed chooses, the product is in the picture and not everywhere.
    #[test]
    fn any_seed_gives_visible_products(seed: u64) {
        for article in range::articles(seed, 8, 1, 1) {
            let outline = article.product.outline();
            let pixels = render::render(&article.product, &outline, article.shots[0].view, 32);
            prop_assert_eq!(pixels.len(), 3 * 32 * 32);
            let corner = &pixels[..3];
            let change = |pixel: &&[u8]| pixel.iter().zip(corner).any(|(p, c)| p.abs_diff(*c) > 40);
            let covered = pixels.chunks(3).filter(change).count();
            prop_assert!((40..900).contains(&covered), "{}: {}", article.article_id, covered);
        }
    }
}
