//! The shop that sends events, and what its catalogue should be afterwards.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One record for the events topic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// An event under its own article's key.
    pub(crate) fn event(event: &Value) -> Self {
        Self::raw(event["article_id"].as_str().unwrap(), event.to_string().as_bytes())
    }

    /// Any bytes under a key.
    pub(crate) fn raw(key: &str, value: &[u8]) -> Self {
        Self { key: Some(key.as_bytes().to_vec()), value: Some(value.to_vec()), headers: Vec::new() }
    }

    /// The null value that deletes an article.
    pub(crate) fn null(key: &str) -> Self {
        Self { key: Some(key.as_bytes().to_vec()), value: None, headers: Vec::new() }
    }
}

/// In this shop an image's view is its id.
pub(crate) fn image(article: &str, image: &str, uri: &str) -> Value {
    json!({"type": "image.upserted", "article_id": article, "image_id": image, "uri": uri, "view": image})
}

pub(crate) fn image_deleted(article: &str, image: &str) -> Value {
    json!({"type": "image.deleted", "article_id": article, "image_id": image})
}

pub(crate) fn text(article: &str, title: &str, categories: &[&str], group: Option<&str>) -> Value {
    json!({"type": "article.upserted", "article_id": article, "title": title,
           "categories": categories, "group": group})
}

pub(crate) fn deleted(article: &str) -> Value {
    json!({"type": "article.deleted", "article_id": article})
}

/// `event` with further fields, e.g. a version.
pub(crate) fn with(mut event: Value, fields: &Value) -> Value {
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event
}

/// What an article should look like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Article {
    /// Image ids with the uri last set.
    pub(crate) images: BTreeMap<String, String>,
    pub(crate) title: Option<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) group: Option<String>,
}

impl Article {
    /// The text to embed: one line each for title and categories.
    pub(crate) fn document(&self) -> Option<String> {
        let mut lines: Vec<String> = self.title.iter().cloned().collect();
        if !self.categories.is_empty() {
            lines.push(self.categories.join(", "));
        }
        lines.retain(|line| !line.is_empty());
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.images.is_empty() && self.document().is_none()
    }
}

/// The catalogue as it should be; articles stay in it, empty, when deleted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shop {
    pub(crate) articles: BTreeMap<String, Article>,
}

impl Shop {
    /// Applies one event that is newer than all before it.
    pub(crate) fn apply(&mut self, event: &Value) {
        let field = |name: &str| event[name].as_str().map(str::to_owned);
        let article = self.articles.entry(field("article_id").unwrap()).or_default();
        match event["type"].as_str().unwrap() {
            "image.upserted" => {
                article.images.insert(field("image_id").unwrap(), field("uri").unwrap());
            }
            "image.deleted" => {
                article.images.remove(&field("image_id").unwrap());
            }
            "article.upserted" => {
                article.title = field("title");
                article.group = field("group");
                let categories = event["categories"].as_array().into_iter().flatten();
                article.categories = categories.map(|one| one.as_str().unwrap().to_owned()).collect();
            }
            "article.deleted" => *article = Article::default(),
            other => panic!("no such event type: {other}"),
        }
    }

    /// Applies all and answers them as records, in the same order.
    pub(crate) fn send(&mut self, events: &[Value]) -> Vec<Record> {
        events.iter().for_each(|event| self.apply(event));
        events.iter().map(Record::event).collect()
    }
}
