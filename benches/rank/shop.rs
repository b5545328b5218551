//! A synthetic catalogue: articles in clusters, every vector made from numbers alone.
//!
//! Guarantee: the same seed gives the same catalogue, changes and vectors. Images of one
//! cluster have a cosine of about [`CLUSTER`] or more, those of two about 0, so that a
//! threshold between the two separates them, whatever the size of the catalogue.

use std::collections::HashSet;

use lookalike::domain::article::{ArticleFacts, ArticleState, Member, Profile, StoredImage};
use lookalike::domain::embedding::Embedding;
use lookalike::ports::{FactsMark, ImageWrite, TextWrite};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Numbers of every vector.
pub(crate) const DIMENSION: usize = 512;
/// Shares of an image's squared length: what its cluster has in common, what its article
/// has; the rest is its own.
const CLUSTER: f32 = 0.65;
const ARTICLE: f32 = 0.15;
/// The same of a text, which has no images to share with.
const TEXT_CLUSTER: f32 = 0.5;
const CLUSTER_SIZES: std::ops::RangeInclusive<usize> = 15..=40;
/// With a hub: articles of a cluster, so that it is every list's tenth.
const AROUND_HUB: std::ops::RangeInclusive<usize> = 10..=10;
/// Share of the hub's direction in every other image. Its root, the cosine with the hub,
/// lies above the threshold, and it itself, the cosine of two clusters, below.
const HUB: f32 = 0.32;
const HUB_THRESHOLD: f64 = 0.45;
const IMAGES: std::ops::RangeInclusive<usize> = 2..=8;

/// What a random direction belongs to.
#[derive(Clone, Copy)]
enum Of {
    Hub,
    Cluster(usize),
    Article(usize),
    Image(usize, u64, u64),
    TextCluster(usize),
    Text(usize, u64),
}

/// What happens to an article, of a hundred events: 60 images updated, 20 articles new,
/// 10 deleted, 10 texts updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    New,
    Deleted,
    Text,
}

impl Kind {
    pub(crate) fn any(random: &mut StdRng) -> Self {
        match random.random_range(0..100) {
            0..60 => Self::Image,
            60..80 => Self::New,
            80..90 => Self::Deleted,
            _ => Self::Text,
        }
    }

    /// Of changes that leave every article where it is: 60 images to 10 texts.
    pub(crate) fn update(random: &mut StdRng) -> Self {
        if random.random_range(0..70) < 60 { Self::Image } else { Self::Text }
    }
}

pub(crate) struct Article {
    pub(crate) cluster: usize,
    pub(crate) state: ArticleState,
}

impl Article {
    pub(crate) fn facts(&self) -> ArticleFacts {
        self.state.facts.clone().unwrap_or_default()
    }
}

/// One change of one article, as role `embed` would write it.
pub(crate) struct Change {
    pub(crate) article: usize,
    /// Unique among all changes, and so the name of the event.
    pub(crate) version: u64,
    pub(crate) kind: Kind,
    pub(crate) facts: ArticleFacts,
    pub(crate) images: Vec<ImageWrite>,
    pub(crate) text: TextWrite,
    pub(crate) mark: FactsMark,
    /// The filter fields of the other images follow.
    pub(crate) fields_changed: bool,
}

pub(crate) struct Shop {
    seed: u64,
    random: StdRng,
    pub(crate) articles: Vec<Article>,
    live: Vec<usize>,
    clusters: usize,
    version: u64,
    hub: Option<usize>,
}

/// Lies between the cosines of images of one cluster and of two.
const THRESHOLD: f64 = 0.5;

/// The name of an article.
pub(crate) fn id(article: usize) -> String {
    format!("article-{article:07}")
}

/// The article of a name.
pub(crate) fn number(id: &str) -> Option<usize> {
    id.strip_prefix("article-")?.parse().ok()
}

impl Shop {
    /// A catalogue of so many articles, nothing of it written.
    pub(crate) fn new(articles: usize, seed: u64) -> Self {
        let mut shop = Self::empty(seed, None);
        shop.fill(articles, CLUSTER_SIZES);
        shop
    }

    /// So many articles in small clusters, and one that is in the list of every other.
    pub(crate) fn around_a_hub(articles: usize, seed: u64) -> Self {
        let mut shop = Self::empty(seed, Some(0));
        shop.clusters = 1;
        shop.add(0);
        shop.fill(articles + 1, AROUND_HUB);
        shop
    }

    fn empty(seed: u64, hub: Option<usize>) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { seed, random, articles: Vec::new(), live: Vec::new(), clusters: 0, version: 0, hub }
    }

    fn fill(&mut self, articles: usize, sizes: std::ops::RangeInclusive<usize>) {
        while self.articles.len() < articles {
            let cluster = self.clusters;
            self.clusters += 1;
            let size = self.random.random_range(sizes.clone());
            for _ in 0..size.min(articles - self.articles.len()) {
                self.add(cluster);
            }
        }
    }

    /// Lowest cosine of a pair of images that counts here.
    pub(crate) fn threshold(&self) -> f64 {
        if self.hub.is_some() { HUB_THRESHOLD } else { THRESHOLD }
    }

    /// The article that is in every list.
    pub(crate) fn hub(&self) -> Option<usize> {
        self.hub
    }

    pub(crate) fn clusters(&self) -> usize {
        self.clusters
    }

    /// Articles that are not deleted, in no order.
    pub(crate) fn live(&self) -> &[usize] {
        &self.live
    }

    pub(crate) fn random(&mut self) -> &mut StdRng {
        &mut self.random
    }

    /// The next change, of an article that is not `busy`; `None` when all are.
    pub(crate) fn change(&mut self, kind: Kind, busy: &HashSet<usize>) -> Option<Change> {
        if kind == Kind::New {
            let cluster = self.random.random_range(0..self.clusters);
            return Some(self.add(cluster));
        }
        // Far fewer are busy than there are: a hundred draws find one that is not.
        let article = (0..100)
            .map(|_| self.live[self.random.random_range(0..self.live.len())])
            .find(|article| !busy.contains(article) && Some(*article) != self.hub)?;
        Some(self.change_of(article, kind))
    }

    /// A change of one live article.
    pub(crate) fn change_of(&mut self, article: usize, kind: Kind) -> Change {
        self.version += 1;
        let version = self.version;
        let mut state = self.articles[article].state.clone();
        let mut facts = self.articles[article].facts();
        let (mut images, mut text) = (Vec::new(), TextWrite::Keep);
        match kind {
            Kind::New => {
                for number in 0..self.random.random_range(IMAGES) {
                    images.push(self.image(article, number as u64, version));
                }
                text = self.set_text(article, &mut facts, version);
            }
            Kind::Image => {
                let number = self.random.random_range(0..state.images.len());
                images.push(self.image(article, number as u64, version));
            }
            Kind::Text => text = self.set_text(article, &mut facts, version),
            Kind::Deleted => {
                let image_ids = state.images.keys().cloned();
                images.extend(
                    image_ids
                        .map(|image_id| ImageWrite::Tombstone(StoredImage::tombstone(&image_id, version))),
                );
                facts =
                    ArticleFacts { deleted_version: Some(version), deleted: true, ..ArticleFacts::default() };
                text = TextWrite::Remove;
                self.live.retain(|live| *live != article);
            }
        }
        let known = state.facts_sequence > 0;
        state
            .images
            .extend(images.iter().map(|write| (write.image().image_id.clone(), write.image().clone())));
        facts.image_count = state.images.values().filter(|image| !image.deleted).count();
        state.facts = Some(facts.clone());
        state.facts_sequence += 1;
        let mark = FactsMark { sequence: state.facts_sequence, revision: state.revision() };
        self.articles[article].state = state;
        let fields_changed = known && matches!(kind, Kind::Text | Kind::Deleted);
        Change { article, version, kind, facts, images, text, mark, fields_changed }
    }

    fn add(&mut self, cluster: usize) -> Change {
        let article = self.articles.len();
        self.articles.push(Article { cluster, state: ArticleState::default() });
        self.live.push(article);
        self.change_of(article, Kind::New)
    }

    fn set_text(&self, article: usize, facts: &mut ArticleFacts, version: u64) -> TextWrite {
        facts.text_version = Some(version);
        facts.fields.title = Some(format!("Text {version}"));
        facts.embedded_text = true;
        TextWrite::Set(self.text_vector(article, version))
    }

    fn image(&self, article: usize, number: u64, version: u64) -> ImageWrite {
        let image = StoredImage {
            image_id: format!("image-{number}"),
            version,
            deleted: false,
            uri: Some(format!("s3://pictures/{}/{number}.jpg", id(article))),
            view: None,
            position: Some(number as i64),
            etag: None,
            content_hash: Some(format!("{version:064x}")),
        };
        ImageWrite::Embedded(image, self.image_vector(article, number, version).into())
    }

    fn image_vector(&self, article: usize, number: u64, version: u64) -> Embedding {
        let cluster = self.articles[article].cluster;
        let own = self.sum(&[
            (Of::Cluster(cluster), CLUSTER),
            (Of::Article(article), ARTICLE),
            (Of::Image(article, number, version), 1.0 - CLUSTER - ARTICLE),
        ]);
        match self.hub {
            None => own,
            Some(hub) if hub == article => self.towards_hub(own, 0.99),
            Some(_) => self.towards_hub(own, HUB),
        }
    }

    /// A vector turned so that the hub's direction has this share of its squared length.
    fn towards_hub(&self, own: Embedding, share: f32) -> Embedding {
        let hub = direction(self.seed, Of::Hub);
        let mut own = own.into_vec();
        let along: f32 = own.iter().zip(&hub).map(|(a, b)| a * b).sum();
        own.iter_mut().zip(&hub).for_each(|(own, hub)| *own -= along * hub);
        let length = own.iter().map(|number| number * number).sum::<f32>().sqrt();
        let scale = (1.0 - share).sqrt() / length;
        own.iter_mut().zip(&hub).for_each(|(own, hub)| *own = *own * scale + hub * share.sqrt());
        Embedding::normalised(own).expect("it has unit length")
    }

    fn text_vector(&self, article: usize, version: u64) -> Embedding {
        let cluster = self.articles[article].cluster;
        self.sum(&[
            (Of::TextCluster(cluster), TEXT_CLUSTER),
            (Of::Text(article, version), 1.0 - TEXT_CLUSTER),
        ])
    }

    fn sum(&self, parts: &[(Of, f32)]) -> Embedding {
        let mut total = vec![0.0; DIMENSION];
        for (of, share) in parts {
            let direction = direction(self.seed, *of);
            total.iter_mut().zip(direction).for_each(|(sum, number)| *sum += share.sqrt() * number);
        }
        Embedding::normalised(total).expect("a sum of random directions is not zero")
    }

    /// An article as ranking reads it.
    pub(crate) fn profile(&self, article: usize) -> Profile {
        let state = &self.articles[article].state;
        let facts = self.articles[article].facts();
        let members = state.images.values().filter(|image| !image.deleted).map(|image| {
            let number = image.position.unwrap_or_default().unsigned_abs();
            Member {
                image_id: image.image_id.clone(),
                view: None,
                position: image.position,
                version: image.version,
                embedding: self.image_vector(article, number, image.version).into(),
            }
        });
        let images: Vec<Member> = members.collect();
        let text = facts.text_version.filter(|_| facts.embedded_text);
        Profile {
            article_id: id(article),
            categories: Vec::new(),
            group: None,
            version: state.version(),
            images,
            text: text.map(|version| self.text_vector(article, version)),
        }
    }
}

/// A random unit vector.
fn direction(seed: u64, of: Of) -> Vec<f32> {
    let (kind, numbers) = match of {
        Of::Hub => (0, [0; 3]),
        Of::Cluster(cluster) => (1, [cluster as u64, 0, 0]),
        Of::Article(article) => (2, [article as u64, 0, 0]),
        Of::Image(article, number, version) => (3, [article as u64, number, version]),
        Of::TextCluster(cluster) => (4, [cluster as u64, 0, 0]),
        Of::Text(article, version) => (5, [article as u64, version, 0]),
    };
    let mut random = StdRng::from_seed(seed_of([seed << 3 | kind, numbers[0], numbers[1], numbers[2]]));
    let numbers: Vec<f32> = (0..DIMENSION).map(|_| random.random_range(-1.0..1.0)).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}

fn seed_of(numbers: [u64; 4]) -> [u8; 32] {
    let mut seed = [0; 32];
    for (bytes, number) in seed.chunks_exact_mut(8).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    seed
}
