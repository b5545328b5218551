use image::{Rgb, RgbImage};
use proptest::prelude::*;
use serde_json::json;

use super::super::resize::{fit, placed, resized};
use super::*;

fn read(value: Value) -> Result<Preprocessing, PreprocessingError> {
    Preprocessing::from_json(value.to_string().as_bytes())
}

/// The file of the original CLIP, in the layout of its first release.
fn clip() -> Value {
    json!({
        "crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3, "size": 224
    })
}

fn shortest_edge(edge: u32, crop: u32, resample: u32) -> Preprocessing {
    read(json!({
        "size": {"shortest_edge": edge}, "resample": resample,
        "do_center_crop": true, "crop_size": {"height": crop, "width": crop},
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    }))
    .unwrap()
}

fn resize_crop_pad(width: u32, height: u32, fit: &str) -> Preprocessing {
    read(json!({
        "image_processor_type": "resize-crop-pad", "fit": fit, "pad_value": [9, 9, 9],
        "size": {"height": height, "width": width}, "resample": 2,
        "do_normalize": false,
    }))
    .unwrap()
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> DecodedImage {
    RgbImage::from_pixel(width, height, Rgb(colour)).into()
}

#[test]
fn reads_both_layouts_of_clip() {
    let old = read(clip()).unwrap();
    let mut new = clip();
    new["size"] = json!({"shortest_edge": 224});
    new["crop_size"] = json!({"height": 224, "width": 224});
    new["do_rescale"] = json!(true);
    new["rescale_factor"] = json!(0.00392156862745098);
    new["do_convert_rgb"] = json!(true);
    new["image_processor_type"] = json!("CLIPImageProcessor");
    assert_eq!(old, read(new).unwrap());
    assert_eq!(old.resize, Resize::ShortestEdge(224));
    assert_eq!((old.width(), old.height()), (224, 224));
    assert_eq!(old.filter, Filter::Bicubic);
}

#[test]
fn reads_an_exact_size() {
    // The layout of SigLIP.
    let exact = read(json!({
        "image_processor_type": "SiglipImageProcessor", "do_resize": true, "do_rescale": true,
        "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "resample": 2, "size": {"height": 180, "width": 240}
    }))
    .unwrap();
    assert_eq!(exact.resize, Resize::Exact(Size { width: 240, height: 180 }));
    let tensor = exact.apply(&plain(10, 300, [0, 0, 255]));
    assert_eq!((tensor.width(), tensor.height()), (240, 180));
    assert_eq!(tensor.values().len(), 3 * 240 * 180);
}

/// A file of this processor, with ImageNet's numbers.
fn processor(kind: &str, other: Value) -> Result<Preprocessing, PreprocessingError> {
    let mut file = json!({
        "image_processor_type": kind, "do_resize": true, "do_rescale": true, "do_normalize": true,
        "rescale_factor": 0.00392156862745098, "resample": 3,
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    });
    file.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    read(file)
}

fn square(side: u32) -> Size {
    Size { width: side, height: side }
}

#[test]
fn reads_the_files_of_other_families() {
    for (kind, other, resize, size) in [
        // ViT and DINO
        (
            "ViTImageProcessor",
            json!({"size": {"height": 224, "width": 224}}),
            Resize::Exact(square(224)),
            224,
        ),
        ("ViTFeatureExtractor", json!({"size": 224}), Resize::Exact(square(224)), 224),
        // DINOv2
        (
            "BitImageProcessor",
            json!({"size": {"shortest_edge": 256}, "do_center_crop": true, "do_convert_rgb": true,
                   "crop_size": {"height": 224, "width": 224}}),
            Resize::ShortestEdge(256),
            224,
        ),
        // DINOv3
        (
            "DINOv3ViTImageProcessorFast",
            json!({"size": {"height": 224, "width": 224}, "default_to_square": true, "crop_size": null,
                   "do_center_crop": null, "data_format": "channels_first", "device": null}),
            Resize::Exact(square(224)),
            224,
        ),
        // ConvNeXT and ResNet
        ("ConvNextFeatureExtractor", json!({"size": 224, "crop_pct": 0.875}), Resize::ShortestEdge(256), 224),
        (
            "ConvNextImageProcessor",
            json!({"size": {"shortest_edge": 224}, "crop_pct": 0.95}),
            Resize::ShortestEdge(235),
            224,
        ),
        ("ConvNextImageProcessor", json!({"size": {"shortest_edge": 320}}), Resize::ShortestEdge(365), 320),
        ("ConvNextImageProcessor", json!({"size": {"shortest_edge": 384}}), Resize::Exact(square(384)), 384),
        // Squashed, then cut.
        (
            "DeiTFeatureExtractor",
            json!({"size": 256, "do_center_crop": true, "crop_size": 224}),
            Resize::Exact(square(256)),
            224,
        ),
        ("SwinImage", json!({"size": 224, "default_to_square": true}), Resize::Exact(square(224)), 224),
        (
            "SwinImage",
            json!({"size": 256, "default_to_square": false, "crop_size": 224}),
            Resize::ShortestEdge(256),
            224,
        ),
    ] {
        let file = processor(kind, other.clone()).unwrap();
        assert_eq!((file.resize, file.size), (resize, square(size)), "{kind} {other}");
    }
    let message = processor("PoolFormerImageProcessor", json!({"size": {"shortest_edge": 224}})).unwrap_err();
    assert!(message.to_string().contains("PoolFormerImageProcessor"), "{message}");
}

#[test]
fn an_exact_size_may_be_cut() {
    let file = processor(
        "DeiTImageProcessor",
        json!({"size": {"height": 8, "width": 8}, "crop_size": {"height": 4, "width": 4}, "resample": 0}),
    )
    .unwrap();
    // Twice as wide as high: each axis has a scale of its own.
    let picture = RgbImage::from_fn(16, 8, |x, y| Rgb([10 * x as u8, 10 * y as u8, 0]));
    let seen = fit(&picture.into(), &file);
    let corners = [(0, 0), (3, 3)].map(|(x, y)| seen.get_pixel(x, y).0);
    assert_eq!(corners, [[50, 20, 0], [110, 50, 0]]);
}

#[test]
fn efficientnet_divides_twice() {
    let with = |other: Value| {
        let mut fields = json!({"size": {"height": 4, "width": 4}, "crop_size": {"height": 289, "width": 289},
                                "do_center_crop": false, "rescale_offset": false, "include_top": true});
        fields.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        processor("EfficientNetImageProcessor", fields)
    };
    let first = |preprocessing: Preprocessing| preprocessing.apply(&plain(4, 4, [255; 3])).values()[0];
    let near = |actual: f32, expected: f32| assert!((actual - expected).abs() < 1e-5, "{actual}, {expected}");
    near(first(with(json!({})).unwrap()), (1.0 - 0.485) / 0.229 / 0.229);
    near(first(with(json!({"include_top": false})).unwrap()), (1.0 - 0.485) / 0.229);
    let both = json!({"rescale_offset": true, "rescale_factor": 0.00784313725490196, "do_normalize": false});
    near(first(with(both).unwrap()), 1.0 / 0.229);
    let message = with(json!({"rescale_offset": true})).unwrap_err().to_string();
    assert!(message.contains("1/127.5"), "{message}");
}

#[test]
fn a_size_of_the_configuration_takes_the_place_of_the_files() {
    let own: ResizeCropPad =
        serde_json::from_value(json!({"size": "240x180", "fit": "cover", "pad_value": [1, 2, 3]})).unwrap();
    for mut file in [clip(), json!({"image_processor_type": "LevitImageProcessor", "crop_pct": 0.5})] {
        let numbers = clip();
        for key in ["resample", "image_mean", "image_std"] {
            file[key] = numbers[key].clone();
        }
        let read = Preprocessing::from_json_resized(file.to_string().as_bytes(), &own).unwrap();
        assert_eq!((read.resize, read.width(), read.height()), (Resize::Cover, 240, 180));
        assert_eq!((read.fill, read.filter), ([1, 2, 3], Filter::Bicubic));
        assert_eq!(read.scale, self::read(clip()).unwrap().scale);
    }
}

#[test]
fn normalises_as_computed_by_hand() {
    let tensor = read(clip()).unwrap().apply(&plain(300, 400, [255, 0, 128]));
    let plane = 224 * 224;
    // (1 - 0.48145466) / 0.26862954, (0 - 0.4578275) / 0.26130258,
    // (128/255 - 0.40821073) / 0.27577711
    for (channel, expected) in [1.930_336_2, -1.752_097_2, 0.339_948_7].into_iter().enumerate() {
        for value in &tensor.values()[channel * plane..(channel + 1) * plane] {
            assert!((value - expected).abs() < 2e-6, "{value} is not {expected}");
        }
    }
}

#[test]
fn planes_are_channels_and_rows_run_from_the_top() {
    let picture = RgbImage::from_fn(2, 2, |x, y| Rgb([10 + x as u8, 20 + y as u8, 30]));
    let keep = read(json!({
        "do_resize": false, "crop_size": {"height": 2, "width": 2},
        "do_rescale": false, "do_normalize": false
    }))
    .unwrap();
    let tensor = keep.apply(&picture.into());
    assert_eq!(tensor.values(), [10.0, 11.0, 10.0, 11.0, 20.0, 20.0, 21.0, 21.0, 30.0, 30.0, 30.0, 30.0]);
}

#[test]
fn resampling_agrees_with_pillow() {
    // Pillow 13: resize of the whole picture, then crop; first pixel, one in
    // the middle row, last pixel.
    let cases = [
        (3, (100, 40), 10, 10, [161, 113, 208], [122, 147, 104], [105, 126, 132]),
        (2, (40, 100), 10, 10, [102, 153, 199], [141, 50, 118], [163, 135, 130]),
        (1, (50, 50), 7, 4, [128, 145, 148], [127, 118, 132], [126, 129, 121]),
        (3, (5, 4), 12, 10, [7, 0, 255], [47, 8, 254], [156, 27, 245]),
    ];
    for (filter, (width, height), edge, crop, first, middle, last) in cases {
        let picture = RgbImage::from_fn(width, height, |x, y| {
            let mix = [x * 31 + y * 17, x * x + y * 5, 255 + 256 * 99 - x * y];
            Rgb(mix.map(|value| (value % 256) as u8))
        });
        let seen = fit(&picture.into(), &shortest_edge(edge, crop, filter));
        let at = [(0, 0), (1, crop / 2), (crop - 1, crop - 1)];
        for ((x, y), expected) in at.into_iter().zip([first, middle, last]) {
            let actual = seen.get_pixel(x, y).0;
            assert_eq!(actual, expected, "filter {filter}");
        }
    }
}

#[test]
fn a_circle_stays_round() {
    let circle = RgbImage::from_fn(400, 200, |x, y| {
        let (dx, dy) = (f64::from(x) - 199.5, f64::from(y) - 99.5);
        Rgb([if dx.hypot(dy) < 80.0 { 0 } else { 255 }; 3])
    });
    for preprocessing in [
        shortest_edge(64, 64, 3),
        resize_crop_pad(240, 180, "contain"),
        resize_crop_pad(240, 180, "cover"),
        resize_crop_pad(50, 180, "contain"),
    ] {
        let seen = fit(&circle.clone().into(), &preprocessing);
        let dark = |(_, _, pixel): &(u32, u32, &Rgb<u8>)| pixel.0 == [0; 3];
        let places: Vec<_> = seen.enumerate_pixels().filter(dark).collect();
        let width = places.iter().map(|place| place.0).max().unwrap()
            - places.iter().map(|place| place.0).min().unwrap();
        let height = places.iter().map(|place| place.1).max().unwrap()
            - places.iter().map(|place| place.1).min().unwrap();
        assert!(width.abs_diff(height) <= 1, "{width} x {height}");
    }
}

#[test]
fn pads_around_and_cuts_the_centre() {
    let contain = fit(&plain(100, 100, [200; 3]), &resize_crop_pad(240, 180, "contain"));
    assert_eq!(contain.get_pixel(29, 90).0, [9; 3], "padding");
    assert_eq!(contain.get_pixel(30, 90).0, [200; 3], "picture");
    assert_eq!(contain.get_pixel(209, 0).0, [200; 3]);
    assert_eq!(contain.get_pixel(210, 0).0, [9; 3]);
    let cover = fit(&plain(100, 100, [200; 3]), &resize_crop_pad(240, 180, "cover"));
    assert!(cover.pixels().all(|pixel| pixel.0 == [200; 3]));
    // Hugging Face pads with zeros where the crop is larger than the picture.
    let small = fit(&plain(100, 100, [200; 3]), &shortest_edge(3, 6, 3));
    assert_eq!(small.get_pixel(1, 3).0, [0; 3]);
    assert_eq!(small.get_pixel(2, 3).0, [200; 3]);
    assert_eq!(small.get_pixel(5, 3).0, [0; 3]);
}

#[test]
fn extreme_proportions_cost_no_memory() {
    let line = plain(1, 16_384, [5; 3]);
    let tall = shortest_edge(4_096, 4_096, 3);
    let source = Size { width: 1, height: 16_384 };
    assert_eq!(resized(source, &tall), (4_096, 67_108_864));
    assert_eq!(shortest_edge(64, 64, 3).apply(&line).values().len(), 3 * 64 * 64);
    assert_eq!(placed(16_384, 67_108_864, 4_096).length, 4_096);
    let wide = resize_crop_pad(240, 180, "contain").apply(&plain(16_384, 1, [5; 3]));
    assert_eq!(wide.values().len(), 3 * 240 * 180);
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let without = |key: &str| {
        let mut file = clip();
        file.as_object_mut().unwrap().remove(key);
        read(file).unwrap_err().to_string()
    };
    assert!(without("size").contains("lacks \"size\""));
    assert!(without("resample").contains("lacks \"resample\""));
    assert!(without("image_mean").contains("lacks \"image_mean\""));
    assert!(without("image_std").contains("lacks \"image_std\""));
    assert!(without("crop_size").contains("lacks \"crop_size\""));

    let with = |key: &str, value: Value| {
        let mut file = clip();
        file[key] = value;
        read(file).unwrap_err().to_string()
    };
    for (key, value) in [
        ("resample", json!(6)),
        ("resample", json!("bicubic")),
        ("size", json!({"max_pixels": 12_000})),
        ("size", json!({"shortest_edge": 0})),
        ("size", json!({"shortest_edge": 224, "longest_edge": 300})),
        ("size", json!({"height": 300, "width": 300})),
        ("crop_size", json!(100_000)),
        ("crop_pct", json!(0.875)),
        ("do_pad", json!(true)),
        ("do_resize", json!("yes")),
        ("rescale_factor", json!(0)),
        ("image_std", json!([0.5, 0.0, 0.5])),
        ("image_mean", json!([0.5])),
        ("image_processor_type", json!("LevitImageProcessor")),
        ("rescale_offset", json!(true)),
        ("include_top", json!(true)),
    ] {
        let message = with(key, value.clone());
        assert!(message.contains(key), "{key} {value}: {message}");
    }
    assert!(matches!(Preprocessing::from_json(b"[1]"), Err(PreprocessingError::NotAnObject { .. })));
}

#[test]
fn an_enlarged_cut_may_begin_on_a_source_pixel() {
    // 3 output pixels for each source pixel, and the cut begins at the centre of one.
    let picture = RgbImage::from_fn(49, 3, |x, _| Rgb([(x * 5) as u8; 3]));
    let seen = fit(&picture.into(), &shortest_edge(9, 7, 3));
    let row: Vec<u8> = (0..7).map(|x| seen.get_pixel(x, 3).0[0]).collect();
    assert_eq!(row, [115, 117, 118, 120, 122, 123, 125]);
}

proptest! {
    /// Whatever the picture, the tensor has the promised size and, away from
    /// the padding, the two axes are scaled alike.
    #[test]
    fn keeps_the_aspect_ratio(
        width in 1u32..3_000, height in 1u32..3_000,
        out_width in 1u32..300, out_height in 1u32..300, cover: bool,
    ) {
        let fit = if cover { "cover" } else { "contain" };
        let preprocessing = resize_crop_pad(out_width, out_height, fit);
        let (new_width, new_height) = resized(Size { width, height }, &preprocessing);
        if cover {
            prop_assert!(new_width >= out_width.into() && new_height >= out_height.into());
        } else {
            prop_assert!(new_width <= out_width.into() && new_height <= out_height.into());
        }
        // Rounding down moves one side by less than a pixel.
        let by_width = new_width as f64 / f64::from(width);
        let by_height = new_height as f64 / f64::from(height);
        let pixel = 1.0 / f64::from(width) + 1.0 / f64::from(height);
        prop_assert!((by_width - by_height).abs() <= pixel);
        let across = placed(width, new_width, out_width);
        prop_assert!(across.to + across.length <= out_width);
    }

    #[test]
    fn every_picture_becomes_a_tensor(width in 1u32..80, height in 1u32..80,
        edge in 7u32..40, filter in 0u32..6) {
        let picture = plain(width, height, [120, 0, 255]);
        let tensor = shortest_edge(edge, 7, filter).apply(&picture);
        prop_assert_eq!(tensor.values().len(), 3 * 7 * 7);
        let near = |value: &f32, expected: f32| (value - expected).abs() < 0.02;
        prop_assert!(tensor.values()[..49].iter().all(|value| near(value, -0.0588)));
        prop_assert!(tensor.values()[49..98].iter().all(|value| near(value, -1.0)));
        prop_assert!(tensor.values()[98..].iter().all(|value| near(value, 1.0)));
    }
}
