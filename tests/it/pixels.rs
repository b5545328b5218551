//! Pixels held against what Pillow and Hugging Face make of the same files
//! (`tools/parity/fixtures.py` writes both).

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use lookalike::imaging::{DecodedImage, ImageLimits, Preprocessing, decode};
use serde_json::json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pixels");

fn read(path: &Path) -> DecodedImage {
    decode(&fs::read(path).unwrap(), &ImageLimits::default()).unwrap()
}

fn expected(path: &Path) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

/// The fixtures whose names end like this, with what stands before it.
fn fixtures(end: &str) -> Vec<(String, PathBuf)> {
    let paths = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.strip_suffix(end).map(|name| (name.to_owned(), path.clone()))
    };
    paths.filter_map(named).collect()
}

fn largest_difference(ours: &[u8], theirs: &[u8]) -> u8 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn files_are_decoded_as_by_pillow() {
    let files = fixtures(".expected.png");
    assert_eq!(files.len(), 14);
    for (name, path) in files {
        let (ours, theirs) = (read(&Path::new(FOLDER).join(&name)), expected(&path));
        assert_eq!((ours.width(), ours.height()), theirs.dimensions(), "{name}");
        let apart = largest_difference(ours.pixels(), theirs.as_raw());
        assert_eq!(apart, 0, "{name}: levels");
    }
}

#[test]
fn pictures_are_resized_and_cut_as_by_hugging_face() {
    let scene = read(&Path::new(FOLDER).join("scene.png"));
    let files: Vec<_> = fixtures(".png").into_iter().filter(|(name, _)| name.starts_with("scene.")).collect();
    assert_eq!(files.len(), 12);
    for (name, path) in files {
        let numbers: Vec<u32> = name["scene.".len()..].split('-').map(|part| part.parse().unwrap()).collect();
        let [edge, crop, resample] = numbers[..] else { panic!("{name}") };
        let settings = json!({
            "image_processor_type": "CLIPImageProcessor", "do_rescale": false, "do_normalize": false,
            "size": {"shortest_edge": edge}, "resample": resample,
            "do_center_crop": true, "crop_size": {"height": crop, "width": crop},
        });
        let tensor = Preprocessing::from_json(settings.to_string().as_bytes()).unwrap().apply(&scene);
        let theirs = expected(&path);
        let planes = (0..3).flat_map(|channel| theirs.pixels().map(move |pixel| pixel.0[channel]));
        let levels: Vec<u8> = tensor.values().iter().map(|value| *value as u8).collect();
        let apart = largest_difference(&levels, &planes.collect::<Vec<_>>());
        assert_eq!(apart, 0, "{name}: levels");
    }
}
