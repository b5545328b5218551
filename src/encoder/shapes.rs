//! The shapes that the inputs of a network will have.

use ort::value::{Outlet, ValueType};

/// The inputs of which a network leaves the shape open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputShapes(Vec<OpenInput>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenInput {
    name: String,
    least: Vec<i64>,
    most: Vec<i64>,
}

/// Shapes as TensorRT's provider takes them (`trt_profile_min_shapes` and `…max_shapes`):
/// `name:1x3x224x224`, with commas between inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorRtProfile {
    pub(super) least: String,
    pub(super) most: String,
}

impl InputShapes {
    /// Shapes of `inputs`: what a network leaves open runs from `least` to `most`, of
    /// which the first number is the size of a batch.
    pub(super) fn new(inputs: &[Outlet], least: &[usize], most: &[usize]) -> Self {
        let shapes = inputs.iter().filter_map(|input| match input.dtype() {
            ValueType::Tensor { shape, .. } => Some((input.name(), &**shape)),
            _ => None,
        });
        Self::of(shapes, least, most)
    }

    fn of<'a>(shapes: impl Iterator<Item = (&'a str, &'a [i64])>, least: &[usize], most: &[usize]) -> Self {
        let closed = |shape: &[i64], open: &[usize]| {
            let choose = |(size, open): (&i64, &usize)| if *size < 0 { *open as i64 } else { *size };
            shape.iter().zip(open).map(choose).collect()
        };
        let open = shapes.filter(|(_, shape)| shape.iter().any(|size| *size < 0));
        let inputs = open.map(|(name, shape)| OpenInput {
            name: name.to_owned(),
            least: closed(shape, least),
            most: closed(shape, most),
        });
        Self(inputs.collect())
    }

    /// `None` when the network leaves nothing open.
    pub(super) fn tensorrt_profile(&self) -> Option<TensorRtProfile> {
        if self.0.is_empty() {
            return None;
        }
        let text = |shape_of: fn(&OpenInput) -> &[i64]| {
            let one = |input: &OpenInput| {
                let sizes: Vec<String> = shape_of(input).iter().map(ToString::to_string).collect();
                format!("{}:{}", input.name, sizes.join("x"))
            };
            self.0.iter().map(one).collect::<Vec<_>>().join(",")
        };
        Some(TensorRtProfile { least: text(|input| &input.least), most: text(|input| &input.most) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_network_leaves_open_gets_its_range() {
        let images = [("pixel_values", [-1, 3, -1, 224].as_slice())];
        let shapes = InputShapes::of(images.into_iter(), &[1, 3, 224, 224], &[32, 3, 224, 224]);
        let profile = shapes.tensorrt_profile().unwrap();
        assert_eq!(profile.least, "pixel_values:1x3x224x224");
        assert_eq!(profile.most, "pixel_values:32x3x224x224");

        let texts = [("input_ids", [-1, -1].as_slice()), ("attention_mask", [-1, 77].as_slice())];
        let shapes = InputShapes::of(texts.into_iter(), &[1, 1], &[8, 77]);
        let profile = shapes.tensorrt_profile().unwrap();
        assert_eq!(profile.least, "input_ids:1x1,attention_mask:1x77");
        assert_eq!(profile.most, "input_ids:8x77,attention_mask:8x77");
    }

    #[test]
    fn a_network_of_one_shape_needs_no_profile() {
        let images = [("input", [1, 3, 64, 64].as_slice())];
        let shapes = InputShapes::of(images.into_iter(), &[1, 3, 64, 64], &[8, 3, 64, 64]);
        assert_eq!(shapes.tensorrt_profile(), None);
    }
}
