//! The catalogue: image points and article points, each write with its condition.
//!
//! Guarantee: the same operations as the adapter's, one call to the server each, with
//! the same conditions, checked where the data is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use list_maintenance::{Claim, Mark, Revision};
use lookalike::domain::article::{ArticleFacts, ArticleState, Profile, StoredImage};
use lookalike::domain::embedding::{Embedding, ImageEmbedding};
use lookalike::domain::list::RankState;
use lookalike::ports::{
    CandidateQuery, Candidates, Catalogue, Content, FactsMark, FactsWrite, Failed, Glance, ImageWrite,
    Ranked, Standing, TextWrite,
};

use super::{Client, Weakness, World, lock, search};

/// An image with the filter fields of its article.
#[derive(Debug, Clone)]
pub(crate) struct ImagePoint {
    pub(crate) image: StoredImage,
    pub(crate) embedding: Option<ImageEmbedding>,
    pub(crate) categories: Vec<String>,
    pub(crate) group: Option<String>,
    pub(crate) fields_version: u64,
}

/// An article with its facts.
#[derive(Debug, Clone)]
pub(crate) struct ArticlePoint {
    pub(crate) facts: ArticleFacts,
    pub(crate) version: u64,
    pub(crate) revision: Revision,
    /// Number of the last write of the facts, or of the claim of one.
    sequence: u64,
    /// What the writer of that number is about to write.
    claim: Option<Revision>,
    pub(crate) text: Option<Embedding>,
}

impl ArticlePoint {
    fn new(write: &Facts) -> Self {
        let text = match &write.text {
            TextWrite::Set(embedding) => Some(embedding.clone()),
            TextWrite::Keep | TextWrite::Remove => None,
        };
        let mut point = Self {
            facts: ArticleFacts::default(),
            version: 0,
            revision: write.mark.revision,
            sequence: 0,
            claim: None,
            text,
        };
        point.set(write);
        point
    }

    fn set(&mut self, write: &Facts) {
        self.facts = write.facts.clone();
        self.version = write.version;
        self.revision = write.mark.revision;
        self.sequence = write.mark.sequence;
        self.claim = None;
    }

    pub(crate) fn content(&self) -> Content {
        let is_empty = self.facts.image_count == 0 && !self.facts.embedded_text;
        Content { revision: self.revision, version: self.version, is_empty }
    }
}

/// A [`FactsWrite`] that can travel.
struct Facts {
    article_id: String,
    facts: ArticleFacts,
    text: TextWrite,
    version: u64,
    mark: FactsMark,
}

/// All that is stored.
#[derive(Default)]
pub(crate) struct Store {
    /// By article and image.
    pub(crate) images: BTreeMap<(String, String), ImagePoint>,
    pub(crate) articles: BTreeMap<String, ArticlePoint>,
    /// The ranking state of each article.
    pub(crate) lists: BTreeMap<String, Ranked>,
    /// Writes that yielded to newer state.
    pub(crate) yielded: u64,
}

impl Store {
    pub(crate) fn images_of(&self, article_id: &str) -> impl Iterator<Item = &ImagePoint> {
        let from = (article_id.to_owned(), String::new());
        self.images.range(from..).take_while(move |((id, _), _)| id == article_id).map(|(_, point)| point)
    }

    /// Whether a condition lets a write through; a world may be too weak to check.
    fn holds(&mut self, condition: bool, unchecked: bool) -> bool {
        self.yielded += u64::from(!condition);
        condition || unchecked
    }

    /// One image of an upsert: replaces the point, and makes it where there is none.
    fn put(&mut self, article_id: &str, facts: &ArticleFacts, write: &ImageWrite, unchecked: bool) {
        let image = write.image();
        let key = (article_id.to_owned(), image.image_id.clone());
        let embedding = match write {
            ImageWrite::Embedded(_, embedding) => Some(embedding.clone()),
            ImageWrite::Described(_) | ImageWrite::Tombstone(_) => None,
        };
        let described = matches!(write, ImageWrite::Described(_));
        let point = ImagePoint {
            image: image.clone(),
            embedding,
            categories: facts.fields.categories.clone(),
            group: facts.fields.group.clone(),
            fields_version: facts.fields_version(),
        };
        let Some(stored) = self.images.get(&key) else {
            // Setting a payload makes no point.
            if !described {
                self.images.insert(key, point);
            }
            return;
        };
        let newer = stored.image.version > image.version || stored.fields_version > point.fields_version;
        let same = stored.image.content_hash == image.content_hash;
        let embedding = if described { stored.embedding.clone() } else { point.embedding.clone() };
        if self.holds(!newer && (same || !described), unchecked) {
            self.images.insert(key, ImagePoint { embedding, ..point });
        }
    }

    fn copy_fields(&mut self, article_id: &str, facts: &ArticleFacts, unchecked: bool) {
        let version = facts.fields_version();
        let keys: Vec<_> = self.images.keys().filter(|(id, _)| id == article_id).cloned().collect();
        for key in keys {
            let newer = self.images[&key].fields_version > version;
            if self.holds(!newer, unchecked)
                && let Some(point) = self.images.get_mut(&key)
            {
                point.categories.clone_from(&facts.fields.categories);
                point.group.clone_from(&facts.fields.group);
                point.fields_version = version;
            }
        }
    }

    /// A ranking state that follows the one that was read; answers whether it is written.
    fn put_list(&mut self, article_id: &str, ranked: &Ranked, unchecked: bool) -> bool {
        let stored = self.lists.get(article_id).map_or(0, |stored| stored.writes);
        let done = self.holds(stored <= ranked.writes, unchecked);
        if done {
            self.lists.insert(article_id.to_owned(), Ranked { writes: ranked.writes + 1, ..ranked.clone() });
        }
        done
    }

    /// The ranking state of an article; that of one never ranked has no point.
    pub(crate) fn list_of(&self, article_id: &str) -> Ranked {
        self.lists.get(article_id).cloned().unwrap_or_default()
    }
}

impl World {
    fn unchecked(&self, weakness: Weakness) -> bool {
        self.weakness == weakness
    }

    fn write_facts(&self, write: &Facts, part: Part) {
        let unchecked = self.unchecked(Weakness::FactsUnchecked);
        let mut store = lock(&self.store);
        if part == Part::Insert {
            store.articles.entry(write.article_id.clone()).or_insert_with(|| ArticlePoint::new(write));
            return;
        }
        let Some(article) = store.articles.get(&write.article_id) else { return };
        let condition = match part {
            Part::Insert | Part::Whole | Part::Claim => article.sequence < write.mark.sequence,
            Part::Text | Part::Claimed => {
                article.sequence == write.mark.sequence && article.claim == Some(write.mark.revision)
            }
        };
        if !store.holds(condition, unchecked) {
            return;
        }
        let Some(article) = store.articles.get_mut(&write.article_id) else { return };
        match (part, &write.text) {
            (Part::Claim, _) => {
                article.sequence = write.mark.sequence;
                article.claim = Some(write.mark.revision);
            }
            (Part::Text, TextWrite::Set(embedding)) => article.text = Some(embedding.clone()),
            (Part::Text, _) => article.text = None,
            (Part::Insert | Part::Whole | Part::Claimed, _) => article.set(write),
        }
    }
}

/// One call of a write of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The article is new.
    Insert,
    /// Facts without text.
    Whole,
    /// Takes the number for text and facts.
    Claim,
    Text,
    /// The facts after the text.
    Claimed,
}

impl Client {
    async fn read<T: Send + 'static>(
        &self,
        what: String,
        read: impl Fn(&Store) -> T + Send + 'static,
    ) -> Result<T, Failed> {
        self.call(what, move |world| read(&lock(&world.store))).await
    }

    async fn write_list(&self, article_id: &str, ranked: Ranked, what: String) -> Result<(), Failed> {
        let id = article_id.to_owned();
        let serve = move |world: &World| {
            let unchecked = world.unchecked(Weakness::ListsUnchecked);
            let done = lock(&world.store).put_list(&id, &ranked, unchecked);
            world.trace.note(|| format!("    {done}"));
        };
        self.call(what, serve).await
    }

    async fn facts(&self, write: &Arc<Facts>, part: Part) -> Result<(), Failed> {
        let write = Arc::clone(write);
        let what = format!("facts of {} {:?} {part:?} {:?}", write.article_id, write.mark, write.facts);
        self.call(what, move |world| world.write_facts(&write, part)).await
    }
}

#[async_trait]
impl Catalogue for Client {
    async fn article_state(&self, article_id: &str) -> Result<ArticleState, Failed> {
        let id = article_id.to_owned();
        let read = move |store: &Store| {
            let article = store.articles.get(&id);
            article.map(|article| (article.facts.clone(), article.sequence, article.claim.is_some()))
        };
        let article = self.read(format!("reads article {article_id}"), read).await?;
        let id = article_id.to_owned();
        let read = move |store: &Store| {
            let images =
                store.images_of(&id).map(|point| (point.image.image_id.clone(), point.image.clone()));
            images.collect::<BTreeMap<_, _>>()
        };
        let images = self.read(format!("reads images of {article_id}"), read).await?;
        let (facts, facts_sequence, text_unfinished) = article
            .map_or((None, 0, false), |(facts, sequence, unfinished)| (Some(facts), sequence, unfinished));
        Ok(ArticleState { facts, images, facts_sequence, text_unfinished })
    }

    async fn write_images(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
        writes: &[ImageWrite],
    ) -> Result<(), Failed> {
        // Each description is a call of its own, all others go together.
        let (described, upserted): (Vec<_>, Vec<_>) =
            writes.iter().cloned().partition(|write| matches!(write, ImageWrite::Described(_)));
        let mut calls: Vec<Vec<ImageWrite>> = described.into_iter().map(|write| vec![write]).collect();
        calls.extend((!upserted.is_empty()).then_some(upserted));
        for writes in calls {
            let images: Vec<_> = writes.iter().map(|write| format!("{:?}", write.image())).collect();
            let (id, facts) = (article_id.to_owned(), facts.clone());
            let serve = move |world: &World| {
                let unchecked = world.unchecked(Weakness::ImagesUnchecked);
                let mut store = lock(&world.store);
                writes.iter().for_each(|write| store.put(&id, &facts, write, unchecked));
            };
            self.call(format!("writes images of {article_id}: {}", images.join(", ")), serve).await?;
        }
        Ok(())
    }

    async fn write_filter_fields(&self, article_id: &str, facts: &ArticleFacts) -> Result<(), Failed> {
        let (id, facts) = (article_id.to_owned(), facts.clone());
        let what = format!("copies fields of {article_id} at {}", facts.fields_version());
        let serve = move |world: &World| {
            let unchecked = world.unchecked(Weakness::ImagesUnchecked);
            lock(&world.store).copy_fields(&id, &facts, unchecked);
        };
        self.call(what, serve).await
    }

    async fn write_facts(&self, write: FactsWrite<'_>) -> Result<(), Failed> {
        let FactsWrite { article_id, facts, text, version, mark } = write;
        let keeps = text == TextWrite::Keep;
        let write = Facts { article_id: article_id.to_owned(), facts: facts.clone(), text, version, mark };
        let write = Arc::new(write);
        if mark.sequence == 1 {
            self.facts(&write, Part::Insert).await?;
        }
        if keeps {
            return self.facts(&write, Part::Whole).await;
        }
        for part in [Part::Claim, Part::Text, Part::Claimed] {
            self.facts(&write, part).await?;
        }
        Ok(())
    }

    async fn facts_mark(&self, article_id: &str) -> Result<Option<FactsMark>, Failed> {
        let id = article_id.to_owned();
        let mark = move |store: &Store| {
            let article = store.articles.get(&id)?;
            Some(FactsMark { sequence: article.sequence, revision: article.revision })
        };
        self.read(format!("reads mark of {article_id}"), mark).await
    }

    async fn contents(&self, ids: &[String]) -> Result<BTreeMap<String, Content>, Failed> {
        let wanted = ids.to_vec();
        let contents = move |store: &Store| {
            let found = wanted.iter().filter_map(|id| Some((id.clone(), store.articles.get(id)?.content())));
            found.collect()
        };
        self.read(format!("reads contents of {ids:?}"), contents).await
    }

    async fn ranked(&self, article_id: &str) -> Result<Ranked, Failed> {
        let id = article_id.to_owned();
        self.read(format!("reads list of {article_id}"), move |store| store.list_of(&id)).await
    }

    async fn glance(&self, article_id: &str) -> Result<Glance, Failed> {
        let id = article_id.to_owned();
        self.read(format!("glances at {article_id}"), move |store| store.list_of(&id).glance()).await
    }

    async fn standings(&self, ids: &[String]) -> Result<Vec<Standing>, Failed> {
        let wanted = ids.to_vec();
        let bars = move |store: &Store| {
            let bar = |id: &String| (id.clone(), store.list_of(id).state.bar());
            wanted.iter().map(bar).collect::<BTreeMap<_, _>>()
        };
        let (contents, bars) =
            tokio::try_join!(self.contents(ids), self.read(format!("reads bars of {ids:?}"), bars))?;
        let standing = |(id, content): (String, Content)| Standing {
            bar: bars[&id],
            article_id: id,
            revision: content.revision,
        };
        Ok(contents.into_iter().map(standing).collect())
    }

    async fn profiles(&self, ids: &[String]) -> Result<HashMap<String, Profile>, Failed> {
        let (articles, images) = tokio::join!(
            self.read(format!("reads texts of {ids:?}"), search::articles(ids)),
            self.read(format!("reads sets of {ids:?}"), search::sets(ids)),
        );
        Ok(search::profiles(articles?, images?))
    }

    async fn candidates(&self, query: &CandidateQuery<'_>) -> Result<Candidates, Failed> {
        let Some(query) = search::Query::of(query) else { return Ok(Candidates::default()) };
        let query = Arc::new(query);
        let mut candidates = Candidates::default();
        if !query.article.images.is_empty() {
            let (query, what) =
                (Arc::clone(&query), format!("searches images near {}", query.article.article_id));
            candidates = self.read(what, move |store| query.near_images(store)).await?;
        }
        if query.with_text && query.article.text.is_some() {
            let what = format!("searches texts near {}", query.article.article_id);
            let texts = self.read(what, move |store| query.near_text(store)).await?;
            candidates.truncated_text = texts.truncated_text;
            candidates.article_ids.extend(texts.article_ids);
        }
        candidates.article_ids.sort_unstable();
        candidates.article_ids.dedup();
        Ok(candidates)
    }

    async fn low_bars(
        &self,
        query: &CandidateQuery<'_>,
        ceiling: f64,
        except: &[String],
    ) -> Result<(Vec<String>, bool), Failed> {
        let Some(query) = search::Query::of(query) else { return Ok((Vec::new(), false)) };
        let except = except.to_vec();
        let what = format!("searches bars up to {ceiling} for {}", query.article.article_id);
        self.read(what, move |store| query.low_bars(store, ceiling, &except)).await
    }

    async fn holders(&self, article_id: &str) -> Result<Vec<String>, Failed> {
        let id = article_id.to_owned();
        let holders = move |store: &Store| {
            let holders = store.lists.iter().filter(|(_, ranked)| ranked.state.holds.contains(&id));
            holders.map(|(holder, _)| holder.clone()).collect()
        };
        self.read(format!("reads holders of {article_id}"), holders).await
    }

    async fn claim(&self, article_id: &str, read: &Ranked, claim: &Claim<String>) -> Result<(), Failed> {
        let mut claimed = read.clone();
        claimed.state.claim(claim);
        self.write_list(article_id, claimed, format!("claims {article_id} after {} {claim:?}", read.writes))
            .await
    }

    async fn store(&self, article_id: &str, ranked: &Ranked) -> Result<(), Failed> {
        let ids = ranked.state.list.as_ref().map(|list| {
            list.entries.as_slice().iter().map(|entry| (entry.id.clone(), entry.score.0)).collect::<Vec<_>>()
        });
        let what = format!("stores {article_id} #{} after {} {ids:?}", ranked.state.sequence, ranked.writes);
        self.write_list(article_id, ranked.clone(), what).await
    }

    async fn publishing(&self, article_id: &str) -> Result<Ranked, Failed> {
        let ranked = self.ranked(article_id).await?;
        let RankState { sequence, mark, published, .. } = ranked.state;
        let state = RankState { sequence, mark, published, ..RankState::default() };
        Ok(Ranked { state, ..ranked })
    }

    async fn marked(&self, limit: usize) -> Result<Vec<(String, u64)>, Failed> {
        let marked = move |store: &Store| {
            let marked = store.lists.iter().filter(|(_, ranked)| ranked.state.mark != Mark::Clear);
            marked.take(limit).map(|(id, ranked)| (id.clone(), ranked.state.sequence)).collect()
        };
        self.read("reads marks".to_owned(), marked).await
    }

    async fn page(
        &self,
        from: Option<String>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<String>), Failed> {
        let page = move |store: &Store| {
            let mut ids = store.articles.range(from.clone().unwrap_or_default()..).map(|(id, _)| id.clone());
            let page: Vec<String> = ids.by_ref().take(limit).collect();
            (page, ids.next())
        };
        self.read("reads a page".to_owned(), page).await
    }
}
