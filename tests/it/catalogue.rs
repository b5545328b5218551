//! The catalogue in Qdrant, over the embedded server: stale writes are refused, reads
//! are complete, searches find every candidate.

mod reads;
mod searches;
mod variants;
mod writes;

use std::net::SocketAddr;

use list_maintenance::{Claim, Entries, Entry, List, Mark, Revision, Score, Sizes};
use lookalike::adapters::qdrant::{Catalogue, QdrantSettings, VectorShape};
use lookalike::domain::article::{ArticleFacts, Profile, StoredImage};
use lookalike::domain::embedding::Embedding;
use lookalike::domain::event::ArticleFields;
use lookalike::domain::list::{Explanation, RankState};
use lookalike::embedded::qdrant::QdrantServer;
use lookalike::ports::{Catalogue as _, FactsMark, FactsWrite, ImageWrite, Ranked, TextWrite};
use tempfile::TempDir;

const DIMENSION: usize = 3;
const SHAPE: VectorShape = VectorShape { dimension: DIMENSION, variants: false };
const SIZES: Sizes = Sizes { k: 1, kept: 2 };

struct Fixture {
    catalogue: Catalogue,
    settings: QdrantSettings,
    _server: QdrantServer,
    /// Last: removed after the server has let go of it.
    _folder: TempDir,
}

impl Fixture {
    async fn start() -> Self {
        Self::shaped(SHAPE).await
    }

    async fn shaped(shape: VectorShape) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = QdrantServer::start(folder.path(), any_port).await.unwrap();
        let settings = QdrantSettings {
            url: server.url(),
            api_key: None,
            prefix: "test".to_owned(),
            timeout_ms: 30_000,
            create_collections: true,
            replication_factor: 1,
        };
        let catalogue = Catalogue::connect(&settings, "encoder", SIZES).unwrap();
        catalogue.prepare(&settings, shape).await.unwrap();
        Self { catalogue, settings, _server: server, _folder: folder }
    }

    async fn images(&self, article: &str, writes: &[ImageWrite]) {
        self.catalogue.write_images(article, &ArticleFacts::default(), writes).await.unwrap();
    }

    /// The next write of an article's facts.
    async fn facts(&self, article_id: &str, facts: &ArticleFacts, text: TextWrite) {
        let before = self.catalogue.facts_mark(article_id).await.unwrap();
        let sequence = before.map_or(0, |mark| mark.sequence) + 1;
        self.facts_at(sequence, article_id, facts, text).await;
    }

    /// A write of an article's facts that may come late.
    async fn facts_at(&self, sequence: u64, article_id: &str, facts: &ArticleFacts, text: TextWrite) {
        let title = facts.fields.title.as_deref().unwrap_or_default();
        let revision = Revision(title.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte)));
        let mark = FactsMark { sequence, revision };
        let write = FactsWrite { article_id, facts, text, version: 1, mark };
        self.catalogue.write_facts(write).await.unwrap();
    }

    /// The stored version of image `i` of article `a`, and its first number while it
    /// is not deleted.
    async fn image(&self) -> (u64, bool, Option<f32>) {
        let state = self.catalogue.article_state("a").await.unwrap();
        let stored = &state.images["i"];
        let member = self.profile("a").await.and_then(|profile| profile.images.into_iter().next());
        (stored.version, stored.deleted, member.map(|member| member.embedding.own.as_slice()[0]))
    }

    async fn profile(&self, article: &str) -> Option<Profile> {
        self.catalogue.profiles(&[article.to_owned()]).await.unwrap().remove(article)
    }

    async fn rank(&self, article: &str) -> RankState {
        self.ranked(article).await.state
    }

    async fn ranked(&self, article: &str) -> Ranked {
        self.catalogue.ranked(article).await.unwrap()
    }

    /// Stores a state over the one that is there.
    async fn store(&self, article: &str, state: &RankState) {
        self.store_over(article, &self.ranked(article).await, state).await;
    }

    /// Stores a state by an owner who has read another.
    async fn store_over(&self, article: &str, read: &Ranked, state: &RankState) {
        let ranked =
            Ranked { state: state.clone(), published_version: 1, writes: read.writes, ..Ranked::default() };
        self.catalogue.store(article, &ranked).await.unwrap();
    }

    async fn claim(&self, article: &str, read: &Ranked, mark: Mark) {
        let sequence = read.state.sequence + 1;
        let claim = Claim { sequence, ranking: RANKING, mark, holds: vec!["claimed".to_owned()] };
        self.catalogue.claim(article, read, &claim).await.unwrap();
    }
}

fn unit(numbers: [f32; DIMENSION]) -> Embedding {
    Embedding::normalised(numbers.to_vec()).unwrap()
}

fn stored(image_id: &str, version: u64) -> StoredImage {
    StoredImage {
        image_id: image_id.to_owned(),
        version,
        deleted: false,
        uri: Some(format!("file:///{image_id}-{version}.png")),
        view: None,
        position: None,
        etag: None,
        content_hash: Some("hash".to_owned()),
    }
}

fn tombstone(image_id: &str, version: u64) -> StoredImage {
    StoredImage { deleted: true, uri: None, content_hash: None, ..stored(image_id, version) }
}

fn facts(title: &str, categories: &[&str], group: Option<&str>) -> ArticleFacts {
    ArticleFacts {
        fields: ArticleFields {
            title: Some(title.to_owned()),
            categories: categories.iter().map(|one| (*one).to_owned()).collect(),
            group: group.map(str::to_owned),
            ..ArticleFields::default()
        },
        text_version: Some(1),
        ..ArticleFacts::default()
    }
}

const RANKING: u64 = u64::MAX - 7;

/// A list of one neighbour.
fn ranked(neighbour: &str, sequence: u64) -> RankState {
    let explanation = Explanation { text_score: Some(0.1 + 0.2), version: 3, ..Explanation::default() };
    let entry = Entry {
        id: neighbour.to_owned(),
        score: Score(0.1 + 0.2),
        revision: Revision(u64::MAX),
        detail: explanation.into(),
    };
    RankState {
        sequence,
        ranking: RANKING,
        mark: Mark::Clear,
        list: Some(List { revision: Revision(9), entries: Entries::ranked(vec![entry], false, SIZES) }),
        holds: vec![neighbour.to_owned()],
        published: sequence,
    }
}
