//! What stored variants cost behind the encoder: bytes in the store, candidate searches,
//! comparisons of two sets.
//!
//! `tools/bench_encoder/augmentation.py` drives this line by line: a command as JSON on
//! standard input, its answer as JSON on standard output. Vectors are random: neither an
//! exact search nor a comparison takes longer for others.

#[path = "../crates/set-similarity/benches/similarity/clock.rs"]
mod clock;

use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use list_maintenance::Sizes;
use lookalike::adapters::qdrant::{Catalogue, QdrantSettings, VectorShape};
use lookalike::domain::article::{ArticleFacts, Member, Profile, StoredImage};
use lookalike::domain::embedding::{Embedding, ImageEmbedding};
use lookalike::embedded::qdrant::QdrantServer;
use lookalike::ports::{CandidateQuery, Catalogue as _, ImageWrite, Restriction};
use lookalike::similarity::Packed;
use lookalike::similarity::compare::Comparison;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clock::cpu_time;

/// As CLIP ViT-B/32 has them.
const DIMENSION: usize = 512;
const IMAGES: usize = 5;
/// Articles written at the same time, as by the jobs of a worker.
const WRITES_AT_ONCE: usize = 16;
/// Sets that are compared in turn: few enough to stay in the processor's cache.
const SETS: usize = 16;
/// The defaults of the worker.
const THRESHOLD: f64 = 0.0;
const CANDIDATE_LIMIT: usize = 1000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
enum Command {
    /// A store of so many articles, their images with so many variants.
    Fill { articles: usize, variants: usize },
    /// Candidate searches for articles, one after the other.
    Search { searches: usize },
    /// Comparisons of two sets on one thread, until it has run that long on its processor.
    Compare { milliseconds: u64 },
}

/// A filled store.
struct Shop {
    catalogue: Catalogue,
    profiles: Vec<Profile>,
    _server: QdrantServer,
    /// Last: removed after the server has let go of it.
    _folder: TempDir,
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut output = std::io::stdout().lock();
    let mut shop = None;
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?)
            .map_err(Failure::from)
            .and_then(|command| runtime.block_on(answer(command, &mut shop)))
            .unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

async fn answer(command: Command, shop: &mut Option<Shop>) -> Result<Value, Failure> {
    if let Command::Fill { articles, variants } = command {
        let (filled, bytes) = fill(articles, variants).await?;
        *shop = Some(filled);
        return Ok(json!({"bytes_an_image": bytes as f64 / (articles * IMAGES) as f64}));
    }
    let shop = shop.as_ref().ok_or("nothing is filled in")?;
    match command {
        Command::Fill { .. } => Err("handled before".into()),
        Command::Search { searches } => search(shop, searches).await,
        Command::Compare { milliseconds } => compare(shop, milliseconds),
    }
}

/// Answers the store and the bytes that its images take on the disk.
async fn fill(articles: usize, variants: usize) -> Result<(Shop, u64), Failure> {
    let folder = tempfile::tempdir()?;
    let profiles: Vec<Profile> = (0..articles).map(|at| profile(at, variants)).collect();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = QdrantServer::start(folder.path(), any_port).await?;
    let (catalogue, settings) = connect(&server)?;
    catalogue.prepare(&settings, VectorShape { dimension: DIMENSION, variants: variants > 0 }).await?;
    stream::iter(profiles.iter().map(|profile| write(&catalogue, profile)))
        .buffer_unordered(WRITES_AT_ONCE)
        .try_collect::<()>()
        .await?;
    // Stopped and started again, so that all is written out and no log is left to count.
    server.shutdown().await?;
    let bytes = bytes_of_vectors(folder.path())?;
    let server = QdrantServer::start(folder.path(), any_port).await?;
    let (catalogue, _) = connect(&server)?;
    Ok((Shop { catalogue, profiles, _server: server, _folder: folder }, bytes))
}

fn connect(server: &QdrantServer) -> Result<(Catalogue, QdrantSettings), Failure> {
    let settings = QdrantSettings {
        url: server.url(),
        api_key: None,
        prefix: "bench".to_owned(),
        timeout_ms: 60_000,
        create_collections: true,
        replication_factor: 1,
    };
    Ok((Catalogue::connect(&settings, "random", Sizes { k: 10, kept: 20 })?, settings))
}

fn profile(article: usize, variants: usize) -> Profile {
    let mut random = StdRng::seed_from_u64(article as u64);
    let images = (0..IMAGES).map(|image| Member {
        image_id: format!("image-{image}"),
        view: None,
        position: None,
        version: 1,
        embedding: ImageEmbedding {
            own: direction(&mut random),
            variants: (0..variants).map(|_| direction(&mut random)).collect(),
        },
    });
    Profile {
        article_id: format!("article-{article}"),
        categories: Vec::new(),
        group: None,
        version: 1,
        images: images.collect(),
        text: None,
    }
}

fn direction(random: &mut StdRng) -> Embedding {
    let numbers = (0..DIMENSION).map(|_| random.random_range(-1.0..1.0)).collect();
    Embedding::normalised(numbers).expect("random numbers are not all zero")
}

async fn write(catalogue: &Catalogue, profile: &Profile) -> Result<(), Failure> {
    let writes: Vec<ImageWrite> = profile.images.iter().map(written).collect();
    Ok(catalogue.write_images(&profile.article_id, &ArticleFacts::default(), &writes).await?)
}

fn written(member: &Member) -> ImageWrite {
    let image = StoredImage {
        image_id: member.image_id.clone(),
        version: 1,
        deleted: false,
        uri: Some(format!("s3://pictures/{}.jpg", member.image_id)),
        view: None,
        position: None,
        etag: None,
        content_hash: Some("0".repeat(64)),
    };
    ImageWrite::Embedded(image, member.embedding.clone())
}

/// Blocks on the disk of every file below a folder for vectors, in bytes.
fn bytes_of_vectors(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            bytes += bytes_of_vectors(&path)?;
        } else if path
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("vector_storage"))
        {
            // Blocks of `stat` have 512 bytes.
            bytes += 512 * path.metadata()?.blocks();
        }
    }
    Ok(bytes)
}

async fn search(shop: &Shop, searches: usize) -> Result<Value, Failure> {
    let begun = Instant::now();
    for profile in shop.profiles.iter().cycle().take(searches) {
        let query = CandidateQuery {
            article: profile,
            threshold: Some(THRESHOLD),
            limit: CANDIDATE_LIMIT,
            exact: true,
            with_text: false,
            restriction: Restriction::default(),
        };
        black_box(shop.catalogue.candidates(&query).await?);
    }
    Ok(json!({"searches": searches, "seconds": begun.elapsed().as_secs_f64()}))
}

fn compare(shop: &Shop, milliseconds: u64) -> Result<Value, Failure> {
    let sets = shop.profiles.iter().take(SETS).map(|profile| Packed::of(profile, DIMENSION));
    let sets = sets.collect::<Result<Vec<_>, _>>()?;
    let comparison = Comparison::default();
    let mut comparer = comparison.comparer();
    let (own, others) = sets.split_first().ok_or("no articles")?;
    let (begun, limit) = (cpu_time(), Duration::from_millis(milliseconds));
    let mut pairs = 0_u64;
    while cpu_time() - begun < limit {
        for other in others {
            black_box(comparer.compare(own, other));
        }
        pairs += others.len() as u64;
    }
    Ok(json!({"pairs": pairs, "seconds": (cpu_time() - begun).as_secs_f64()}))
}
