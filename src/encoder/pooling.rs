//! From what a network gives to one vector for each input. Pure.
//!
//! Guarantee: padding never counts, and a shape that does not fit the pooling is an
//! error.

use super::network_settings::{Layout, Pooling};

/// What a network gave for one batch.
pub(super) struct Given<'a> {
    /// [batch, dimension], [batch, tokens, dimension] or a map of places as `layout` has it.
    pub(super) shape: &'a [i64],
    pub(super) values: &'a [f32],
    pub(super) layout: Layout,
    /// Tokens of each input that are no padding; without it, all of them.
    pub(super) lengths: Option<&'a [usize]>,
}

/// The vectors of the first `count` inputs.
pub(super) fn vectors(
    given: &Given<'_>,
    count: usize,
    pooling: Option<Pooling>,
) -> Result<Vec<Vec<f32>>, String> {
    let shape = given.shape;
    let wrong = || format!("an output of shape {shape:?} for {count} inputs, with pooling {pooling:?}");
    let sizes: Vec<usize> = shape.iter().filter_map(|axis| usize::try_from(*axis).ok()).collect();
    let numbers: usize = sizes.iter().product();
    let whole = sizes.len() == shape.len() && numbers == given.values.len() && numbers > 0;
    if !whole || sizes.first().is_none_or(|batch| *batch < count) {
        return Err(wrong());
    }
    let rows = given.values.chunks_exact(numbers / sizes[0]).take(count);
    match (&sizes[1..], pooling) {
        ([_], None) => Ok(rows.map(<[f32]>::to_vec).collect()),
        ([tokens, dimension], Some(pooling)) => rows
            .enumerate()
            .map(|(index, row)| {
                let length = given.lengths.map_or(*tokens, |lengths| lengths[index]);
                let row = row.get(..length * dimension).filter(|row| !row.is_empty()).ok_or_else(wrong)?;
                Ok(over_tokens(row, *dimension, pooling))
            })
            .collect(),
        // One place only: nothing to pool, in whichever order the axes stand.
        (places @ [_, _, _], None | Some(Pooling::Mean | Pooling::Max))
            if places.iter().filter(|axis| **axis == 1).count() >= 2 =>
        {
            Ok(rows.map(<[f32]>::to_vec).collect())
        }
        ([_, _, _], Some(_)) if given.layout == Layout::Nhwc => Err(format!(
            "{}: the order of the axes of a map inside a network with channels last is not known; name a value \
             that is pooled already",
            wrong()
        )),
        ([_, height, width], Some(pooling @ (Pooling::Mean | Pooling::Max))) => {
            let places = height * width;
            Ok(rows
                .map(|row| row.chunks_exact(places).map(|map| over_places(map, pooling)).collect())
                .collect())
        }
        _ => Err(wrong()),
    }
}

/// One vector from tokens of `dimension` numbers each, at least one.
fn over_tokens(tokens: &[f32], dimension: usize, pooling: Pooling) -> Vec<f32> {
    match pooling {
        Pooling::Cls => tokens[..dimension].to_vec(),
        Pooling::Last => tokens[tokens.len() - dimension..].to_vec(),
        Pooling::Mean | Pooling::Max => {
            (0..dimension).map(|at| reduced(tokens.iter().skip(at).step_by(dimension), pooling)).collect()
        }
    }
}

/// One number from a channel's map.
fn over_places(map: &[f32], pooling: Pooling) -> f32 {
    reduced(map.iter(), pooling)
}

/// The largest of some numbers, else their mean, summed in 64 bits.
fn reduced<'a>(values: impl ExactSizeIterator<Item = &'a f32>, pooling: Pooling) -> f32 {
    let count = values.len() as f64;
    match pooling {
        // A NaN must be seen: `f32::max` would hide it.
        Pooling::Max => values.copied().fold(f32::NEG_INFINITY, |largest, value| {
            if value > largest || value.is_nan() { value } else { largest }
        }),
        _ => (values.map(|value| f64::from(*value)).sum::<f64>() / count) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(
        shape: &[i64],
        values: &[f32],
        lengths: Option<&[usize]>,
        pooling: Option<Pooling>,
    ) -> Result<Vec<Vec<f32>>, String> {
        vectors(&Given { shape, values, layout: Layout::Nchw, lengths }, 2, pooling)
    }

    #[test]
    fn each_pooling_is_what_its_name_says() {
        // Two texts of three tokens of two numbers; the second has two tokens.
        let values = [1.0, -9.0, 2.0, 7.0, 6.0, 5.0, 10.0, 20.0, 30.0, -40.0, 99.0, 99.0];
        let all = |pooling| pool(&[2, 3, 2], &values, Some(&[3, 2]), Some(pooling)).unwrap();
        assert_eq!(all(Pooling::Cls), [[1.0, -9.0], [10.0, 20.0]]);
        assert_eq!(all(Pooling::Last), [[6.0, 5.0], [30.0, -40.0]]);
        assert_eq!(all(Pooling::Mean), [[3.0, 1.0], [20.0, -10.0]]);
        assert_eq!(all(Pooling::Max), [[6.0, 7.0], [30.0, 20.0]]);
        let unmasked = pool(&[2, 3, 2], &values, None, Some(Pooling::Last)).unwrap();
        assert_eq!(unmasked[1], [99.0, 99.0]);
    }

    #[test]
    fn maps_are_pooled_over_their_places() {
        // Two images, two channels of 1 × 3 places.
        let values = [1.0, 2.0, 6.0, -1.0, -2.0, -6.0, 0.0, 0.0, 3.0, 5.0, 5.0, 5.0];
        let all = |pooling| pool(&[2, 2, 1, 3], &values, None, Some(pooling)).unwrap();
        assert_eq!(all(Pooling::Mean), [[3.0, -3.0], [1.0, 5.0]]);
        assert_eq!(all(Pooling::Max), [[6.0, -1.0], [3.0, 5.0]]);
        let message = pool(&[2, 2, 1, 3], &values, None, None).unwrap_err();
        assert!(message.contains("[2, 2, 1, 3]"), "{message}");
    }

    #[test]
    fn single_places_need_no_pooling() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        for shape in [vec![2, 3], vec![2, 3, 1, 1], vec![2, 1, 1, 3]] {
            assert_eq!(pool(&shape, &values, None, None).unwrap(), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        }
    }

    #[test]
    fn surplus_rows_are_dropped_and_missing_ones_are_an_error() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(pool(&[4, 1], &values, None, None).unwrap(), [[1.0], [2.0]]);
        for shape in [&[1, 4][..], &[2, 3], &[2, 0], &[4], &[-1, 2]] {
            assert!(pool(shape, &values, None, None).is_err(), "{shape:?}");
        }
    }

    #[test]
    fn a_nan_is_not_hidden() {
        let values = [1.0, f32::NAN, 2.0, 3.0];
        assert!(pool(&[2, 2, 1], &values, None, Some(Pooling::Max)).unwrap()[0][0].is_nan());
    }
}
