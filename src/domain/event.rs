//! Catalogue events: parsing and validation of one Kafka record.
//!
//! Guarantee: a record either becomes an [`Event`] with every rule of the schema
//! checked, or an [`InvalidEvent`] that says what is wrong; nothing is guessed.
//! The key of the record must be the article id, because the partition of the key
//! decides which worker owns the article.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Position in the one growing sequence of an article's events. Higher wins.
pub type Version = u64;

/// Highest accepted version: payload integers of the vector store are signed.
pub const MAX_VERSION: Version = i64::MAX as Version;

/// Longest accepted `article_id` or `image_id`, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// One change of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub article_id: String,
    /// The event's own version, or the record's offset when it has none.
    pub version: Version,
    /// Producer's clock, only for freshness metrics; as written in the event.
    pub occurred_at: Option<String>,
    pub change: Change,
}

/// What an event changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    ImageUpserted(ImageFields),
    ImageDeleted { image_id: String },
    ArticleUpserted(ArticleFields),
    ArticleDeleted,
}

/// Fields of `image.upserted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageFields {
    pub image_id: String,
    pub uri: String,
    #[serde(default)]
    pub view: Option<String>,
    #[serde(default)]
    pub position: Option<i64>,
    #[serde(default)]
    pub etag: Option<String>,
}

/// Fields of `article.upserted`; they replace all earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ArticleFields {
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub categories: Vec<String>,
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, serde_json::Value>,
}

impl ArticleFields {
    /// The text that is embedded: title, description and categories, a line each.
    /// `None` when the article has no text at all.
    pub fn document(&self) -> Option<String> {
        let categories = self.categories.join(", ");
        let lines: Vec<&str> =
            [self.title.as_deref(), self.description.as_deref(), Some(categories.as_str())]
                .into_iter()
                .flatten()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// Why a record is not an event. Always a dead letter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidEvent {
    #[error("the record has no key; the key must be the article_id")]
    NoKey,
    #[error("the record key is not UTF-8 text; the key must be the article_id")]
    KeyNotText,
    #[error("the record key {key:?} is not the article_id {article_id:?} of the event")]
    KeyMismatch { key: String, article_id: String },
    #[error("not a catalogue event: {0}")]
    Schema(String),
    #[error("{field} must have 1 to {MAX_ID_BYTES} bytes and no control characters")]
    BadId { field: &'static str },
    #[error("version {0} is above the highest accepted one, {MAX_VERSION}")]
    VersionTooHigh(Version),
    #[error("the record header version is {0:?}, not a whole number")]
    BadHeaderVersion(String),
}

impl InvalidEvent {
    /// Stable machine-readable reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKey | Self::KeyNotText | Self::KeyMismatch { .. } => "key",
            Self::Schema(_) | Self::BadId { .. } | Self::VersionTooHigh(_) | Self::BadHeaderVersion(_) => {
                "schema"
            }
        }
    }
}

/// The JSON of a record's value.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Wire {
    #[serde(rename = "image.upserted")]
    ImageUpserted {
        #[serde(flatten)]
        common: Common,
        #[serde(flatten)]
        image: ImageFields,
    },
    #[serde(rename = "image.deleted")]
    ImageDeleted {
        #[serde(flatten)]
        common: Common,
        image_id: String,
    },
    #[serde(rename = "article.upserted")]
    ArticleUpserted {
        #[serde(flatten)]
        common: Common,
        #[serde(flatten)]
        article: ArticleFields,
    },
    #[serde(rename = "article.deleted")]
    ArticleDeleted {
        #[serde(flatten)]
        common: Common,
    },
}

#[derive(Deserialize)]
struct Common {
    article_id: String,
    version: Option<Version>,
    occurred_at: Option<String>,
}

/// Reads one record. A null value deletes the article named by the key, at
/// `header_version` (record header `version`) or else at the record's offset.
pub fn parse(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    header_version: Option<&str>,
    offset: u64,
) -> Result<Event, InvalidEvent> {
    let key = key.ok_or(InvalidEvent::NoKey)?;
    let key = std::str::from_utf8(key).map_err(|_| InvalidEvent::KeyNotText)?;
    let event = match value {
        None => Event {
            article_id: key.to_owned(),
            version: deletion_version(header_version, offset)?,
            occurred_at: None,
            change: Change::ArticleDeleted,
        },
        Some(value) => from_json(value, offset)?,
    };
    check(key, &event)?;
    Ok(event)
}

fn deletion_version(header: Option<&str>, offset: u64) -> Result<Version, InvalidEvent> {
    let Some(header) = header else { return Ok(offset) };
    header.parse().map_err(|_| InvalidEvent::BadHeaderVersion(header.to_owned()))
}

fn from_json(value: &[u8], offset: u64) -> Result<Event, InvalidEvent> {
    let wire: Wire =
        serde_json::from_slice(value).map_err(|error| InvalidEvent::Schema(error.to_string()))?;
    let (common, change) = match wire {
        Wire::ImageUpserted { common, image } => (common, Change::ImageUpserted(image)),
        Wire::ImageDeleted { common, image_id } => (common, Change::ImageDeleted { image_id }),
        Wire::ArticleUpserted { common, article } => (common, Change::ArticleUpserted(article)),
        Wire::ArticleDeleted { common } => (common, Change::ArticleDeleted),
    };
    Ok(Event {
        article_id: common.article_id,
        version: common.version.unwrap_or(offset),
        occurred_at: common.occurred_at,
        change,
    })
}

fn check(key: &str, event: &Event) -> Result<(), InvalidEvent> {
    check_id("article_id", &event.article_id)?;
    match &event.change {
        Change::ImageUpserted(image) => check_id("image_id", &image.image_id)?,
        Change::ImageDeleted { image_id } => check_id("image_id", image_id)?,
        Change::ArticleUpserted(_) | Change::ArticleDeleted => {}
    }
    if event.version > MAX_VERSION {
        return Err(InvalidEvent::VersionTooHigh(event.version));
    }
    if key != event.article_id {
        return Err(InvalidEvent::KeyMismatch { key: key.to_owned(), article_id: event.article_id.clone() });
    }
    Ok(())
}

fn check_id(field: &'static str, id: &str) -> Result<(), InvalidEvent> {
    let valid = !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control);
    if valid { Ok(()) } else { Err(InvalidEvent::BadId { field }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse_value(value: &str) -> Result<Event, InvalidEvent> {
        parse(Some(b"mug-1"), Some(value.as_bytes()), None, 7)
    }

    #[test]
    fn every_type_is_read() {
        let image = parse_value(
            r#"{"type":"image.upserted","article_id":"mug-1","image_id":"front","uri":"s3://b/k.jpg","view":"front","position":2,"etag":"x","version":41,"occurred_at":"2026-11-23T10:00:00Z"}"#,
        )
        .unwrap();
        assert_eq!(image.version, 41);
        let Change::ImageUpserted(fields) = image.change else { panic!("wrong change") };
        assert_eq!((fields.image_id.as_str(), fields.position), ("front", Some(2)));

        let text = parse_value(r#"{"type":"article.upserted","article_id":"mug-1","title":"red mug","categories":["mug"],"attributes":{"material":"clay"}}"#).unwrap();
        assert_eq!(text.version, 7, "without a version the offset orders events");
        let Change::ArticleUpserted(fields) = text.change else { panic!("wrong change") };
        assert_eq!(fields.document().as_deref(), Some("red mug\nmug"));

        let gone =
            parse_value(r#"{"type":"image.deleted","article_id":"mug-1","image_id":"front"}"#).unwrap();
        assert_eq!(gone.change, Change::ImageDeleted { image_id: "front".into() });
        let gone = parse_value(r#"{"type":"article.deleted","article_id":"mug-1","version":3}"#).unwrap();
        assert_eq!((gone.version, gone.change), (3, Change::ArticleDeleted));
    }

    #[test]
    fn null_value_deletes_at_header_version_or_offset() {
        let event = parse(Some(b"mug-1"), None, None, 9).unwrap();
        assert_eq!((event.version, event.change), (9, Change::ArticleDeleted));
        assert_eq!(parse(Some(b"mug-1"), None, Some("70"), 9).unwrap().version, 70);
        assert_eq!(parse(Some(b"mug-1"), None, Some("v70"), 9).unwrap_err().code(), "schema");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parse(None, None, None, 0), Err(InvalidEvent::NoKey));
        assert_eq!(parse(Some(&[0xff]), None, None, 0), Err(InvalidEvent::KeyNotText));
        assert_eq!(parse_value("{nope").unwrap_err().code(), "schema");
        let unknown = parse_value(r#"{"type":"image.renamed","article_id":"mug-1"}"#).unwrap_err();
        assert!(unknown.to_string().contains("image.renamed"), "{unknown}");
        let missing =
            parse_value(r#"{"type":"image.upserted","article_id":"mug-1","image_id":"a"}"#).unwrap_err();
        assert!(missing.to_string().contains("uri"), "{missing}");
        let other = parse_value(r#"{"type":"article.deleted","article_id":"mug-2"}"#).unwrap_err();
        assert_eq!(other.code(), "key");
        let empty =
            parse_value(r#"{"type":"image.deleted","article_id":"mug-1","image_id":""}"#).unwrap_err();
        assert_eq!(empty, InvalidEvent::BadId { field: "image_id" });
        let high =
            parse_value(r#"{"type":"article.deleted","article_id":"mug-1","version":18446744073709551615}"#);
        assert_eq!(high, Err(InvalidEvent::VersionTooHigh(u64::MAX)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(key in proptest::option::of(any::<Vec<u8>>()), value in proptest::option::of(any::<Vec<u8>>())) {
            let _ = parse(key.as_deref(), value.as_deref(), None, 0);
        }
    }
}
