//! The nearest source pixel of each, as Pillow finds it.
//!
//! Pillow adds the scale to a place once a pixel, and every addition rounds. So the place
//! of the first pixel that is seen rests on all the additions before it.

use super::{Axis, CHANNELS};

/// The part that is seen; black where Pillow's rounding leads out of the source.
pub(crate) fn resize(pixels: &[u8], across: Axis, down: Axis) -> Vec<u8> {
    let columns = places(across);
    let stride = across.sources() * CHANNELS;
    let mut seen = vec![0; across.places() * down.places() * CHANNELS];
    for (to, row) in seen.chunks_exact_mut(across.places() * CHANNELS).zip(places(down)) {
        let Some(row) = row.map(|row| &pixels[row * stride..(row + 1) * stride]) else { continue };
        for (to, column) in to.chunks_exact_mut(CHANNELS).zip(&columns) {
            if let Some(from) = column.map(|column| column * CHANNELS) {
                to.copy_from_slice(&row[from..from + CHANNELS]);
            }
        }
    }
    seen
}

/// Of each computed pixel the source pixel, or `None` behind the last.
fn places(axis: Axis) -> Vec<Option<usize>> {
    if axis.is_same() {
        // Halves and ones add up without rounding.
        return (0..axis.places()).map(|place| Some(axis.from as usize + place)).collect();
    }
    let step = axis.scale();
    let mut place = add_repeatedly(step * 0.5, step, axis.from);
    let mut found = Vec::with_capacity(axis.places());
    for _ in 0..axis.places() {
        found.push(Some(place as usize).filter(|pixel| *pixel < axis.sources()));
        place += step;
    }
    found
}

/// `value` after that many additions of `step`, each of which rounds; both are above zero.
///
/// Between two powers of two all numbers are multiples of one unit, so that additions
/// round alike, but for halves, which are rounded to even: once two additions in a row
/// have moved the value equally, all do up to the end of the stretch. They are done at once.
fn add_repeatedly(value: f64, step: f64, times: u64) -> f64 {
    let (mut value, mut left) = (value, times);
    while left > 0 {
        let end = 2.0 * power_of_two_below(value);
        let next = value + step;
        // Exact in a stretch, as both are multiples of its unit.
        let moved = next - value;
        (value, left) = (next, left - 1);
        if next + step < end && (next + step) - next == moved {
            // One less, so that every sum lies below the end, and is exact.
            let at_once = (((end - next) / moved) as u64).saturating_sub(1).min(left);
            value = next + moved * at_once as f64;
            left -= at_once;
        }
    }
    value
}

/// The largest power of two that is not above a normal number above zero.
fn power_of_two_below(value: f64) -> f64 {
    const EXPONENT: u64 = 0x7FF << 52;
    f64::from_bits(value.to_bits() & EXPONENT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_by_one(value: f64, step: f64, times: u64) -> f64 {
        (0..times).fold(value, |value, _| value + step)
    }

    proptest! {
        #[test]
        fn additions_at_once_are_additions_one_by_one(
            source in 1u32..20_000, resized in 1u64..200_000, times in 0u64..200_000,
        ) {
            let step = f64::from(source) / resized as f64;
            let (one, all) = (one_by_one(step * 0.5, step, times), add_repeatedly(step * 0.5, step, times));
            prop_assert_eq!(one.to_bits(), all.to_bits(), "{} {}", one, all);
        }
    }

    #[test]
    fn rounding_halves_to_even_is_followed() {
        // From 2⁵² on the unit is one: 2.5 more is a tie, and 0.75 more becomes 1.
        for (value, step) in [(4.5e15, 2.5), (4.5e15 + 1.0, 2.5), (4.5e15 + 1.0, 1.5), (4.5e15, 0.75)] {
            for times in [1, 2, 3, 4, 5, 100, 1001] {
                assert_eq!(
                    one_by_one(value, step, times),
                    add_repeatedly(value, step, times),
                    "{step} {times}"
                );
            }
        }
    }
}
