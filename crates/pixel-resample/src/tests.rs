use proptest::prelude::*;

use super::*;

/// All that have weights.
const FILTERS: [Filter; 5] =
    [Filter::Box, Filter::Bilinear, Filter::Hamming, Filter::Bicubic, Filter::Lanczos];

/// Levels that are mostly extreme: they reach the ends of sums.
fn picture(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut level = || {
        // Knuth's MMIX generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let byte = (state >> 40) as u8;
        match state >> 62 {
            0 => 0,
            1 => 255,
            _ => byte,
        }
    };
    (0..width as usize * height as usize * CHANNELS).map(|_| level()).collect()
}

/// An axis with any part of it.
fn any_axis(longest: u32, resized: u64) -> impl Strategy<Value = Axis> {
    let lengths = (prop_oneof![1..=3u32, 1..=longest], prop_oneof![1..=3u64, 1..=resized]);
    lengths.prop_flat_map(|(source, resized)| {
        (0..resized).prop_flat_map(move |from| {
            (1..=(resized - from) as u32)
                .prop_map(move |length| Axis::new(source, resized, from, length).unwrap())
        })
    })
}

fn any_filter() -> impl Strategy<Value = Filter> {
    (0..FILTERS.len()).prop_map(|place| FILTERS[place])
}

proptest! {
    #[test]
    fn every_instruction_set_gives_what_the_naive_sums_give(
        across in any_axis(200, 90), down in any_axis(60, 40), filter in any_filter(), seed: u64,
    ) {
        let pixels = picture(across.source, down.source, seed);
        let expected = naive::resize(&pixels, across, down, filter);
        for instructions in InstructionSet::available() {
            let seen = resize_with(instructions, &pixels, across, down, filter);
            prop_assert!(seen == expected, "{}", instructions.as_str());
        }
    }

    /// As it is enlarged most and reduced most, and the parts a picture is cut to.
    #[test]
    fn long_rows_too(
        source in 300u32..3000, resized in 1u64..400, height in 1u32..12, filter in any_filter(), seed: u64,
    ) {
        let across = Axis::new(source, resized, resized / 4, (resized - resized / 4) as u32).unwrap();
        let down = Axis::new(height, 7, 2, 4).unwrap();
        let pixels = picture(source, height, seed);
        let expected = naive::resize(&pixels, across, down, filter);
        for instructions in InstructionSet::available() {
            let seen = resize_with(instructions, &pixels, across, down, filter);
            prop_assert!(seen == expected, "{}", instructions.as_str());
        }
    }

    /// What the splitting of weights and the 32 bits of a sum rest on.
    #[test]
    fn no_weight_is_beyond_one_and_a_half(
        source in prop_oneof![1u32..12, 1u32..=1 << 24], resized in prop_oneof![1u64..12, 1u64..=1 << 40],
        place: f64, filter in any_filter(),
    ) {
        let from = (place.abs().fract() * resized as f64) as u64 % resized;
        let axis = Axis::new(source, resized, from, 1).unwrap();
        // A filter may reach all of 16 million pixels; a few show as much.
        prop_assume!(axis.scale() < 1e4);
        for place in [axis, Axis { from: 0, ..axis }, Axis { from: resized - 1, ..axis }] {
            let weights = Weights::new(place, filter);
            let (_, weights) = weights.each().next().unwrap();
            prop_assert!(weights.iter().all(|weight| weight.abs() <= 3 << 21), "{weights:?}");
            let most: i64 = weights.iter().map(|weight| i64::from(weight.abs()) * 255).sum();
            prop_assert!(most + (1 << 21) < 1 << 31, "{weights:?}");
        }
    }

    #[test]
    fn a_part_is_cut_out_of_the_whole(
        across in any_axis(50, 300), down in any_axis(50, 100), seed: u64, filter in 0usize..6,
    ) {
        let filter = [Filter::Nearest].iter().chain(&FILTERS).nth(filter).copied().unwrap();
        let pixels = picture(across.source, down.source, seed);
        let whole = |axis: Axis| Axis { from: 0, length: axis.resized as u32, ..axis };
        let all = resize(&pixels, whole(across), whole(down), filter);
        let part = resize(&pixels, across, down, filter);
        let (left, width) = (across.from as usize * CHANNELS, across.places() * CHANNELS);
        let rows = all.chunks_exact(across.resized as usize * CHANNELS);
        let cut: Vec<u8> =
            rows.skip(down.from as usize).take(down.places()).flat_map(|row| &row[left..left + width]).copied().collect();
        prop_assert!(part == cut);
    }
}

#[test]
fn an_axis_is_inside_and_not_too_long() {
    assert!(Axis::new(5, 10, 3, 7).is_some());
    for (source, resized, from, length) in
        [(0, 10, 0, 5), (5, 0, 0, 0), (5, 10, 3, 8), (5, 10, 10, 0), (5, 10, u64::MAX, 2), (5, 1 << 51, 0, 1)]
    {
        assert_eq!(Axis::new(source, resized, from, length), None);
    }
}

#[test]
#[should_panic = "3 bytes a pixel"]
fn pixels_are_as_many_as_the_axes_say() {
    let axis = Axis::new(4, 2, 0, 2).unwrap();
    resize(&[0; 47], axis, axis, Filter::Box);
}
