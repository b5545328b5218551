//! Reads `preprocessor_config.json` as Hugging Face image processors write it.
//!
//! Keys that change pixels are understood or refused. One extension: the type
//! `resize-crop-pad` brings every picture to `size` with its aspect ratio kept
//! (`fit`: `contain` pads with `pad_value`, `cover` cuts).

use pixel_resample::Filter;
use serde_json::{Map, Value};

use super::ResizeCropPad;
use super::preprocessing::{Preprocessing, PreprocessingError, Resize};
use super::preprocessor_geometry;

/// Longest side a network may ask for, in pixels: bounds the memory of a tensor.
pub(super) const MAX_OUTPUT_SIDE: u32 = 4_096;
/// The `rescale_factor` that all Hugging Face processors default to.
const RESCALE: f64 = 1.0 / 255.0;
/// Keys that say nothing about pixels.
const IGNORED: [&str; 12] = [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "_valid_processor_keys",
    "return_tensors",
    "data_format",
    "input_data_format",
    "device",
    "disable_grouping",
    "do_convert_rgb",    // pictures are RGB already
    "default_to_square", // about bare numbers alone
    "auto_map",
];

pub(super) type Fields = Map<String, Value>;

pub(super) fn read(mut fields: Fields, own: &ResizeCropPad) -> Result<Preprocessing, PreprocessingError> {
    let kind = ["image_processor_type", "feature_extractor_type"]
        .iter()
        .find_map(|key| fields.get(*key)?.as_str())
        .unwrap_or("")
        .to_owned();
    let (resize, size, fill) = preprocessor_geometry::read(&mut fields, &kind, own)?;
    let filter = filter(&mut fields, resize)?;
    let (scale, offset) = numbers(&mut fields, &kind)?;
    for (key, value) in fields {
        let inactive = value.is_null() || value == Value::Bool(false);
        if !inactive && !IGNORED.contains(&key.as_str()) {
            return Err(unsupported(&key, &value, "this key is not known"));
        }
    }
    Ok(Preprocessing { resize, size, filter, fill, scale, offset })
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
/// EfficientNet's processor may subtract 1 before that (`rescale_offset`), and divide
/// by `std` once more (`include_top`).
fn numbers(fields: &mut Fields, kind: &str) -> Result<([f32; 3], [f32; 3]), PreprocessingError> {
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
    let (shift, twice) = efficientnet(fields, kind, rescale)?;
    let mean = triple(fields, "image_mean")?;
    let std = triple(fields, "image_std")?;
    let missing = |key: &'static str, needed: &'static str| PreprocessingError::Missing { key, needed };
    let std = || std.ok_or(missing("image_std", "three numbers to divide by"));
    let (mean, divisor) = match flag(fields, "do_normalize")?.unwrap_or(true) {
        true => (mean.ok_or(missing("image_mean", "three numbers to subtract"))?, std()?),
        false => ([0.0; 3], [1.0; 3]),
    };
    let again = if twice { std()? } else { [1.0; 3] };
    if let Some(bad) = divisor.iter().chain(&again).find(|std| **std <= 0.0) {
        return Err(unsupported("image_std", &(*bad).into(), "use positive numbers"));
    }
    let channels = [0, 1, 2];
    Ok((
        channels.map(|channel: usize| (rescale / divisor[channel] / again[channel]) as f32),
        channels.map(|channel| ((shift - mean[channel]) / divisor[channel] / again[channel]) as f32),
    ))
}

/// What EfficientNet's processor does besides: subtract 1 after rescaling, and divide by
/// `std` a second time.
fn efficientnet(fields: &mut Fields, kind: &str, rescale: f64) -> Result<(f64, bool), PreprocessingError> {
    if !kind.starts_with("EfficientNet") {
        return Ok((0.0, false));
    }
    let twice = flag(fields, "include_top")?.unwrap_or(true);
    match flag(fields, "rescale_offset")?.unwrap_or(false) {
        false => Ok((0.0, twice)),
        // With any other factor, releases of the processor disagree.
        true if (rescale * 127.5 - 1.0).abs() < 1e-4 => Ok((-1.0, twice)),
        true => Err(unsupported(
            "rescale_offset",
            &Value::Bool(true),
            "only with a rescale_factor of 1/127.5; say what is meant with image_mean and image_std",
        )),
    }
}

fn triple(fields: &mut Fields, key: &str) -> Result<Option<[f64; 3]>, PreprocessingError> {
    match fields.remove(key).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|_| unsupported(key, &value, "use three numbers, one a channel")),
    }
}

pub(super) fn flag(fields: &mut Fields, key: &str) -> Result<Option<bool>, PreprocessingError> {
    match fields.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(flag)),
        Some(other) => Err(unsupported(key, &other, "use true or false")),
    }
}

pub(super) fn unsupported(key: &str, value: &Value, supported: &'static str) -> PreprocessingError {
    PreprocessingError::Unsupported { key: key.to_owned(), value: value.to_string(), supported }
}
