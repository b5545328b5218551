//! The sizes in `preprocessor_config.json`: resize, centre crop and padding, each as
//! the Hugging Face processor of that name takes it.

use serde_json::{Map, Value};

use super::preprocessing::{PreprocessingError, Resize, Size};
use super::preprocessor_file::{Fields, MAX_OUTPUT_SIDE, flag, unsupported};
use super::{Fit, ResizeCropPad};

/// Processors that read the common keys in a way of their own.
const OTHER_MEANING: [&str; 3] = ["Levit", "Perceiver", "PoolFormer"];
/// Processors that bring a picture to an exact size and cut a part out of that.
const EXACT_THEN_CROP: [&str; 3] = ["DeiT", "Beit", "EfficientNet"];
/// Processors whose bare number is both sides; CLIP's is the shorter one.
const SQUARE: [&str; 4] = ["ViT", "DeiT", "Beit", "Siglip"];
/// ConvNeXT's processor cuts nothing from this size on.
const CONVNEXT_UNCUT: u32 = 384;
/// The share of a picture's shorter side that ConvNeXT's processor keeps unless told otherwise.
const CONVNEXT_CROP: f64 = 224.0 / 256.0;
/// Keys that a size of the configuration's own replaces.
const REPLACED: [&str; 9] = [
    "size",
    "crop_size",
    "pad_size",
    "do_resize",
    "do_center_crop",
    "do_pad",
    "crop_pct",
    "default_to_square",
    "fit",
];

/// How large the whole picture becomes, the size of the result, and the colour of padding.
pub(super) type Geometry = (Resize, Size, [u8; 3]);

/// Takes the keys about sizes out of `fields`.
pub(super) fn read(
    fields: &mut Fields,
    kind: &str,
    own: &ResizeCropPad,
) -> Result<Geometry, PreprocessingError> {
    if let Some(size) = own.size {
        for key in REPLACED.into_iter().chain(["pad_value"]) {
            fields.remove(key);
        }
        return Ok((fitted(own.fit), size.0, own.pad_value));
    }
    if kind == "resize-crop-pad" {
        return resize_crop_pad(fields);
    }
    if OTHER_MEANING.iter().any(|name| kind.starts_with(name)) {
        let kind = Value::String(kind.to_owned());
        return Err(unsupported(
            "image_processor_type",
            &kind,
            "it takes sizes in a way of its own; write the same steps with the keys of CLIPImageProcessor, \
             or set encoder.vision.resize_crop_pad.size",
        ));
    }
    let (resize, size) = if kind.starts_with("ConvNext") { convnext(fields)? } else { common(fields, kind)? };
    // What Hugging Face pads with before normalisation.
    Ok((resize, size, [0; 3]))
}

fn fitted(fit: Fit) -> Resize {
    match fit {
        Fit::Contain => Resize::Contain,
        Fit::Cover => Resize::Cover,
    }
}

fn resize_crop_pad(fields: &mut Fields) -> Result<Geometry, PreprocessingError> {
    const SIZE: &str = "the output size, as {\"height\": 180, \"width\": 240}";
    let size = match fields.remove("size") {
        None | Some(Value::Null) => {
            return Err(PreprocessingError::Missing { key: "size", needed: SIZE });
        }
        Some(value) => rectangle(&value).ok_or_else(|| unsupported("size", &value, SIZE))?,
    };
    let defaults = ResizeCropPad::default();
    let fit = match fields.remove("fit") {
        None => defaults.fit,
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|_| unsupported("fit", &value, "use \"contain\" or \"cover\""))?,
    };
    let fill = match fields.remove("pad_value") {
        None => defaults.pad_value,
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|_| unsupported("pad_value", &value, "use three numbers from 0 to 255"))?,
    };
    Ok((fitted(fit), size, fill))
}

/// Below 384 pixels: a centre crop of `size` out of a picture whose shorter side is
/// `size ÷ crop_pct`. From 384 on: squashed to a square.
fn convnext(fields: &mut Fields) -> Result<(Resize, Size), PreprocessingError> {
    const FORMS: &str = "use {\"shortest_edge\": n}";
    if flag(fields, "do_resize")? == Some(false) {
        return Err(unsupported("do_resize", &Value::Bool(false), "pictures would differ in size"));
    }
    let value = given(fields, "size")
        .ok_or(PreprocessingError::Missing { key: "size", needed: "the size to resize to" })?;
    let edge = side(&value).or_else(|| value.get("shortest_edge").and_then(side));
    let edge = edge.ok_or_else(|| unsupported("size", &value, FORMS))?;
    let share = match given(fields, "crop_pct") {
        None => CONVNEXT_CROP,
        Some(value) => value
            .as_f64()
            .filter(|share| (0.05..=1.0).contains(share))
            .ok_or_else(|| unsupported("crop_pct", &value, "use 0.05 to 1"))?,
    };
    let square = Size { width: edge, height: edge };
    if edge < CONVNEXT_UNCUT {
        Ok((Resize::ShortestEdge((f64::from(edge) / share) as u32), square))
    } else {
        Ok((Resize::Exact(square), square))
    }
}

/// The steps `do_resize`, `do_center_crop` and `do_pad`.
fn common(fields: &mut Fields, kind: &str) -> Result<(Resize, Size), PreprocessingError> {
    let crop_size = given(fields, "crop_size");
    let pad_size = given(fields, "pad_size");
    let size = given(fields, "size");
    let to_square = flag(fields, "default_to_square")?;
    let do_crop = flag(fields, "do_center_crop")?.unwrap_or(crop_size.is_some());
    let do_pad = flag(fields, "do_pad")?.unwrap_or(pad_size.is_some());
    let resize = match flag(fields, "do_resize")?.unwrap_or(true) {
        true => Some(edges(size.as_ref(), kind, to_square)?),
        false => None,
    };

    let output = match (do_crop, do_pad) {
        (true, true) => {
            return Err(unsupported("do_pad", &Value::Bool(true), "either do_center_crop or do_pad"));
        }
        (true, false) => Some(target("crop_size", crop_size)?),
        (false, true) => Some(target("pad_size", pad_size)?),
        (false, false) => None,
    };
    let may_cut = EXACT_THEN_CROP.iter().any(|name| kind.starts_with(name));
    match (resize, output) {
        (Some(Edges::Exact(exact)), None) => Ok((Resize::Exact(exact), exact)),
        (Some(Edges::Exact(exact)), Some(output)) if exact == output || may_cut => {
            Ok((Resize::Exact(exact), output))
        }
        (Some(Edges::Exact(_)), Some(_)) => Err(unsupported(
            "size",
            &size.unwrap_or_default(),
            "with a crop, give the size as {\"shortest_edge\": pixels}",
        )),
        (Some(Edges::Shortest(edge)), Some(output)) => Ok((Resize::ShortestEdge(edge), output)),
        (Some(Edges::Longest(edge)), Some(output)) => Ok((Resize::LongestEdge(edge), output)),
        (None, Some(output)) => Ok((Resize::Keep, output)),
        (_, None) => Err(PreprocessingError::Missing {
            key: "crop_size",
            needed: "without a crop, a pad or an exact size, pictures would differ in size",
        }),
    }
}

enum Edges {
    Shortest(u32),
    Longest(u32),
    Exact(Size),
}

fn edges(size: Option<&Value>, kind: &str, to_square: Option<bool>) -> Result<Edges, PreprocessingError> {
    const FORMS: &str = "use {\"shortest_edge\": n}, {\"longest_edge\": n} or {\"height\": n, \"width\": n}";
    let size = size.ok_or(PreprocessingError::Missing { key: "size", needed: "the size to resize to" })?;
    if let Some(number) = side(size) {
        // The oldest files hold a bare number; its meaning hangs on the class.
        let named = SQUARE.iter().any(|name| kind.starts_with(name));
        let clip = kind.starts_with("CLIP");
        return match to_square.or(named.then_some(true)).or(clip.then_some(false)) {
            Some(true) => Ok(Edges::Exact(Size { width: number, height: number })),
            Some(false) => Ok(Edges::Shortest(number)),
            None => Err(unsupported("size", size, FORMS)),
        };
    }
    let key = |name: &str| size.get(name).and_then(side);
    let keys = size.as_object().map_or(0, Map::len);
    match (key("shortest_edge"), key("longest_edge"), rectangle(size)) {
        (Some(edge), None, None) if keys == 1 => Ok(Edges::Shortest(edge)),
        (None, Some(edge), None) if keys == 1 => Ok(Edges::Longest(edge)),
        (None, None, Some(exact)) => Ok(Edges::Exact(exact)),
        _ => Err(unsupported("size", size, FORMS)),
    }
}

fn target(key: &'static str, value: Option<Value>) -> Result<Size, PreprocessingError> {
    const FORMS: &str = "use {\"height\": n, \"width\": n} with 1 to 4096 pixels";
    let value = value.ok_or(PreprocessingError::Missing { key, needed: "the output size" })?;
    let square = side(&value).map(|side| Size { width: side, height: side });
    square.or_else(|| rectangle(&value)).ok_or_else(|| unsupported(key, &value, FORMS))
}

fn given(fields: &mut Fields, key: &str) -> Option<Value> {
    fields.remove(key).filter(|value| !value.is_null())
}

fn rectangle(value: &Value) -> Option<Size> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    Some(Size { width: side(object.get("width")?)?, height: side(object.get("height")?)? })
}

fn side(value: &Value) -> Option<u32> {
    let side = u32::try_from(value.as_u64()?).ok()?;
    (1..=MAX_OUTPUT_SIDE).contains(&side).then_some(side)
}
