//! The JSON Schema of a configuration file, for editors and for charts that write one.
//!
//! Guarantee: it names every key of `default.yaml` with its type, default and range, and
//! no other. Types and descriptions come from the settings, defaults from the file,
//! ranges from [`ranges`](super::ranges) and [`encoder::RANGES`]. No key is required: what a file leaves out has
//! a default or comes from the environment.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::ranges::RANGES;
use super::{Config, DEFAULTS};
use crate::encoder;

/// The schema of the whole file.
pub fn of_config() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    schema["title"] = json!("Configuration of Lookalike");
    set_defaults(&mut schema, &defaults());
    for range in RANGES {
        set_range(&mut schema, range.key, range.lowest, range.highest);
    }
    for (key, lowest, highest) in encoder::RANGES {
        set_range(&mut schema, &format!("encoder.{key}"), lowest as f64, Some(highest as f64));
    }
    schema
}

/// A test finds every range's key in the schema.
fn set_range(schema: &mut Value, key: &str, lowest: f64, highest: Option<f64>) {
    let Some(number) = property(schema, key) else { return };
    number.insert("minimum".to_owned(), number_of(lowest));
    if let Some(highest) = highest {
        number.insert("maximum".to_owned(), number_of(highest));
    }
}

/// Every setting with its default, as values.
fn defaults() -> Value {
    let file = config::File::from_str(DEFAULTS, config::FileFormat::Yaml);
    let read = config::Config::builder().add_source(file).build();
    read.and_then(config::Config::try_deserialize).expect("default.yaml, which is compiled in, is YAML")
}

/// Writes the defaults into a schema; nothing stays required.
fn set_defaults(schema: &mut Value, default: &Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("required");
    match (object.get_mut("properties").and_then(Value::as_object_mut), default.as_object()) {
        (Some(properties), Some(table)) => {
            for (key, default) in table {
                if let Some(property) = properties.get_mut(key) {
                    set_defaults(property, default);
                }
            }
        }
        _ if default.is_null() => allow_null(object),
        _ => {
            object.insert("default".to_owned(), default.clone());
        }
    }
}

/// `null` stands for a setting that has no default.
fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(Value::String(kind)) = schema.get("type") {
        let both = json!([kind, "null"]);
        schema.insert("type".to_owned(), both);
    }
}

/// The schema of a key, `section.name`.
fn property<'s>(schema: &'s mut Value, key: &str) -> Option<&'s mut Map<String, Value>> {
    let mut here = schema;
    for part in key.split('.') {
        here = here.get_mut("properties")?.get_mut(part)?;
    }
    here.as_object_mut()
}

/// A whole number is written as one.
fn number_of(number: f64) -> Value {
    if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
