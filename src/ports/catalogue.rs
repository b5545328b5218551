//! The store of articles, images, embeddings and lists.
//!
//! What the stages rest on: a write that returned is seen by every read and search
//! that begins afterwards; a write that failed may have been carried out, or may still
//! be; a write's condition is checked where the data is, and a write whose condition
//! does not hold is no failure.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use list_maintenance::{Bar, Claim, Revision};

use super::{Failed, Place};
use crate::domain::article::{ArticleFacts, ArticleState, Profile, StoredImage};
use crate::domain::embedding::{Embedding, ImageEmbedding};
use crate::domain::event::Version;
use crate::domain::list::{NeighbourList, RankState};

/// One image to write.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageWrite {
    /// New content.
    Embedded(StoredImage, ImageEmbedding),
    /// New metadata; only where the stored content is the same.
    Described(StoredImage),
    /// Deleted: the point stays, without vector.
    Tombstone(StoredImage),
}

impl ImageWrite {
    /// The image as it is to be stored.
    pub fn image(&self) -> &StoredImage {
        let (Self::Embedded(image, _) | Self::Described(image) | Self::Tombstone(image)) = self;
        image
    }
}

/// What becomes of an article's text embedding.
#[derive(Debug, Clone, PartialEq)]
pub enum TextWrite {
    Keep,
    Set(Embedding),
    Remove,
}

/// An article's facts to write, after its images.
#[derive(Debug)]
pub struct FactsWrite<'a> {
    pub article_id: &'a str,
    pub facts: &'a ArticleFacts,
    pub text: TextWrite,
    /// Highest version that changed anything of the article.
    pub version: Version,
    /// Number and name of this write.
    pub mark: FactsMark,
}

/// Which write of an article's facts is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsMark {
    /// One more than what was read before; a write yields to the same number or more.
    pub sequence: u64,
    /// Names the content that all writes of the article together make.
    pub revision: Revision,
}

/// The ranking state of an article with what it was made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranked {
    pub state: RankState,
    /// Version of the article in the list last published.
    pub published_version: Version,
    /// Where that list, or the tombstone, lies in its topic.
    pub published_at: Option<Place>,
    /// Writes of the ranking state so far; 0: never ranked.
    pub writes: u64,
    /// Which of them stored the list; 0: none.
    pub list_writes: u64,
}

impl Ranked {
    /// Which write it is of.
    pub fn glance(&self) -> Glance {
        Glance { writes: self.writes, ranking: self.state.ranking }
    }

    /// This state after a claim that followed it.
    pub fn claimed(&self, claim: &Claim<String>) -> Self {
        let mut claimed = Self { writes: self.writes + 1, ..self.clone() };
        claimed.state.claim(claim);
        claimed
    }

    /// This state once it is stored.
    pub fn stored(mut self) -> Self {
        self.writes += 1;
        self.list_writes = self.writes;
        self
    }

    /// The best `k` of the stored entries as they were published; `None` without list.
    pub fn list(&self, article_id: &str, k: usize) -> Option<NeighbourList> {
        let entries = &self.state.list.as_ref()?.entries;
        Some(NeighbourList {
            article_id: article_id.to_owned(),
            sequence: self.state.published,
            version: self.published_version,
            neighbours: entries.best(k).iter().cloned().map(Into::into).collect(),
        })
    }
}

/// What is stored of an article, as rankings see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Names the content; what is read of it afterwards is this or newer.
    pub revision: Revision,
    /// Highest version that changed anything of the article.
    pub version: Version,
    /// Neither image nor text is left.
    pub is_empty: bool,
}

/// Which write of a ranking state is in force: the state is the same if both are. All 0
/// for an article that was never ranked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Glance {
    /// As [`Ranked::writes`].
    pub writes: u64,
    /// Name of the ranking that wrote last.
    pub ranking: u64,
}

/// An article as the ranking of another one reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub article_id: String,
    pub revision: Revision,
    pub bar: Bar,
}

/// What a field says about who may be neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restriction {
    /// Neighbours must share a category.
    pub same_categories: bool,
    /// Neighbours must be of the same group.
    pub same_group: bool,
    /// Neighbours must not share a category.
    pub different_categories: bool,
    /// Neighbours must not be of the same group.
    pub different_group: bool,
}

/// What to search for.
#[derive(Debug, Clone)]
pub struct CandidateQuery<'a> {
    pub article: &'a Profile,
    /// Lowest cosine of an image pair that counts; `None` when any does.
    pub threshold: Option<f64>,
    /// Most hits of each search: one for each embedding of an image, one for the text.
    pub limit: usize,
    /// Scan everything instead of walking the index.
    pub exact: bool,
    /// Text has weight in the score.
    pub with_text: bool,
    pub restriction: Restriction,
}

/// The articles found.
#[derive(Debug, Default, PartialEq)]
pub struct Candidates {
    pub article_ids: Vec<String>,
    /// Image searches whose hits reached the limit, and the highest cosine that an
    /// image pair left out by one of them can have.
    pub truncated_images: Option<Truncated>,
    /// The same of the text search, among articles without images if this one has any.
    pub truncated_text: Option<Truncated>,
}

/// Searches that stopped at their limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truncated {
    pub searches: u64,
    /// What was left out has at most this cosine, −1 to 1.
    pub ceiling: f64,
}

/// The store, as role `embed` and role `rank` need it.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// What is stored of an article, without vectors.
    async fn article_state(&self, article_id: &str) -> Result<ArticleState, Failed>;

    /// Writes images of one article. An image yields to a newer one, and to newer filter
    /// fields ([`ArticleFacts::fields_version`]).
    async fn write_images(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
        writes: &[ImageWrite],
    ) -> Result<(), Failed>;

    /// Copies changed filter fields to the article's images; each yields to newer fields.
    async fn write_filter_fields(&self, article_id: &str, facts: &ArticleFacts) -> Result<(), Failed>;

    /// Writes an article's text embedding, then its facts; what ranking keeps there
    /// stays. The last write of a change.
    async fn write_facts(&self, write: FactsWrite<'_>) -> Result<(), Failed>;

    /// Which write of the facts is in force; `None` for an article never seen.
    async fn facts_mark(&self, article_id: &str) -> Result<Option<FactsMark>, Failed>;

    /// Contents of these articles; those never seen are absent.
    async fn contents(&self, ids: &[String]) -> Result<BTreeMap<String, Content>, Failed>;

    /// The ranking state of an article; the default for one that was never ranked. A list
    /// that another owner's late write has spoiled reads as none, with a search under way.
    async fn ranked(&self, article_id: &str) -> Result<Ranked, Failed>;

    /// Which write of that state is in force.
    async fn glance(&self, article_id: &str) -> Result<Glance, Failed>;

    /// Revisions and bars of these articles; those never seen are absent.
    async fn standings(&self, ids: &[String]) -> Result<Vec<Standing>, Failed>;

    /// Images, texts and fields of these articles; those never seen are absent.
    async fn profiles(&self, ids: &[String]) -> Result<HashMap<String, Profile>, Failed>;

    /// Searches with every image, each of its variants, and the text of an article; an
    /// image is as close as the closest of its variants.
    async fn candidates(&self, query: &CandidateQuery<'_>) -> Result<Candidates, Failed>;

    /// Up to `limit` articles that may be this one's neighbours and whose bar is at most
    /// `ceiling`, that have none, or that a search is under way for; not those in
    /// `except`. Answers whether there are more.
    async fn low_bars(
        &self,
        query: &CandidateQuery<'_>,
        ceiling: f64,
        except: &[String],
    ) -> Result<(Vec<String>, bool), Failed>;

    /// Articles whose list holds this one, or is about to.
    async fn holders(&self, article_id: &str) -> Result<Vec<String>, Failed>;

    /// Takes the next sequence of an article's list, if its ranking state still is what
    /// was read; else it yields.
    async fn claim(&self, article_id: &str, read: &Ranked, claim: &Claim<String>) -> Result<(), Failed>;

    /// Stores an article's list, if there was no write since the `writes` in it were read;
    /// else it yields.
    async fn store(&self, article_id: &str, ranked: &Ranked) -> Result<(), Failed>;

    /// Sequence, mark and what was published last of an article, and no more of its
    /// ranking state.
    async fn publishing(&self, article_id: &str) -> Result<Ranked, Failed>;

    /// Up to `limit` articles with a mark, and the sequence each mark is of.
    async fn marked(&self, limit: usize) -> Result<Vec<(String, u64)>, Failed>;

    /// Up to `limit` articles from a place in the store's own order on, and the place
    /// after them; `None` at the end.
    async fn page(&self, from: Option<String>, limit: usize)
    -> Result<(Vec<String>, Option<String>), Failed>;
}
