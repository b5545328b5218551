//! Images with variants: one point each, found by the closest of all, on either side.

use lookalike::adapters::qdrant::{StoreError, VectorShape};
use lookalike::domain::article::ArticleFacts;
use lookalike::domain::embedding::ImageEmbedding;
use lookalike::ports::{Catalogue as _, ImageWrite, TextWrite};

use super::searches::found;
use super::{DIMENSION, Fixture, SHAPE, facts, stored, tombstone, unit};

const X: [f32; DIMENSION] = [1.0, 0.0, 0.0];
const Y: [f32; DIMENSION] = [0.0, 1.0, 0.0];
const Z: [f32; DIMENSION] = [0.0, 0.0, 1.0];
const BETWEEN: [f32; DIMENSION] = [0.0, 0.6, 0.8];
const AUGMENTED: VectorShape = VectorShape { variants: true, ..SHAPE };

fn embedding(own: [f32; DIMENSION], variants: &[[f32; DIMENSION]]) -> ImageEmbedding {
    ImageEmbedding { own: unit(own), variants: variants.iter().copied().map(unit).collect() }
}

fn one_image() -> ArticleFacts {
    ArticleFacts { image_count: 1, ..facts("title", &[], None) }
}

async fn write(fixture: &Fixture, id: &str, write: ImageWrite) {
    fixture.catalogue.write_images(id, &one_image(), &[write]).await.unwrap();
}

async fn article(fixture: &Fixture, id: &str, embedding: ImageEmbedding) {
    write(fixture, id, ImageWrite::Embedded(stored("i", 1), embedding)).await;
    fixture.facts(id, &one_image(), TextWrite::Keep).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_closest_variants_of_both_sides_find_each_other() {
    let fixture = Fixture::shaped(AUGMENTED).await;
    let all = [
        ("own-y", embedding(Y, &[X, X])),
        ("variant-y", embedding(X, &[X, Y])),
        ("neither", embedding(X, &[Z, Z])),
        ("near", embedding(BETWEEN, &[BETWEEN, BETWEEN])),
    ];
    for (id, embedding) in all.clone() {
        article(&fixture, id, embedding).await;
    }
    for (id, embedding) in all {
        let stored = fixture.profile(id).await.unwrap().images.remove(0).embedding;
        assert_eq!(stored, embedding, "{id}: as it was written, in order");
    }
    // Of "near", Y is at 0.6 and Z at 0.8; X is at 0.
    let reaching = async |id, threshold| found(&fixture, id, |query| query.threshold = Some(threshold)).await;
    assert_eq!(reaching("own-y", 0.99).await, ["neither", "variant-y"]);
    assert_eq!(reaching("near", 0.5).await, ["neither", "own-y", "variant-y"]);
    assert_eq!(reaching("near", 0.7).await, ["neither"]);
    assert_eq!(reaching("neither", 0.7).await, ["near", "own-y", "variant-y"]);
    // A truncated search leaves out nothing above its ceiling.
    let profile = fixture.profile("near").await.unwrap();
    let query = lookalike::ports::CandidateQuery {
        article: &profile,
        threshold: None,
        limit: 1,
        exact: true,
        with_text: false,
        restriction: lookalike::ports::Restriction::default(),
    };
    let cut = fixture.catalogue.candidates(&query).await.unwrap();
    assert_eq!(cut.article_ids, ["neither"]);
    let truncated = cut.truncated_images.unwrap();
    assert_eq!(truncated.searches, 3, "one for each embedding");
    assert!((0.6..0.81).contains(&truncated.ceiling), "{truncated:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_image_loses_its_variants_and_a_new_one_replaces_them() {
    let fixture = Fixture::shaped(AUGMENTED).await;
    article(&fixture, "a", embedding(X, &[Y])).await;
    article(&fixture, "b", embedding(Y, &[Y])).await;
    assert_eq!(found(&fixture, "b", |_| {}).await, ["a"]);
    write(&fixture, "a", ImageWrite::Embedded(stored("i", 2), embedding(X, &[Z]))).await;
    assert_eq!(fixture.profile("a").await.unwrap().images[0].embedding, embedding(X, &[Z]));
    assert!(found(&fixture, "b", |_| {}).await.is_empty());
    write(&fixture, "a", ImageWrite::Tombstone(tombstone("i", 3))).await;
    assert!(fixture.profile("a").await.unwrap().images.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_with_variants_is_refused_without_them() {
    let fixture = Fixture::shaped(AUGMENTED).await;
    assert!(fixture.catalogue.verify_all(Some(AUGMENTED)).await.is_ok());
    fixture.catalogue.prepare(&fixture.settings, AUGMENTED).await.unwrap();
    let refused = fixture.catalogue.prepare(&fixture.settings, SHAPE).await;
    let Err(error @ StoreError::WrongCollection { .. }) = refused else { panic!("{refused:?}") };
    let message = error.to_string();
    assert!(message.contains("encoder: 3 dimensions, cosine, several"), "{message}");
    assert!(message.contains("needed vector \"image\" of 3 dimensions, cosine, one a point"), "{message}");
}
