//! Pillow's arithmetic as plainly as it can be said, over the whole resized picture.

use super::weights::Weights;
use super::{Axis, CHANNELS, Filter};

/// The whole picture in `i64`, one axis after the other, then the part that is seen.
pub(crate) fn resize(pixels: &[u8], across: Axis, down: Axis, filter: Filter) -> Vec<u8> {
    let whole = |axis: Axis| Axis { from: 0, length: axis.resized as u32, ..axis };
    let (width, height) = (across.sources(), down.sources());
    let at = |x: usize, y: usize, channel: usize| pixels[(y * width + x) * CHANNELS + channel];
    let columns = axis(whole(across), filter);
    let narrow: Vec<Vec<[u8; CHANNELS]>> = (0..height)
        .map(|y| columns.iter().map(|taps| [0, 1, 2].map(|c| sum(taps, |x| at(x, y, c)))).collect())
        .collect();
    let rows = axis(whole(down), filter);
    let mut seen = Vec::new();
    for taps in &rows[down.from as usize..][..down.places()] {
        let columns = across.from as usize..across.from as usize + across.places();
        let pixels = columns.map(|x| [0, 1, 2].map(|c| sum(taps, |y| narrow[y][x][c])));
        seen.extend(pixels.flatten());
    }
    seen
}

/// Of each pixel of the axis, the source pixels and their weights.
fn axis(axis: Axis, filter: Filter) -> Vec<Vec<(usize, i64)>> {
    if axis.is_same() {
        return (0..axis.places()).map(|place| vec![(place, 1 << 22)]).collect();
    }
    let weights = Weights::new(axis, filter);
    let each = weights.each();
    each.map(|(reach, weights)| {
        weights.iter().enumerate().map(|(tap, weight)| (reach.first + tap, i64::from(*weight))).collect()
    })
    .collect()
}

fn sum(taps: &[(usize, i64)], level: impl Fn(usize) -> u8) -> u8 {
    let sum: i64 = taps.iter().map(|(at, weight)| i64::from(level(*at)) * weight).sum();
    assert!(i32::try_from(sum + (1 << 21)).is_ok(), "it would wrap in Pillow");
    ((sum + (1 << 21)) >> 22).clamp(0, 255) as u8
}
