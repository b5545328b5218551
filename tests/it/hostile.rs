//! Files that are cut off, damaged, made up, or claim far more than they hold: none
//! panics, and none takes more memory than its limits allow.
//!
//! The fuzz targets in `fuzz/` run the same properties on what libFuzzer finds.

#[path = "../../fuzz/src/properties.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are crates of their own")]
mod properties;

use std::fs;
use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, GrayImage, ImageEncoder as _, ImageFormat};
// As `properties` finds it in `fuzz/`, too.
use lookalike::imaging;
use lookalike::imaging::{DecodedImage, ImageRejected};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use self::properties::{LIMITS, preparing};
use crate::support::allocation::peak_of;

/// Bytes that decoding holds at most for each pixel that the limits allow: the picture in
/// the file's own format (8 for 16 bits in four channels), the decoder's own copy, RGB8.
const BYTES_A_PIXEL: u64 = 16;
/// For tables, and for what does not grow with the picture.
const BYTES_BESIDES: u64 = 4 << 20;
/// Colour profiles and texts of a PNG may take `PNG_METADATA_BYTES` besides, twice where they grow.
const BYTES_OF_PNG_METADATA: u64 = 2 * (64 << 20);

/// Decodes, and holds the memory that it took against the limits.
fn bounded(bytes: &[u8]) -> Result<DecodedImage, ImageRejected> {
    let (decoded, peak) = peak_of(|| imaging::decode(bytes, &LIMITS));
    properties::decoded(bytes, &decoded);
    let metadata = if bytes.starts_with(b"\x89PNG") { BYTES_OF_PNG_METADATA } else { 0 };
    let most = LIMITS.max_pixels * BYTES_A_PIXEL + BYTES_BESIDES + metadata;
    assert!(peak as u64 <= most, "{peak} bytes, {most} are the most");
    decoded
}

fn code(bytes: &[u8]) -> &'static str {
    bounded(bytes).map_or_else(|rejected| rejected.code(), |_| "accepted")
}

/// The small files of the other tests, of every format.
fn small_files() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = ["images", "pixels"]
        .iter()
        .flat_map(|folder| {
            fs::read_dir(format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        })
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end != "py"))
        .filter(|path| !path.to_str().unwrap().ends_with(".expected.png"))
        .collect();
    // So that a seed means the same everywhere.
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_beginning_of_a_file_is_rejected_or_the_whole_picture() {
    for file in small_files() {
        let whole = bounded(&file).unwrap();
        // Each of the last bytes; before them a prime step meets every kind of place.
        let lengths = (0..file.len()).filter(|length| length % 7 == 0 || length + 64 > file.len());
        for length in lengths {
            if let Ok(picture) = bounded(&file[..length]) {
                assert!(picture == whole, "cut at {length} of {}: other pixels", file.len());
            }
        }
    }
}

#[test]
fn damaged_files_keep_the_properties() {
    let files = small_files();
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..4_000 {
        let mut bytes = files[random.random_range(0..files.len())].clone();
        for _ in 0..random.random_range(1..8) {
            let at = random.random_range(0..bytes.len());
            // Headers are hit as often as all the rest.
            let at = if random.random() { at } else { at % 64 };
            match random.random_range(0..3) {
                0 => bytes[at] ^= 1 << random.random_range(0..8),
                1 => bytes[at] = random.random(),
                _ => bytes[at] = 0xFF,
            }
        }
        let _ = bounded(&bytes);
    }
}

#[test]
fn made_up_files_keep_the_properties() {
    let beginnings: [&[u8]; 6] = [
        b"\xFF\xD8\xFF\xC0\0\x11\x08",
        b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40",
        b"RIFF\x80\0\0\0WEBPVP8 \x60\0\0\0\x10\0\0\x9d\x01\x2a",
        b"RIFF\x80\0\0\0WEBPVP8L\x60\0\0\0\x2f",
        b"RIFF\x80\0\0\0WEBPVP8X\x0A\0\0\0",
        b"GIF89a\x10\0\x10\0\x80\0\0",
    ];
    let mut random = StdRng::seed_from_u64(2);
    for _ in 0..4_000 {
        let mut bytes = beginnings[random.random_range(0..beginnings.len())].to_vec();
        bytes.extend((0..random.random_range(0..200)).map(|_| random.random::<u8>()));
        let _ = bounded(&bytes);
    }
}

#[test]
fn any_picture_is_prepared_by_any_settings() {
    let mut random = StdRng::seed_from_u64(3);
    for _ in 0..400 {
        let bytes: Vec<u8> = (0..random.random_range(0..300)).map(|_| random.random()).collect();
        preparing(&bytes);
    }
}

/// A chunk of a PNG, with its check sum (ISO 3309).
fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [name, data].concat();
    let mut sum = u32::MAX;
    for byte in &checked {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg());
        }
    }
    [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], &checked, &(!sum).to_be_bytes()].concat()
}

#[test]
fn a_png_that_inflates_beyond_its_size_takes_no_memory_for_it() {
    let mut large = Cursor::new(Vec::new());
    GrayImage::new(8_192, 8_192).write_to(&mut large, ImageFormat::Png).unwrap();
    let mut bomb = large.into_inner();
    let header = [&[0, 0, 0, 2, 0, 0, 0, 2][..], &[8, 0, 0, 0, 0]].concat();
    bomb.splice(8..33, png_chunk(b"IHDR", &header));
    // 64 MiB of zeros for four pixels.
    let (_, peak) = peak_of(|| imaging::decode(&bomb, &LIMITS));
    assert!(peak < 2 << 20, "{peak} bytes");
}

#[test]
fn a_colour_profile_that_inflates_without_end_is_bounded() {
    let mut bomb = Vec::new();
    let mut encoder = PngEncoder::new(&mut bomb);
    encoder.set_icc_profile(vec![0; 160 << 20]).unwrap();
    encoder.write_image(&[0; 12], 2, 2, ExtendedColorType::Rgb8).unwrap();
    let _ = bounded(&bomb);
}

#[test]
fn a_gif_frame_beyond_the_screen_takes_no_memory() {
    let gif = |width: u16, height: u16| {
        let mut file = b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xFF\xFF\xFF\x2C\0\0\0\0".to_vec();
        file.extend(width.to_le_bytes());
        file.extend(height.to_le_bytes());
        // Of the smallest codes: clear, four times the first colour, end.
        file.extend([0, 2, 3, 0x04, 0x00, 0x05, 0, 0x3B]);
        file
    };
    assert_ne!(code(&gif(2, 2)), "unsupported_format");
    assert_ne!(code(&gif(u16::MAX, u16::MAX)), "accepted");
    assert_ne!(code(&gif(1_500, 1_500)), "accepted");
}

/// A WebP file of these chunks.
fn webp(chunks: &[(&[u8; 4], u32, &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, length, data) in chunks {
        body.extend(*name);
        body.extend(length.to_le_bytes());
        body.extend(*data);
    }
    [&b"RIFF"[..], &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

/// The first chunk of an extended file; its canvas is one pixel.
fn canvas(flags: u8) -> (&'static [u8; 4], u32, [u8; 10]) {
    (b"VP8X", 10, [flags, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

#[test]
fn a_webp_picture_beyond_its_canvas_takes_no_memory() {
    let (name, length, data) = canvas(0);
    // Key frame, start code, 16383 × 16383 pixels.
    let lossy = [0x10, 0, 0, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F, 0, 0, 0, 0, 0, 0];
    let lossless = [0x2F, 0xFF, 0xFF, 0xFF, 0x0F, 0];
    for (kind, picture) in [(b"VP8 ", &lossy[..]), (b"VP8L", &lossless)] {
        let file = webp(&[(name, length, &data), (kind, picture.len() as u32, picture)]);
        assert_eq!(code(&file), "too_large");
        // Inside the frame of an animation as well.
        let frame = [&[0; 16][..], &kind[..], &(picture.len() as u32).to_le_bytes(), picture].concat();
        let (name, length, data) = canvas(2);
        let animation = (b"ANIM", 6, &[0; 6][..]);
        let file = webp(&[(name, length, &data), animation, (b"ANMF", frame.len() as u32, &frame)]);
        assert_eq!(code(&file), "too_large");
    }
}

#[test]
fn a_webp_chunk_beyond_the_file_takes_no_memory() {
    let (name, length, data) = canvas(8);
    let (bomb, small) = ((b"EXIF", 0xC000_0000, &[0; 4][..]), (b"VP8L", 6, &[0x2F, 0, 0, 0, 0, 0][..]));
    assert_eq!(code(&webp(&[(name, length, &data), small, bomb])), "truncated");
    // However deep the frames lie in each other.
    let nested = (b"ANMF", 16, &[0; 16][..]);
    let frames = vec![nested; 20_000];
    assert_ne!(code(&webp(&frames)), "accepted");
}

#[test]
fn a_jpeg_that_claims_more_than_it_holds_is_bounded() {
    for name in ["images/progressive.jpg", "images/cmyk.jpg", "pixels/420.jpg", "pixels/grey.jpg"] {
        let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut file = fs::read(path).unwrap();
        let frame = file.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0..=0xC2])).unwrap();
        // As large as the limits allow.
        file[frame + 5..frame + 9].copy_from_slice(&[0x04, 0x00, 0x04, 0x00]);
        assert_ne!(code(&file), "accepted", "{name}");
    }
}

#[test]
fn a_jpeg_of_very_many_scans_is_rejected() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images/progressive.jpg");
    let file = fs::read(path).unwrap();
    let scan = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let (beginning, scan) = (&file[..scan], &file[scan..file.len() - 2]);
    let end = [0xFF, 0xD9];
    assert_eq!(code(&[beginning, scan, &end].concat()), "accepted");
    let many = [beginning, &scan.repeat(2_000), &end].concat();
    assert_ne!(code(&many), "accepted");
}
