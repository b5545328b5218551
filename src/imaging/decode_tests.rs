use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayAlphaImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

const PROGRESSIVE_JPEG: &[u8] = include_bytes!("../../tests/fixtures/images/progressive.jpg");
const RESTART_JPEG: &[u8] = include_bytes!("../../tests/fixtures/images/restart.jpg");
const CMYK_JPEG: &[u8] = include_bytes!("../../tests/fixtures/images/cmyk.jpg");
const YCCK_JPEG: &[u8] = include_bytes!("../../tests/fixtures/images/ycck.jpg");
const LOSSY_WEBP: &[u8] = include_bytes!("../../tests/fixtures/images/lossy.webp");
const ANIMATED_WEBP: &[u8] = include_bytes!("../../tests/fixtures/images/animated.webp");
const ANIMATED_GIF: &[u8] = include_bytes!("../../tests/fixtures/images/animated.gif");
const PALETTE_PNG: &[u8] = include_bytes!("../../tests/fixtures/images/palette.png");

/// Not the guarded entry: a panic of a decoder must fail these tests.
fn decoded(bytes: &[u8]) -> Result<DecodedImage, ImageRejected> {
    decode_unguarded(bytes, &ImageLimits::default())
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// 32 × 16 pixels, every quarter with its own noise-like texture.
fn textured() -> RgbImage {
    RgbImage::from_fn(32, 16, |x, y| {
        let noise = (x * 37 + y * 91 + x * y * 13) % 64;
        Rgb([(x * 5 + noise) as u8, (y * 9 + noise) as u8, 90])
    })
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(picture).unwrap();
    bytes
}

fn pixel(image: &DecodedImage, x: u32, y: u32) -> [u8; 3] {
    image.pixels.get_pixel(x, y).0
}

fn assert_near(actual: [u8; 3], expected: [u8; 3], tolerance: u8) {
    let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= tolerance;
    assert!(actual.iter().zip(&expected).all(near), "{actual:?} is not near {expected:?}");
}

fn code(bytes: &[u8]) -> &'static str {
    decoded(bytes).map_or_else(|rejected| rejected.code(), |_| "accepted")
}

#[test]
fn reads_every_supported_format() {
    let picture = textured();
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let image = decoded(&encoded(picture.clone(), format)).unwrap();
        assert_eq!(image.pixels, picture, "{format:?} is lossless");
        assert_eq!((image.width(), image.height()), (32, 16));
    }
    let image = decoded(&jpeg(&RgbImage::from_pixel(32, 16, Rgb([200, 30, 30])))).unwrap();
    assert_near(pixel(&image, 20, 7), [200, 30, 30], 3);
    for bytes in [PROGRESSIVE_JPEG, RESTART_JPEG, LOSSY_WEBP, PALETTE_PNG] {
        let image = decoded(bytes).unwrap();
        assert_eq!((image.width(), image.height()), (64, 64));
        // Noise over flat quarters: means are compared.
        let mut mean = [0_f64; 3];
        for (x, y) in (0..24).flat_map(|y| (0..24).map(move |x| (x, y))) {
            let colour = pixel(&image, x, y);
            (0..3).for_each(|channel| mean[channel] += f64::from(colour[channel]) / 576.0);
        }
        assert_near(mean.map(|value| value as u8), [200, 30, 30], 8);
    }
}

#[test]
fn the_picture_before_leaves_no_trace() {
    // A thread's buffer is taken for its next picture.
    let files = [PROGRESSIVE_JPEG.to_vec(), CMYK_JPEG.to_vec(), RESTART_JPEG.to_vec(), jpeg(&textured())];
    for bytes in &files {
        let alone = bytes.clone();
        let alone = std::thread::spawn(move || decoded(&alone).unwrap()).join().unwrap();
        for before in &files {
            drop(decoded(before).unwrap());
            assert_eq!(decoded(bytes).unwrap(), alone);
        }
    }
}

#[test]
fn animations_give_their_first_frame() {
    for bytes in [ANIMATED_GIF, ANIMATED_WEBP] {
        let image = decoded(bytes).unwrap();
        assert_eq!((image.width(), image.height()), (64, 64));
        // The second frame is black.
        assert!(pixel(&image, 5, 5)[0] > 120);
    }
}

#[test]
fn cmyk_and_ycck_become_rgb() {
    // The colours that Pillow reads back (tests/fixtures/images/make.py).
    let cmyk = [[200, 30, 30], [30, 160, 60], [40, 60, 190], [220, 220, 220]];
    let ycck = [[99, 0, 125], [158, 143, 0], [17, 190, 190], [0, 116, 0]];
    for (bytes, expected) in [(CMYK_JPEG, cmyk), (YCCK_JPEG, ycck)] {
        let image = decoded(bytes).unwrap();
        let places = [(8, 8), (24, 8), (8, 24), (24, 24)];
        for ((x, y), colour) in places.into_iter().zip(expected) {
            assert_near(pixel(&image, x, y), colour, 4);
        }
    }
}

#[test]
fn grey_16_bit_and_alpha_become_rgb8() {
    let grey = image::GrayImage::from_pixel(4, 4, Luma([77]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let image = decoded(&encoded(grey.clone(), format)).unwrap();
        assert_near(pixel(&image, 1, 1), [77; 3], 1);
    }
    let deep = image::ImageBuffer::<Rgb<u16>, _>::from_pixel(4, 4, Rgb([65_535, 257 * 9, 130]));
    let image = decoded(&encoded(deep, ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&image, 2, 2), [255, 9, 0], "the higher byte of each");

    let alpha = RgbaImage::from_fn(4, 1, |x, _| Rgba([0, 100, 255, [0, 128, 255, 51][x as usize]]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let image = decoded(&encoded(alpha.clone(), format)).unwrap();
        assert_eq!(pixel(&image, 0, 0), [255; 3], "transparent is white");
        assert_eq!(pixel(&image, 1, 0), [127, 177, 255]);
        assert_eq!(pixel(&image, 2, 0), [0, 100, 255]);
        assert_eq!(pixel(&image, 3, 0), [204, 224, 255]);
    }
    let grey_alpha = GrayAlphaImage::from_pixel(2, 2, LumaA([0, 51]));
    let image = decoded(&encoded(grey_alpha, ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&image, 0, 0), [204; 3]);

    let mut gif = Vec::new();
    GifEncoder::new(&mut gif)
        .encode_frame(image::Frame::new(RgbaImage::from_fn(2, 1, |x, _| {
            Rgba([10, 20, 30, if x == 0 { 0 } else { 255 }])
        })))
        .unwrap();
    let image = decoded(&gif).unwrap();
    assert_eq!(pixel(&image, 0, 0), [255; 3]);
    assert_near(pixel(&image, 1, 0), [10, 20, 30], 3);
}

/// An EXIF block with nothing but an orientation, in the given byte order.
fn exif(orientation: u8, big_endian: bool) -> Vec<u8> {
    if big_endian {
        let mut block = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        block.extend([orientation, 0, 0, 0, 0, 0, 0]);
        block
    } else {
        let mut block = b"II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        block
    }
}

fn jpeg_with_exif(jpeg: &[u8], block: &[u8]) -> Vec<u8> {
    let payload = [b"Exif\0\0", block].concat();
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &payload, &jpeg[2..]].concat()
}

#[test]
fn applies_all_eight_orientations() {
    const RED: [u8; 3] = [220, 20, 20];
    const GREEN: [u8; 3] = [20, 200, 20];
    const BLUE: [u8; 3] = [20, 20, 220];
    // As stored: red top left, green top right, blue below; 32 wide, 16 high.
    let stored = RgbImage::from_fn(32, 16, |x, y| match (x < 16, y < 8) {
        (true, true) => Rgb(RED),
        (false, true) => Rgb(GREEN),
        _ => Rgb(BLUE),
    });
    // Where the stored top left corner (red) and top right corner (green) must
    // be seen: (right?, bottom?), from the EXIF standard's "row 0, column 0".
    let seen = [
        (1, (0, 0), (1, 0)),
        (2, (1, 0), (0, 0)),
        (3, (1, 1), (0, 1)),
        (4, (0, 1), (1, 1)),
        (5, (0, 0), (0, 1)),
        (6, (1, 0), (1, 1)),
        (7, (1, 1), (1, 0)),
        (8, (0, 1), (0, 0)),
    ];
    for (orientation, red, green) in seen {
        for big_endian in [true, false] {
            let file = jpeg_with_exif(&jpeg(&stored), &exif(orientation, big_endian));
            let image = decoded(&file).unwrap();
            let size = if orientation < 5 { (32, 16) } else { (16, 32) };
            assert_eq!((image.width(), image.height()), size, "{orientation}");
            let corner = |(right, bottom): (u32, u32)| {
                let x = if right == 1 { size.0 - 2 } else { 1 };
                let y = if bottom == 1 { size.1 - 2 } else { 1 };
                pixel(&image, x, y)
            };
            assert_near(corner(red), RED, 12);
            assert_near(corner(green), GREEN, 12);
        }
    }
}

#[test]
fn a_strange_orientation_is_no_reason_to_reject() {
    for block in [exif(0, true), exif(9, true), b"garbage".to_vec()] {
        let file = jpeg_with_exif(&jpeg(&textured()), &block);
        assert_eq!(decoded(&file).unwrap().width(), 32);
    }
}

#[test]
fn a_jpeg_cut_anywhere_is_truncated() {
    let baseline = jpeg(&textured());
    let with_thumbnail = jpeg_with_exif(&baseline, &jpeg(&textured()));
    for whole in [&baseline, &with_thumbnail, PROGRESSIVE_JPEG, RESTART_JPEG] {
        assert!(decoded(whole).is_ok());
        for length in 3..whole.len() {
            assert_eq!(code(&whole[..length]), "truncated", "cut at {length}");
        }
    }
}

#[test]
fn a_jpeg_with_impossible_codes_is_corrupt() {
    for whole in [&jpeg(&textured())[..], PROGRESSIVE_JPEG] {
        // All ones are no Huffman code; FF is followed by a stuffed 00.
        let scan = whole.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        let mut damaged = whole[..scan + 20].to_vec();
        damaged.extend([0xFF, 0x00].repeat(40));
        damaged.extend([0xFF, 0xD9]);
        assert_eq!(code(&damaged), "corrupt");
        // The lenient mode would have returned a half-grey picture.
        assert!(image::load_from_memory(&damaged).is_ok());
    }
}

#[test]
fn a_jpeg_whose_data_ends_before_its_end_mark_is_rejected() {
    for whole in [&jpeg(&textured())[..], RESTART_JPEG, CMYK_JPEG] {
        let picture = decoded(whole).unwrap();
        let scan = whole.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        let mut rejected = 0;
        for cut in scan + 20..whole.len() - 2 {
            match decoded(&[&whole[..cut], &[0xFF, 0xD9]].concat()) {
                // The last bits are padding.
                Ok(image) => assert!(image == picture, "cut at {cut} of {}: other pixels", whole.len()),
                Err(_) => rejected += 1,
            }
        }
        assert!(rejected + 4 > whole.len() - 2 - scan - 20, "{rejected} are rejected");
    }
}

#[test]
fn bytes_between_a_jpeg_picture_and_its_end_mark_are_ignored() {
    // Some cameras write them, and every viewer accepts them.
    for whole in [&jpeg(&textured())[..], RESTART_JPEG, PROGRESSIVE_JPEG] {
        let padded = [&whole[..whole.len() - 2], &[0; 9], &[0xFF, 0xD9]].concat();
        assert_eq!(decoded(&padded).unwrap(), decoded(whole).unwrap());
    }
}

#[test]
fn other_formats_cut_anywhere_are_rejected_or_whole() {
    let png = encoded(textured(), ImageFormat::Png);
    let webp = encoded(textured(), ImageFormat::WebP);
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode(textured().as_raw(), 32, 16, image::ExtendedColorType::Rgb8).unwrap();
    for whole in [&png[..], &webp, LOSSY_WEBP, &gif, PALETTE_PNG] {
        let picture = decoded(whole).unwrap();
        let mut complete = 0;
        for length in 12..whole.len() {
            match decoded(&whole[..length]) {
                // Nothing but an end mark is missing.
                Ok(image) if image == picture => complete += 1,
                Ok(_) => panic!("cut at {length} of {}: other pixels", whole.len()),
                Err(rejected) => {
                    assert!(matches!(rejected.code(), "truncated" | "corrupt"), "cut at {length}: {rejected}")
                }
            }
        }
        assert!(complete <= 20, "{complete} cut files were accepted");
    }
}

#[test]
fn a_webp_cut_anywhere_is_truncated() {
    let lossless = encoded(textured(), ImageFormat::WebP);
    for whole in [&lossless[..], LOSSY_WEBP, ANIMATED_WEBP] {
        for length in 12..whole.len() {
            assert_eq!(code(&whole[..length]), "truncated", "cut at {length}");
        }
    }
}

#[test]
fn other_bytes_are_no_image() {
    assert_eq!(code(b""), "unsupported_format");
    assert_eq!(code(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "unsupported_format");
    assert_eq!(code(b"\0\0\0\x18ftypheic"), "unsupported_format");
    assert_eq!(code(b"BM______"), "unsupported_format");
    let reason = decoded(b"%PDF-1.7").unwrap_err().to_string();
    assert!(reason.contains("JPEG, PNG, WebP and GIF"), "{reason}");
}

/// A PNG header that claims a size, and nothing behind it.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(RgbImage::new(1, 1), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

#[test]
fn oversize_claims_are_refused_by_the_header() {
    assert_eq!(
        decoded(&png_claiming(60_000, 60_000)),
        Err(ImageRejected::TooLarge { what: "pixels a side", actual: 60_000, limit: 16_384 })
    );
    assert_eq!(
        decoded(&png_claiming(16_000, 16_000)),
        Err(ImageRejected::TooLarge { what: "pixels", actual: 256_000_000, limit: 100_000_000 })
    );
    let mut jpeg = jpeg(&textured());
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!(code(&jpeg), "too_large");

    let mut gif = ANIMATED_GIF.to_vec();
    gif[6..10].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!(code(&gif), "too_large");

    let mut webp = LOSSY_WEBP.to_vec();
    webp[26..30].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
    assert_eq!(code(&webp), "too_large");
}

#[test]
fn each_limit_holds() {
    let png = encoded(textured(), ImageFormat::Png);
    let roomy = ImageLimits::default();
    let tight = [
        ImageLimits { max_compressed_bytes: png.len() as u64 - 1, ..roomy.clone() },
        ImageLimits { max_pixels: 511, ..roomy.clone() },
        ImageLimits { max_side: 31, ..roomy.clone() },
        ImageLimits { max_decoded_bytes: 512 * 3 - 1, ..roomy.clone() },
    ];
    for limits in tight {
        let rejected = decode_unguarded(&png, &limits).unwrap_err();
        assert_eq!(rejected.code(), "too_large", "{limits:?}");
    }
    let exact = ImageLimits {
        max_compressed_bytes: png.len() as u64,
        max_pixels: 512,
        max_side: 32,
        max_decoded_bytes: 512 * 3,
    };
    assert!(decode_unguarded(&png, &exact).is_ok());
}

#[test]
fn a_picture_of_no_pixels_is_rejected() {
    assert!(decoded(&png_claiming(0, 4)).is_err());
}

fn small_files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = [
        PROGRESSIVE_JPEG,
        RESTART_JPEG,
        CMYK_JPEG,
        YCCK_JPEG,
        LOSSY_WEBP,
        ANIMATED_WEBP,
        ANIMATED_GIF,
        PALETTE_PNG,
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    files.push(jpeg(&textured()));
    files.push(encoded(textured(), ImageFormat::Png));
    files.push(encoded(textured(), ImageFormat::WebP));
    files
}

proptest! {
    /// Damage anywhere gives a picture or a reason, never a panic. Limits are
    /// low so that a damaged header cannot make a case slow.
    #[test]
    fn damaged_files_never_panic(
        which in 0usize..11,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in 0.0f64..=1.0,
    ) {
        let mut bytes = small_files().swap_remove(which);
        for (place, value) in damage {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate((bytes.len() as f64 * keep.sqrt()) as usize);
        let limits = ImageLimits { max_pixels: 1_000_000, ..ImageLimits::default() };
        if let Err(rejected) = decode_unguarded(&bytes, &limits) {
            prop_assert!(!rejected.to_string().is_empty());
        }
    }

    #[test]
    fn random_bytes_behind_a_magic_number_never_panic(
        magic in prop::sample::select(vec![
            &b"\xFF\xD8\xFF"[..], b"\x89PNG\r\n\x1A\n", b"RIFF\x40\0\0\0WEBP", b"GIF89a", b"",
        ]),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [magic, &noise].concat();
        let limits = ImageLimits { max_pixels: 1_000_000, ..ImageLimits::default() };
        if let Err(rejected) = decode_unguarded(&bytes, &limits) {
            prop_assert!(!rejected.code().is_empty());
        }
    }
}
