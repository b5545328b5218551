//! The events of a run: what a producer sends about a few articles, with the mistakes
//! that producers make.

use std::collections::BTreeSet;

use lookalike::random::Random;
use serde_json::{Value, json};

use super::plan::Action;
use super::worker::MAX_IMAGE_BYTES;
use super::world::Draw as _;
use super::world::encoder::{BROKEN, DIRECTIONS, picture};
use super::world::log::New;
use super::world::objects::{ALLOWED, etag};

/// What a record stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Planned {
    Event(Event),
    /// A record that is no event, and the code of its dead letter.
    Malformed(&'static str),
}

/// An event as the producer means it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) article: String,
    /// Without one the offset counts.
    pub(crate) version: Option<u64>,
    pub(crate) change: Change,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Image { image: String, uri: String },
    NoImage { image: String },
    Text(Text),
    NoArticle,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Text {
    pub(crate) title: Option<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) group: Option<String>,
}

/// Longest time between an event and the object that it names, in milliseconds.
const LATEST_OBJECT_MS: u64 = 8000;

/// What a deletion of the whole article sets.
const ARTICLE: &str = "article";

struct Article {
    id: String,
    versioned: bool,
    version: u64,
    /// What was set at this version.
    at_version: BTreeSet<String>,
    /// (image, uri) with a picture of its own that was never overwritten.
    own: Vec<(String, String)>,
}

struct Producer<'r> {
    random: &'r Random,
    articles: Vec<Article>,
    objects: u64,
    at: u64,
    planned: Vec<Planned>,
    timeline: Vec<(u64, Action)>,
}

/// The records and when they are produced, with the image files that they name.
pub(crate) fn draw(random: &Random) -> (Vec<Planned>, Vec<(u64, Action)>) {
    let article = |number| Article {
        id: format!("a{number}"),
        versioned: random.chance(800),
        version: 0,
        at_version: BTreeSet::new(),
        own: Vec::new(),
    };
    let articles = (0..random.between(5, 14)).map(article).collect();
    let mut producer =
        Producer { random, articles, objects: 0, at: 600, planned: Vec::new(), timeline: Vec::new() };
    let pace = *random.pick(&[20, 300, 900]);
    for _ in 0..random.between(20, 80) {
        producer.at += if random.chance(600) { random.at_most(20) } else { random.at_most(2 * pace) };
        producer.produce();
    }
    (producer.planned, producer.timeline)
}

impl Producer<'_> {
    fn produce(&mut self) {
        let random = self.random;
        let last = self.articles.len() - 1;
        let which = if random.chance(250) { 0 } else { random.between(0, last as u64) as usize };
        match random.at_most(99) {
            0..4 => self.malformed(which),
            4..54 => self.image(which),
            54..68 => {
                let image = self.image_id();
                self.event(which, Change::NoImage { image }, json!({}));
            }
            68..90 => self.text(which),
            _ => self.no_article(which),
        }
    }

    fn image_id(&self) -> String {
        format!("i{}", self.random.at_most(3))
    }

    fn put(&mut self, uri: &str, bytes: Vec<u8>, late: bool) {
        let at = self.at + if late { self.random.at_most(LATEST_OBJECT_MS) } else { 0 };
        self.timeline.push((at, Action::Put(uri.to_owned(), bytes)));
    }

    fn new_uri(&mut self) -> String {
        self.objects += 1;
        format!("{ALLOWED}{}.jpg", self.objects)
    }

    fn image(&mut self, which: usize) {
        let random = self.random;
        let mut image = self.image_id();
        let (direction, copy) = (random.at_most(DIRECTIONS - 1), random.at_most(1));
        let mut bytes = picture(direction, copy);
        let uri = match random.at_most(99) {
            0..70 => {
                let uri = self.new_uri();
                let late = random.chance(80);
                self.put(&uri, bytes.clone(), late);
                if !late {
                    self.articles[which].own.push((image.clone(), uri.clone()));
                }
                uri
            }
            // Announced again, or another image from the same file.
            70..82 if !self.articles[which].own.is_empty() => {
                let (first, uri) = random.pick(&self.articles[which].own).clone();
                if random.chance(500) {
                    image = first;
                } else {
                    // From now on it is not this image's own.
                    self.articles[which].own.retain(|(_, own)| *own != uri);
                }
                bytes = Vec::new();
                uri
            }
            82..90 if !self.articles[which].own.is_empty() => {
                let at = random.at_most(self.articles[which].own.len() as u64 - 1) as usize;
                let (first, uri) = self.articles[which].own.remove(at);
                image = first;
                self.put(&uri, bytes.clone(), false);
                uri
            }
            90..93 => self.with_file(BROKEN.to_vec()),
            93..95 => self.with_file(vec![b'x'; MAX_IMAGE_BYTES as usize + 1]),
            95..97 => self.new_uri(),
            97..99 => "s3://elsewhere/private.jpg".to_owned(),
            _ => self.with_file(Vec::new()),
        };
        let mut more = json!({ "uri": uri.clone(), "view": image.clone() });
        if !bytes.is_empty() && random.chance(400) {
            more["etag"] = json!(etag(&bytes).trim_matches('"'));
        }
        if random.chance(300) {
            more["position"] = json!(random.at_most(5));
        }
        self.event(which, Change::Image { image, uri }, more);
    }

    fn with_file(&mut self, bytes: Vec<u8>) -> String {
        let uri = self.new_uri();
        self.put(&uri, bytes, false);
        uri
    }

    fn text(&mut self, which: usize) {
        let random = self.random;
        let titles = [None, Some("mug"), Some("red mug"), Some("plate"), Some("blue plate"), Some("bowl")];
        let text = Text {
            title: random.pick(&titles).map(str::to_owned),
            categories: (0..3).filter(|_| random.chance(400)).map(|number| format!("c{number}")).collect(),
            group: random.pick(&[None, Some("g0"), Some("g1")]).map(str::to_owned),
        };
        let more = json!({ "title": text.title, "categories": text.categories, "group": text.group });
        self.event(which, Change::Text(text), more);
    }

    fn no_article(&mut self, which: usize) {
        if self.random.chance(500) {
            return self.event(which, Change::NoArticle, json!({}));
        }
        // A record without value says the same; its version, if any, is in a header.
        let version = self.version(which, ARTICLE);
        let header = version.map(|version| ("version".to_owned(), version.to_string().into_bytes()));
        let article = self.articles[which].id.clone();
        let new = New {
            key: Some(article.clone().into_bytes()),
            value: None,
            headers: header.into_iter().collect(),
        };
        self.send(
            Planned::Event(Event { article, version, change: Change::NoArticle }),
            new,
            version.is_some(),
        );
    }

    /// The next version of an article; now and then two changes share one.
    fn version(&mut self, which: usize, object: &str) -> Option<u64> {
        let random = self.random;
        let article = &mut self.articles[which];
        if !article.versioned {
            return None;
        }
        let alone = object == ARTICLE || article.at_version.contains(ARTICLE);
        if article.version == 0 || alone || article.at_version.contains(object) || !random.chance(80) {
            article.version += random.between(1, 3);
            article.at_version.clear();
        }
        article.at_version.insert(object.to_owned());
        Some(article.version)
    }

    fn event(&mut self, which: usize, change: Change, mut more: Value) {
        let (kind, object) = match &change {
            Change::Image { image, .. } => ("image.upserted", image.clone()),
            Change::NoImage { image } => ("image.deleted", image.clone()),
            Change::Text(_) => ("article.upserted", "text".to_owned()),
            Change::NoArticle => ("article.deleted", ARTICLE.to_owned()),
        };
        let version = self.version(which, &object);
        let article = self.articles[which].id.clone();
        more["type"] = json!(kind);
        more["article_id"] = json!(article);
        if let Some(version) = version {
            more["version"] = json!(version);
        }
        if kind.starts_with("image") {
            more["image_id"] = json!(object);
        }
        let new = New {
            key: Some(article.clone().into_bytes()),
            value: Some(more.to_string().into_bytes()),
            headers: Vec::new(),
        };
        self.send(Planned::Event(Event { article, version, change }), new, version.is_some());
    }

    fn malformed(&mut self, which: usize) {
        let id = self.articles[which].id.clone();
        let key = |text: &str| Some(text.as_bytes().to_vec());
        let deleted = json!({ "type": "article.deleted", "article_id": id }).to_string();
        let header = ("version".to_owned(), b"newest".to_vec());
        let (code, new) = match self.random.at_most(6) {
            0 => ("key", New { key: None, value: key(&deleted), headers: Vec::new() }),
            1 => ("key", New { key: key("somebody else"), value: key(&deleted), headers: Vec::new() }),
            2 => ("key", New { key: Some(vec![0xff, 0xfe]), value: None, headers: Vec::new() }),
            3 => ("schema", New { key: key(&id), value: key("{\"type\":"), headers: Vec::new() }),
            4 => ("schema", New { key: key(&id), value: None, headers: vec![header] }),
            5 => {
                let value = json!({ "type": "image.upserted", "article_id": id, "image_id": "i0" });
                ("schema", New { key: key(&id), value: key(&value.to_string()), headers: Vec::new() })
            }
            _ => {
                let value = json!({ "type": "article.deleted", "article_id": id, "version": u64::MAX });
                ("schema", New { key: key(&id), value: key(&value.to_string()), headers: Vec::new() })
            }
        };
        self.send(Planned::Malformed(code), new, false);
    }

    /// Sends a record; one whose place in the log does not matter may come late, and
    /// again.
    fn send(&mut self, planned: Planned, mut new: New, ordered_by_version: bool) {
        let random = self.random;
        new.headers.push(("n".to_owned(), self.planned.len().to_string().into_bytes()));
        self.planned.push(planned);
        let mut at = self.at;
        if ordered_by_version && random.chance(200) {
            at += random.at_most(4000);
        }
        self.timeline.push((at, Action::Produce(new.clone())));
        while random.chance(120) {
            at += if ordered_by_version { random.at_most(8000) } else { 0 };
            self.timeline.push((at, Action::Produce(new.clone())));
        }
    }
}
