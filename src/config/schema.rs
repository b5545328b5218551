//! The JSON Schema of a configuration file, for editors and for charts that write one.
//!
//! Guarantee: it names every key of `default.yaml` with its type, default and range, and
//! no other. Types and descriptions come from the settings, defaults from the file,
//! ranges from [`ranges`](super::ranges). No key is required: what a file leaves out has
//! a default or comes from the environment.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::ranges::RANGES;
use super::{Config, DEFAULTS};

/// The schema of the whole file.
pub fn of_config() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    schema["title"] = json!("Configuration of Lookalike");
    set_defaults(&mut schema, &defaults());
    for range in RANGES {
        // Every range is one of a key that a test finds in the schema.
        let Some(number) = property(&mut schema, range.key) else { continue };
        number.insert("minimum".to_owned(), number_of(range.lowest));
        if let Some(highest) = range.highest {
            number.insert("maximum".to_owned(), number_of(highest));
        }
    }
    schema
}

/// The encoder's settings, by the example of their defaults.
pub(super) fn of_encoder(_: &mut SchemaGenerator) -> Schema {
    let mut schema = json_schema!({"description": "The networks, and the pictures they get."});
    let example = by_example(&defaults()["encoder"]);
    schema.ensure_object().extend(example.as_object().cloned().unwrap_or_default());
    schema
}

/// Every setting with its default, as values.
fn defaults() -> Value {
    let file = config::File::from_str(DEFAULTS, config::FileFormat::Yaml);
    let read = config::Config::builder().add_source(file).build();
    read.and_then(config::Config::try_deserialize).expect("default.yaml, which is compiled in, is YAML")
}

fn by_example(value: &Value) -> Value {
    match value {
        Value::Object(table) => {
            let properties: Map<_, _> =
                table.iter().map(|(key, value)| (key.clone(), by_example(value))).collect();
            json!({"type": "object", "properties": properties, "additionalProperties": false})
        }
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(_) => json!({"type": "array"}),
    }
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
