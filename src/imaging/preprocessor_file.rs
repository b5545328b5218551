//! Reads `preprocessor_config.json` as Hugging Face image processors write it.
//!
//! Keys that change pixels are understood or refused. One extension: the type
//! `resize-crop-pad` brings every picture to `size` with its aspect ratio kept
//! (`fit`: `contain` pads with `pad_value`, `cover` cuts).

use serde_json::{Map, Value};

use super::preprocessing::{Filter, Preprocessing, PreprocessingError, Resize, Size};

/// Longest side a network may ask for, in pixels: bounds the memory of a tensor.
const MAX_OUTPUT_SIDE: u32 = 4_096;
/// The `rescale_factor` that all Hugging Face processors default to.
const RESCALE: f64 = 1.0 / 255.0;
/// Keys that say nothing about pixels.
const IGNORED: [&str; 11] = [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "_valid_processor_keys",
    "return_tensors",
    "data_format",
    "input_data_format",
    "device",
    "disable_grouping",
    "do_convert_rgb", // pictures are RGB already
    "auto_map",
];

type Fields = Map<String, Value>;

pub(super) fn read(mut fields: Fields) -> Result<Preprocessing, PreprocessingError> {
    let kind = ["image_processor_type", "feature_extractor_type"]
        .iter()
        .find_map(|key| fields.get(*key)?.as_str())
        .unwrap_or("")
        .to_owned();
    let (resize, size, fill) = if kind == "resize-crop-pad" {
        resize_crop_pad(&mut fields)?
    } else {
        let (resize, size) = geometry(&mut fields, &kind)?;
        // What Hugging Face pads with before normalisation.
        (resize, size, [0; 3])
    };
    let filter = filter(&mut fields, resize)?;
    let (scale, offset) = numbers(&mut fields)?;
    for (key, value) in fields {
        let inactive = value.is_null() || value == Value::Bool(false);
        if !inactive && !IGNORED.contains(&key.as_str()) {
            return Err(unsupported(&key, &value, "this key is not known"));
        }
    }
    Ok(Preprocessing { resize, size, filter, fill, scale, offset })
}

fn resize_crop_pad(fields: &mut Fields) -> Result<(Resize, Size, [u8; 3]), PreprocessingError> {
    const SIZE: &str = "the output size, as {\"height\": 180, \"width\": 240}";
    let size = match fields.remove("size") {
        None | Some(Value::Null) => {
            return Err(PreprocessingError::Missing { key: "size", needed: SIZE });
        }
        Some(value) => rectangle(&value).ok_or_else(|| unsupported("size", &value, SIZE))?,
    };
    let resize = match fields.remove("fit") {
        None => Resize::Contain,
        Some(Value::String(fit)) if fit == "contain" => Resize::Contain,
        Some(Value::String(fit)) if fit == "cover" => Resize::Cover,
        Some(other) => {
            return Err(unsupported("fit", &other, "use \"contain\" or \"cover\""));
        }
    };
    let fill = match fields.remove("pad_value") {
        None => [255; 3],
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|_| unsupported("pad_value", &value, "use three numbers from 0 to 255"))?,
    };
    Ok((resize, size, fill))
}

/// The steps `do_resize`, `do_center_crop` and `do_pad`.
fn geometry(fields: &mut Fields, kind: &str) -> Result<(Resize, Size), PreprocessingError> {
    let crop_size = fields.remove("crop_size").filter(|value| !value.is_null());
    let pad_size = fields.remove("pad_size").filter(|value| !value.is_null());
    let size = fields.remove("size").filter(|value| !value.is_null());
    let do_crop = flag(fields, "do_center_crop")?.unwrap_or(crop_size.is_some());
    let do_pad = flag(fields, "do_pad")?.unwrap_or(pad_size.is_some());
    let resize = match flag(fields, "do_resize")?.unwrap_or(true) {
        true => Some(edges(size.as_ref(), kind)?),
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
    match (resize, output) {
        (Some(Edges::Exact(exact)), None) => Ok((Resize::Exact, exact)),
        (Some(Edges::Exact(exact)), Some(output)) if exact == output => Ok((Resize::Exact, exact)),
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

fn edges(size: Option<&Value>, kind: &str) -> Result<Edges, PreprocessingError> {
    const FORMS: &str = "use {\"shortest_edge\": n}, {\"longest_edge\": n} or {\"height\": n, \"width\": n}";
    let size = size.ok_or(PreprocessingError::Missing { key: "size", needed: "the size to resize to" })?;
    if let Some(number) = side(size) {
        // The oldest files hold a bare number; its meaning hangs on the class.
        return match kind {
            kind if kind.starts_with("CLIP") => Ok(Edges::Shortest(number)),
            kind if ["ViT", "DeiT", "Siglip"].iter().any(|name| kind.starts_with(name)) => {
                Ok(Edges::Exact(Size { width: number, height: number }))
            }
            _ => Err(unsupported("size", size, FORMS)),
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

fn filter(fields: &mut Fields, resize: Resize) -> Result<Filter, PreprocessingError> {
    const FORMS: &str = "use 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box or 5 hamming";
    let value = fields.remove("resample").filter(|value| !value.is_null());
    match value {
        Some(value) => match value.as_u64() {
            Some(0) => Ok(Filter::Nearest),
            Some(1) => Ok(Filter::Lanczos),
            Some(2) => Ok(Filter::Bilinear),
            Some(3) => Ok(Filter::Bicubic),
            Some(4) => Ok(Filter::Box),
            Some(5) => Ok(Filter::Hamming),
            _ => Err(unsupported("resample", &value, FORMS)),
        },
        None if resize == Resize::Keep => Ok(Filter::Nearest),
        None => Err(PreprocessingError::Missing { key: "resample", needed: FORMS }),
    }
}

/// `(byte × rescale_factor − mean) ÷ std`, as one scale and offset a channel.
fn numbers(fields: &mut Fields) -> Result<([f32; 3], [f32; 3]), PreprocessingError> {
    const FACTOR: &str = "use a positive number, usually 0.00392156862745098";
    let factor = fields.remove("rescale_factor").filter(|value| !value.is_null());
    let rescale = match (flag(fields, "do_rescale")?.unwrap_or(true), factor) {
        (false, _) => 1.0,
        (true, None) => RESCALE,
        (true, Some(value)) => value
            .as_f64()
            .filter(|factor| *factor > 0.0)
            .ok_or_else(|| unsupported("rescale_factor", &value, FACTOR))?,
    };
    let mean = triple(fields, "image_mean")?;
    let std = triple(fields, "image_std")?;
    let (mean, std) = match flag(fields, "do_normalize")?.unwrap_or(true) {
        true => (
            mean.ok_or(PreprocessingError::Missing {
                key: "image_mean",
                needed: "three numbers to subtract",
            })?,
            std.ok_or(PreprocessingError::Missing {
                key: "image_std",
                needed: "three numbers to divide by",
            })?,
        ),
        false => ([0.0; 3], [1.0; 3]),
    };
    if let Some(bad) = std.iter().find(|std| **std <= 0.0) {
        return Err(unsupported("image_std", &(*bad).into(), "use positive numbers"));
    }
    Ok((
        std.map(|std| (rescale / std) as f32),
        [0, 1, 2].map(|channel: usize| (-mean[channel] / std[channel]) as f32),
    ))
}

fn triple(fields: &mut Fields, key: &str) -> Result<Option<[f64; 3]>, PreprocessingError> {
    match fields.remove(key).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|_| unsupported(key, &value, "use three numbers, one a channel")),
    }
}

fn flag(fields: &mut Fields, key: &str) -> Result<Option<bool>, PreprocessingError> {
    match fields.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(flag)),
        Some(other) => Err(unsupported(key, &other, "use true or false")),
    }
}

fn rectangle(value: &Value) -> Option<Size> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    Some(Size { width: side(object.get("width")?)?, height: side(object.get("height")?)? })
}

fn side(value: &Value) -> Option<u32> {
    let side = u32::try_from(value.as_u64()?).ok()?;
    (1..=MAX_OUTPUT_SIDE).contains(&side).then_some(side)
}

fn unsupported(key: &str, value: &Value, supported: &'static str) -> PreprocessingError {
    PreprocessingError::Unsupported { key: key.to_owned(), value: value.to_string(), supported }
}
