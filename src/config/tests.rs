//! What a user writes wrong is named.

use super::*;

const LEAST: &str = "kafka: {bootstrap_servers: 'k:9092'}\nqdrant: {url: 'http://q:6334'}\n";

fn error(text: &str) -> String {
    Config::from_yaml(text).unwrap_err().to_string()
}

#[test]
fn the_least_configuration_has_all_defaults() {
    let config = Config::from_yaml(LEAST).unwrap();
    assert_eq!(config.kafka.bootstrap_servers, "k:9092");
    assert_eq!((config.ranking.k, config.role), (10, Role::All));
    assert_eq!(config.encoder, EncoderSettings::default(), "the file's defaults are the code's");
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let message = error("kafka: {bootstrap_server: 'k:9092'}");
    assert!(message.contains("unknown key kafka.bootstrap_server;"), "{message}");
    assert!(message.contains("did you mean kafka.bootstrap_servers?"), "{message}");
    let message = error(&format!("{LEAST}objects: {{stores: [{{url: 's3://b/'}}]}}"));
    assert!(message.contains("objects.stores.url"), "{message}");
    let message = error(&format!("{LEAST}completely_else: 1"));
    assert!(!message.contains("did you mean"), "{message}");
}

#[test]
fn a_missing_key_says_where_to_set_it() {
    let message = error("kafka: {bootstrap_servers: 'k:9092'}");
    assert!(message.contains("qdrant.url is missing"), "{message}");
    assert!(message.contains("LOOKALIKE__QDRANT__URL"), "{message}");
}

#[test]
fn values_out_of_range_are_refused() {
    let message = error(&format!("{LEAST}ranking: {{text_weight: 1.5}}"));
    assert!(message.contains("ranking.text_weight is 1.5; it must be 0 to 1"), "{message}");
    let message = error(&format!("{LEAST}ranking: {{k: 0}}"));
    assert!(message.contains("ranking.k"), "{message}");
    assert!(error(&format!("{LEAST}ranking: {{k: many}}")).contains("ranking.k"));
    let message = error(&format!("{LEAST}ranking: {{coverage_weight: 'inf'}}"));
    assert!(message.contains("not a finite number; it must be 0 or more"), "{message}");
    let message = error(&format!("{LEAST}shutdown: {{drain_ms: 40000}}"));
    assert!(message.contains("above shutdown.drain_ms"), "{message}");
    let message = error(&format!("{LEAST}telemetry: {{otlp: {{endpoint: 'collector:4317'}}}}"));
    assert!(message.contains("it must be http://host:port"), "{message}");
    let unset = Config::from_yaml(&format!("{LEAST}ranking: {{max_matches: null}}"));
    assert_eq!(unset.unwrap().ranking.max_matches, None);
}

#[test]
fn augmentations_are_named_with_what_there_is() {
    let of = |list: &str| format!("{LEAST}encoder: {{vision: {{augmentations: {list}}}}}");
    let unknown = error(&of("[flip, rotate-45]"));
    for part in ["encoder.vision.augmentations", "rotate-45", "flip", "rotate-90", "rotate-180", "rotate-270"]
    {
        assert!(unknown.contains(part), "{part} in {unknown}");
    }
    let twice = error(&of("[flip, flip]"));
    assert!(twice.contains(r#"encoder.vision.augmentations is "flip"; it must be listed once"#), "{twice}");
    assert!(Config::from_yaml(&of("[rotate-270, flip]")).unwrap().encoder.has_variants());
}

#[test]
fn librdkafka_properties_are_free_and_text() {
    let text = "kafka: {bootstrap_servers: 'k:9092', properties: {security.protocol: SASL_SSL, \
                socket.keepalive.enable: true, sasl: {mechanism: SCRAM-SHA-512}}}\nqdrant: {url: 'http://q:6334'}";
    let properties = Config::from_yaml(text).unwrap().kafka.properties;
    assert_eq!(properties["security.protocol"], "SASL_SSL");
    assert_eq!(properties["socket.keepalive.enable"], "true");
    assert_eq!(properties["sasl.mechanism"], "SCRAM-SHA-512", "nested tables are joined by dots");
}

#[test]
fn stores_carry_their_options() {
    let text = format!("{LEAST}objects: {{stores: [{{uri: 's3://b/p/', options: {{aws_region: eu}}}}]}}");
    let config = Config::from_yaml(&text).unwrap();
    assert_eq!(config.objects.stores[0].options["aws_region"], "eu");
}
