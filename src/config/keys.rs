//! Keys nobody knows, and what was probably meant. Pure.

use serde_json::Value;

use super::ConfigError;

/// Tables whose keys are free: properties of other software.
const FREE: [&str; 1] = ["kafka.properties"];
/// Keys of one entry of a list of tables.
const LISTS: [(&str, &[&str]); 1] = [("objects.stores", &["uri", "options"])];
/// Farthest name still suggested (Damerau-Levenshtein similarity, 0 to 1).
const LEAST_SIMILARITY: f64 = 0.6;

/// Checks that every key of `given` is a key of `known`.
pub(super) fn check(given: &Value, known: &Value) -> Result<(), ConfigError> {
    let mut all = Vec::new();
    collect(known, "", &mut all);
    for (list, keys) in LISTS {
        all.extend(keys.iter().map(|key| format!("{list}.{key}")));
    }
    walk(given, "", &all)
}

fn walk(given: &Value, path: &str, known: &[String]) -> Result<(), ConfigError> {
    if FREE.contains(&path) {
        return Ok(());
    }
    let entries: Vec<&Value> = match given {
        Value::Array(entries) => entries.iter().filter(|entry| entry.is_object()).collect(),
        other => vec![other],
    };
    for table in entries.into_iter().filter_map(Value::as_object) {
        for (key, value) in table {
            let here = join(path, key);
            if !known.contains(&here) {
                return Err(ConfigError::UnknownKey { nearest: nearest(&here, known), key: here });
            }
            let free = LISTS.iter().any(|(list, _)| here == format!("{list}.options"));
            if !free {
                walk(value, &here, known)?;
            }
        }
    }
    Ok(())
}

fn collect(value: &Value, path: &str, all: &mut Vec<String>) {
    let Some(table) = value.as_object() else { return };
    for (key, value) in table {
        let here = join(path, key);
        collect(value, &here, all);
        all.push(here);
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn nearest(key: &str, known: &[String]) -> Option<String> {
    let similarity = |known: &str| strsim::normalized_damerau_levenshtein(key, known);
    known
        .iter()
        .map(|known| (similarity(known), known))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.clone())
}
