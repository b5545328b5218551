//! The schema knows what the file may hold, and nothing else.

use super::*;

/// What of a value does not fit a schema, as far as these schemas go.
fn misfits(value: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    if *schema == Value::Bool(true) {
        return;
    }
    let mut wrong = |what: &str| found.push(format!("{path}: {what}"));
    if let Some(kinds) = schema.get("type") {
        let kinds = kinds.as_array().cloned().unwrap_or_else(|| vec![kinds.clone()]);
        if !kinds.iter().any(|kind| is_of(value, kind.as_str().unwrap())) {
            wrong(&format!("{value} is none of {kinds:?}"));
        }
    }
    if schema.get("enum").is_some_and(|one_of| !one_of.as_array().unwrap().contains(value)) {
        wrong(&format!("{value} is none of {}", schema["enum"]));
    }
    for one_of in ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()) {
        let fits = |schema: &&Value| {
            let mut found = Vec::new();
            misfits(value, schema, path, &mut found);
            found.is_empty()
        };
        if !one_of.iter().any(|schema| fits(&schema)) {
            wrong(&format!("{value} is none of {one_of:?}"));
        }
    }
    if schema.get("const").is_some_and(|only| value != only) {
        wrong(&format!("{value} is not {}", schema["const"]));
    }
    if let Some(number) = value.as_f64() {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if bound("minimum").is_some_and(|least| number < least)
            || bound("maximum").is_some_and(|most| number > most)
        {
            wrong(&format!("{value} is out of range"));
        }
    }
    if let Some(items) = schema.get("items") {
        for one in value.as_array().into_iter().flatten() {
            misfits(one, items, path, found);
        }
    }
    for (key, one) in value.as_object().into_iter().flatten() {
        let here = format!("{path}.{key}");
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(schema), _) => misfits(one, schema, &here, found),
            (None, Some(Value::Bool(false)) | None) => found.push(format!("{here}: unknown")),
            (None, Some(rest)) => misfits(one, rest, &here, found),
        }
    }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other}"),
    }
}

fn wrong_in(text: &str) -> Vec<String> {
    let file = config::File::from_str(text, config::FileFormat::Yaml);
    let value: Value = config::Config::builder().add_source(file).build().unwrap().try_deserialize().unwrap();
    let mut found = Vec::new();
    misfits(&value, &of_config(), "", &mut found);
    found
}

#[test]
fn the_defaults_fit_and_every_key_of_them_is_named() {
    assert_eq!(wrong_in(DEFAULTS), Vec::<String>::new());
}

#[test]
fn no_key_is_named_that_the_defaults_do_not_have() {
    fn keys(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
            let here = format!("{path}/{key}");
            keys(schema, &here, found);
            found.push(here);
        }
    }
    let mut named = Vec::new();
    keys(&of_config(), "", &mut named);
    let defaults = defaults();
    let unknown: Vec<_> = named.iter().filter(|key| defaults.pointer(key).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(named.len() > 70, "{named:?}");
}

#[test]
fn what_the_worker_refuses_does_not_fit_either() {
    for (wrong, of) in [
        ("ranking: {k: 0}", "ranking.k"),
        ("ranking: {text_weight: 1.5}", "ranking.text_weight"),
        ("ranking: {method: best_of}", "ranking.method"),
        ("ranking: {same: [title]}", "ranking.same"),
        ("ranking: {kay: 3}", "ranking.kay"),
        ("role: gpu", "role"),
        ("kafka: {start_from: now}", "kafka.start_from"),
        ("objects: {stores: [{url: 's3://b/'}]}", "objects.stores.url"),
        ("encoder: {images: {max_side: big}}", "encoder.images.max_side"),
        ("encoder: {sessions: 65}", "encoder.sessions"),
        ("encoder: {execution_provider: gpu}", "encoder.execution_provider"),
        ("encoder: {max_batch_delay_ms: -1}", "encoder.max_batch_delay_ms"),
        ("encoder: {gpu: {memory_mebibytes: 1}}", "encoder.gpu.memory_mebibytes"),
        ("encoder: {gpu: {device: 1}}", "encoder.gpu.device"),
        ("encoder: {vision: {pooling: median}}", "encoder.vision.pooling"),
        ("encoder: {vision: {augmentations: [rotate-45]}}", "encoder.vision.augmentations"),
        ("encoder: {vision: {resize_crop_pad: {fit: squash}}}", "encoder.vision.resize_crop_pad.fit"),
        ("telemetry: {otlp: {sample_ratio: 2}}", "telemetry.otlp.sample_ratio"),
    ] {
        let found = wrong_in(wrong);
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert!(found[0].starts_with(&format!(".{of}: ")), "{found:?}");
        assert!(
            Config::from_yaml(&format!("kafka: {{bootstrap_servers: k}}\nqdrant: {{url: q}}\n{wrong}"))
                .is_err()
        );
    }
    let right = "encoder: {vision: {pooling: mean, resize_crop_pad: {size: 240x180}, augmentations: [flip]},
                 gpu: {batch_sizes: [1, 8]}}\nkafka: {properties: {sasl: {username: me}, linger.ms: 5}}\nranking: {max_matches: 3, same: [group]}\n\
                 objects: {stores: [{uri: 's3://b/', options: {aws_region: eu}}]}\nhttp: {listen: '0.0.0.0:8080'}";
    assert_eq!(wrong_in(right), Vec::<String>::new());
}

#[test]
fn every_key_says_what_it_is() {
    let schema = of_config();
    let k = &schema["properties"]["ranking"]["properties"]["k"];
    assert_eq!((&k["default"], &k["minimum"], &k["maximum"]), (&json!(10), &json!(1), &json!(1000)));
    assert_eq!(k["description"], "Neighbours of a list.");
    let of_encoder = encoder::RANGES.map(|(key, ..)| format!("encoder.{key}"));
    for key in RANGES.iter().map(|range| range.key.to_owned()).chain(of_encoder) {
        let found = property(&mut of_config(), &key).is_some_and(|one| one.contains_key("minimum"));
        assert!(found, "{key}");
    }
    assert_eq!((schema.get("required"), schema["properties"]["kafka"].get("required")), (None, None));
}
