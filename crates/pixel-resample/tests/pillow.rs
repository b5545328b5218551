//! What Pillow gives, held against every instruction set that this processor has.
//!
//! `pillow.txt` is written by `make parity ARGS=--fixtures` (`tools/parity/resampling.py`,
//! which draws the same pictures): a line for each case, width and height before and
//! after, the filter, and the checksum of Pillow's bytes.

use pixel_resample::{Axis, Filter, InstructionSet, resize_with};

/// SplitMix64 (Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators).
fn mixed(place: u64) -> u64 {
    let mut bits = place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Random levels, half of them the darkest or the brightest.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let count = u64::from(width) * u64::from(height) * 3;
    let level = |bits: u64| match bits >> 62 {
        0 => 0,
        1 => 255,
        _ => bits as u8,
    };
    (0..count).map(mixed).map(level).collect()
}

/// Differs, but for one chance in 2⁵⁶ or so, when any byte does.
fn checksum(bytes: &[u8]) -> u64 {
    let terms = bytes.iter().zip(0..).map(|(byte, place)| u64::from(*byte).wrapping_mul(mixed(place)));
    terms.fold(0, u64::wrapping_add)
}

fn filter(name: &str) -> Filter {
    match name {
        "nearest" => Filter::Nearest,
        "box" => Filter::Box,
        "bilinear" => Filter::Bilinear,
        "hamming" => Filter::Hamming,
        "bicubic" => Filter::Bicubic,
        "lanczos" => Filter::Lanczos,
        other => panic!("{other} is no filter"),
    }
}

#[test]
fn every_byte_is_pillows() {
    let mut cases = 0;
    for line in include_str!("pillow.txt").lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [width, height, new_width, new_height] =
            std::array::from_fn(|place| fields[place].parse::<u32>().unwrap());
        let expected = u64::from_str_radix(fields[5], 16).unwrap();
        let whole = |source, resized: u32| Axis::new(source, resized.into(), 0, resized).unwrap();
        let (across, down) = (whole(width, new_width), whole(height, new_height));
        let pixels = picture(width, height);
        for instructions in InstructionSet::available() {
            let resized = resize_with(instructions, &pixels, across, down, filter(fields[4]));
            assert_eq!(checksum(&resized), expected, "{line}: {}", instructions.as_str());
        }
        cases += 1;
    }
    assert!(cases > 100, "{cases} cases");
}
