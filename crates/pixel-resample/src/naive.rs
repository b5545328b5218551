//! Pillow's arithmetic as plainly as it can be said, over the whole resized picture.

use super::weights::Weights;
use super::{Axis, CHANNELS, Filter};

/// The whole picture in `i64`, one axis after the other, then the part that is seen.
pub(crate) fn resize(pixels: &[u8], across: Axis, down: Axis, filter: Filter) -> Vec<u8> {
    let whole = |axis: Axis| Axis { from: 0, length: axis.resized as u32, ..axis };
    let rows: Vec<Row> = pixels.as_chunks().0.chunks(across.sources()).map(<[_]>::to_vec).collect();
    let along = |rows: Vec<Row>| resized(&rows, &axis(whole(across), filter));
    let upright = |rows: Vec<Row>| turned(&resized(&turned(&rows), &axis(whole(down), filter)));
    let lost = |axis: Axis| i64::from(axis.source) - axis.resized as i64;
    let both = !across.is_same() && !down.is_same();
    let down_first = both && lost(down) > 0.max(2 * lost(across));
    let done = if down_first { along(upright(rows)) } else { upright(along(rows)) };
    let columns = across.from as usize..across.from as usize + across.places();
    let seen = &done[down.from as usize..][..down.places()];
    seen.iter().flat_map(|row| row[columns.clone()].as_flattened()).copied().collect()
}

type Row = Vec<[u8; CHANNELS]>;

fn resized(rows: &[Row], axis: &[Vec<(usize, i64)>]) -> Vec<Row> {
    let pixel = |row: &Row, taps: &[(usize, i64)]| [0, 1, 2].map(|channel| sum(taps, |x| row[x][channel]));
    rows.iter().map(|row| axis.iter().map(|taps| pixel(row, taps)).collect()).collect()
}

/// Columns as rows.
fn turned(rows: &[Row]) -> Vec<Row> {
    (0..rows[0].len()).map(|x| rows.iter().map(|row| row[x]).collect()).collect()
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
