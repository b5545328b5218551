//! The configuration as it takes effect, to be looked at. Pure.
//!
//! Guarantee: what is printed is what the worker runs with, and no secret is in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Config;

/// Stands in place of a secret.
pub const MASK: &str = "***";
/// What the name of a secret has in it: settings of our own, librdkafka's properties and
/// the options of object stores. Rather too much than too little is masked.
const SECRET: [&str; 8] =
    ["password", "secret", "token", "key", "credential", "jaas", "pem", "oauthbearer.config"];
/// What ends a name that has one of those in it all the same, and is no secret.
const NOT_SECRET: [&str; 4] = [".location", ".extensions", ".method", ".url"];

/// Where values come from that are no defaults, by key.
pub type Origins = BTreeMap<String, String>;

/// The configuration with its secrets masked.
pub fn masked(config: &Config) -> Value {
    // Strings, numbers and tables of them: it is always JSON.
    let mut value = serde_json::to_value(config).unwrap_or_default();
    mask(&mut value, "");
    value
}

fn mask(value: &mut Value, key: &str) {
    match value {
        Value::Object(table) => table.iter_mut().for_each(|(key, value)| mask(value, key)),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| mask(entry, key)),
        Value::String(text) if is_secret(key) => MASK.clone_into(text),
        Value::String(text) => *text = without_password(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRET.iter().any(|part| key.contains(part)) && !NOT_SECRET.iter().any(|end| key.ends_with(end))
}

/// An address may hold a user and a password: `http://user:password@host`.
fn without_password(text: &str) -> String {
    let address = text.split_once("://").and_then(|(scheme, rest)| {
        let (user, host) = rest.split_once('@')?;
        let is_authority = !user.contains(['/', '?', '#']);
        is_authority.then(|| format!("{scheme}://{MASK}@{host}"))
    });
    address.unwrap_or_else(|| text.to_owned())
}

/// As YAML; a comment tells the origin of what is no default.
pub fn yaml(config: &Value, origins: &Origins) -> String {
    let mut text = String::new();
    if let Value::Object(table) = config {
        write_table(table, "", "", origins, &mut text);
    }
    text
}

fn write_table(table: &Map<String, Value>, path: &str, indent: &str, origins: &Origins, text: &mut String) {
    for (key, value) in table {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        text.push_str(indent);
        text.push_str(&name(key));
        text.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                write_table(inner, &here, &format!("{indent}  "), origins, text);
            }
            // Scalars and lists of JSON are YAML as well.
            value => {
                text.push_str(&format!(" {value}"));
                if let Some(origin) = origins.get(&here) {
                    text.push_str(&format!("  # {origin}"));
                }
                text.push('\n');
            }
        }
    }
}

/// A key that would not be read as text is quoted.
fn name(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
kafka:
  bootstrap_servers: 'k:9092'
  properties: {sasl.username: me, sasl.password: hidden1, ssl.key.location: /tls/key, ssl.key.password: hidden2}
qdrant: {url: 'https://me:hidden3@q:6334/', api_key: hidden4}
objects:
  stores: [{uri: 's3://b/p/', options: {aws_region: eu, aws_secret_access_key: hidden5, AWS_SESSION_TOKEN: hidden6}}]
ranking: {same: [group], max_matches: 4}
telemetry: {otlp: {endpoint: 'http://collector:4317'}}
";

    #[test]
    fn no_secret_is_printed() {
        let config = Config::from_yaml(CONFIG).unwrap();
        let printed = yaml(&masked(&config), &Origins::new());
        assert!(!printed.contains("hidden"), "{printed}");
        for told in [
            "sasl.username: \"me\"",
            "/tls/key",
            "https://***@q:6334/",
            "s3://b/p/",
            "\"eu\"",
            "http://collector:4317",
        ] {
            assert!(printed.contains(told), "{told} in {printed}");
        }
    }

    #[test]
    fn what_is_printed_can_be_read_and_says_the_same() {
        let mut config = Config::from_yaml(CONFIG).unwrap();
        let again = Config::from_yaml(&yaml(&masked(&config), &Origins::new())).unwrap();
        let json = Config::from_yaml(&masked(&config).to_string()).unwrap();
        assert_eq!(again, json);
        // But for the secrets.
        config.qdrant = again.qdrant.clone();
        config.kafka.properties = again.kafka.properties.clone();
        config.objects.stores = again.objects.stores.clone();
        assert_eq!(again, config);
    }

    #[test]
    fn an_origin_stands_beside_its_value() {
        let config = masked(&Config::from_yaml(CONFIG).unwrap());
        let origins = Origins::from([("ranking.k".to_owned(), "the environment".to_owned())]);
        let printed = yaml(&config, &origins);
        assert!(printed.contains("\n  k: 10  # the environment\n"), "{printed}");
        assert_eq!(printed.matches('#').count(), 1, "{printed}");
    }
}
