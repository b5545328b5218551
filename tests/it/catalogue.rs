//! The catalogue in Qdrant, over the embedded server: stale writes are refused, reads
//! are complete, searches find every candidate.

mod reads;
mod searches;
mod writes;

use std::net::SocketAddr;

use lookalike::adapters::qdrant::{Catalogue, FactsWrite, ImageWrite, QdrantSettings, TextWrite};
use lookalike::domain::article::{ArticleFacts, StoredImage};
use lookalike::domain::embedding::Embedding;
use lookalike::domain::event::ArticleFields;
use lookalike::domain::list::{Neighbour, NeighbourList, RankState, Unmatched};
use lookalike::embedded::qdrant::QdrantServer;
use tempfile::TempDir;

const DIMENSION: usize = 3;

struct Fixture {
    catalogue: Catalogue,
    settings: QdrantSettings,
    _server: QdrantServer,
    /// Last: removed after the server has let go of it.
    _folder: TempDir,
}

impl Fixture {
    async fn start() -> Self {
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
        let catalogue = Catalogue::connect(&settings, "encoder").unwrap();
        catalogue.prepare(&settings, DIMENSION).await.unwrap();
        Self { catalogue, settings, _server: server, _folder: folder }
    }

    async fn images(&self, article: &str, writes: &[ImageWrite]) {
        self.catalogue.write_images(article, &ArticleFacts::default(), writes).await.unwrap();
    }

    async fn facts(&self, article_id: &str, facts: &ArticleFacts, text: TextWrite, exists: bool) {
        self.facts_at(1, article_id, facts, text, exists).await;
    }

    async fn facts_at(
        &self,
        revision: u64,
        article_id: &str,
        facts: &ArticleFacts,
        text: TextWrite,
        exists: bool,
    ) {
        let write = FactsWrite { article_id, facts, revision, text, exists };
        self.catalogue.write_facts(write).await.unwrap();
    }

    /// The stored version of image `i` of article `a`, and its first number while it
    /// is not deleted.
    async fn image(&self) -> (u64, bool, Option<f32>) {
        let state = self.catalogue.article_state("a").await.unwrap();
        let stored = &state.images["i"];
        let views = self.catalogue.articles_by_id(&["a".to_owned()]).await.unwrap();
        let member = views.get("a").and_then(|view| view.profile.images.first());
        (stored.version, stored.deleted, member.map(|member| member.embedding.as_slice()[0]))
    }

    async fn rank(&self, article: &str) -> RankState {
        self.catalogue.article_with_list(article).await.unwrap().unwrap().rank
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

/// A list of one neighbour.
fn ranked(article: &str, neighbour: &str, sequence: u64) -> RankState {
    let neighbour = Neighbour {
        article_id: neighbour.to_owned(),
        score: 0.1 + 0.2,
        image_score: None,
        text_score: Some(0.1 + 0.2),
        coverage: None,
        pairs: Vec::new(),
        unmatched: Unmatched::default(),
        version: 3,
    };
    let list =
        NeighbourList { article_id: article.to_owned(), sequence, version: 1, neighbours: vec![neighbour] };
    RankState {
        sequence,
        dirty: false,
        ranking: Some("r".to_owned()),
        tau: Some(0.1 + 0.2),
        list: Some(list),
    }
}
