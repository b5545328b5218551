//! The collections: created when missing, verified when present.
//!
//! Guarantee: after `prepare`, images and articles have collections with cosine vectors
//! of this encoder's dimension, with one or several vectors an image as the encoder gives
//! them; lists have one without vectors; and each has the payload indexes that the
//! filters need.
//!
//! Lists are written many times as often as what they are made of. A server moves a point
//! of an indexed segment when it changes, and builds the index anew when a fifth has
//! moved: so lists share no collection with vectors.

use qdrant_client::qdrant::{
    CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance, FieldType, MultiVectorComparator,
    MultiVectorConfigBuilder, VectorParams, VectorParamsBuilder, VectorsConfigBuilder, vectors_config,
};

use super::call::call;
use super::payload::key;
use super::{Catalogue, IMAGE_VECTOR, QdrantSettings, StoreError, TEXT_VECTOR, VectorShape};
use crate::metrics::QdrantOperation;

/// Conditional updates came with 1.16, insert-only upserts with 1.17. That before 1.19 a
/// restart could bring deleted points back (qdrant issue 9575, fixed by 9678) does no
/// harm here: points are never deleted, and a tombstone's vector is never compared.
const OLDEST_SERVER: (u32, u32) = (1, 17);

const IMAGE_INDEXES: [(&str, FieldType); 4] = [
    (key::ARTICLE_ID, FieldType::Keyword),
    (key::DELETED, FieldType::Bool),
    (key::CATEGORIES, FieldType::Keyword),
    (key::GROUP, FieldType::Keyword),
];
const ARTICLE_INDEXES: [(&str, FieldType); 4] = [
    (key::FACTS_SEQUENCE, FieldType::Integer),
    (key::IMAGE_COUNT, FieldType::Integer),
    (key::CATEGORIES, FieldType::Keyword),
    (key::GROUP, FieldType::Keyword),
];
const LIST_INDEXES: [(&str, FieldType); 5] = [
    (key::LIST_IDS, FieldType::Keyword),
    (key::DIRTY, FieldType::Bool),
    (key::SEARCHING, FieldType::Bool),
    (key::TAU, FieldType::Float),
    (key::WRITES, FieldType::Integer),
];

impl Catalogue {
    /// The server's name and version.
    pub async fn server(&self) -> Result<String, StoreError> {
        let reply = call(QdrantOperation::Admin, self.client.health_check()).await?;
        Ok(format!("{} {}", reply.title, reply.version))
    }

    /// A server that does not know conditional writes would carry them out without
    /// their condition.
    async fn verify_server(&self) -> Result<(), StoreError> {
        let found = call(QdrantOperation::Admin, self.client.health_check()).await?.version;
        let mut numbers = found.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
        let version = numbers.next().flatten().zip(numbers.next().flatten());
        match version {
            Some(version) if version >= OLDEST_SERVER => Ok(()),
            _ => Err(StoreError::OldServer { found, oldest: OLDEST_SERVER }),
        }
    }

    /// Creates or verifies the collections for vectors of this shape.
    pub async fn prepare(&self, settings: &QdrantSettings, shape: VectorShape) -> Result<(), StoreError> {
        self.verify_server().await?;
        let indexes = [IMAGE_INDEXES.as_slice(), &ARTICLE_INDEXES, &LIST_INDEXES];
        for (wanted, indexes) in self.wanted(shape).into_iter().zip(indexes) {
            let collection = wanted.collection;
            if !call(QdrantOperation::Admin, self.client.collection_exists(collection)).await? {
                if !settings.create_collections {
                    return Err(StoreError::MissingCollection { collection: collection.to_owned() });
                }
                self.create(settings, wanted).await?;
            }
            self.verify(wanted).await?;
            for (field, kind) in indexes {
                let index = CreateFieldIndexCollectionBuilder::new(collection, *field, *kind).wait(true);
                call(QdrantOperation::Admin, self.client.create_field_index(index)).await?;
            }
        }
        Ok(())
    }

    /// The collections as vectors of this shape need them. Texts have no variants.
    fn wanted(&self, shape: VectorShape) -> [Wanted<'_>; 3] {
        let text = VectorShape { variants: false, ..shape };
        [
            Wanted { collection: &self.images, vector: Some((IMAGE_VECTOR, shape)) },
            Wanted { collection: &self.articles, vector: Some((TEXT_VECTOR, text)) },
            Wanted { collection: &self.lists, vector: None },
        ]
    }

    async fn create(&self, settings: &QdrantSettings, wanted: Wanted<'_>) -> Result<(), StoreError> {
        let Wanted { collection, vector } = wanted;
        let mut vectors = VectorsConfigBuilder::default();
        if let Some((name, shape)) = vector {
            let mut parameters = VectorParamsBuilder::new(shape.dimension as u64, Distance::Cosine);
            if shape.variants {
                let closest = MultiVectorConfigBuilder::new(MultiVectorComparator::MaxSim);
                parameters = parameters.multivector_config(closest);
            }
            vectors.add_named_vector_params(name, parameters);
        }
        let create = CreateCollectionBuilder::new(collection)
            .vectors_config(vectors)
            .replication_factor(settings.replication_factor)
            // A write is answered when every copy has it, so any copy may be read.
            .write_consistency_factor(settings.replication_factor);
        match call(QdrantOperation::Admin, self.client.create_collection(create)).await {
            Ok(_) => Ok(()),
            // Another worker was first; what it made is verified like any other.
            Err(_) if call(QdrantOperation::Admin, self.client.collection_exists(collection)).await? => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Verifies the collections without creating anything; without a shape, that they exist.
    pub async fn verify_all(&self, shape: Option<VectorShape>) -> Result<(), StoreError> {
        for collection in self.collections() {
            if !call(QdrantOperation::Admin, self.client.collection_exists(collection)).await? {
                return Err(StoreError::MissingCollection { collection: collection.to_owned() });
            }
        }
        for wanted in shape.into_iter().flat_map(|shape| self.wanted(shape)) {
            self.verify(wanted).await?;
        }
        Ok(())
    }

    async fn verify(&self, wanted: Wanted<'_>) -> Result<(), StoreError> {
        let Wanted { collection, vector: Some((vector, shape)) } = wanted else { return Ok(()) };
        let wrong = |found: String| StoreError::WrongCollection {
            collection: collection.to_owned(),
            found,
            needed: format!("vector {vector:?} of {}", in_words(shape, "cosine")),
        };
        let info = call(QdrantOperation::Admin, self.client.collection_info(collection)).await?.result;
        let vectors = info
            .and_then(|info| info.config?.params?.vectors_config?.config)
            .ok_or_else(|| wrong("no vectors".to_owned()))?;
        let vectors_config::Config::ParamsMap(named) = vectors else {
            return Err(wrong("one unnamed vector".to_owned()));
        };
        let parameters = named.map.get(vector).ok_or_else(|| wrong("no such vector".to_owned()))?;
        let found = shape_of(parameters);
        if found == shape && parameters.distance() == Distance::Cosine {
            return Ok(());
        }
        Err(wrong(in_words(found, &parameters.distance().as_str_name().to_lowercase())))
    }
}

/// A collection and its one vector, if it has any.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    collection: &'a str,
    vector: Option<(&'static str, VectorShape)>,
}

fn shape_of(parameters: &VectorParams) -> VectorShape {
    // A matrix has one comparator only, the largest product of each row of the query.
    VectorShape { dimension: parameters.size as usize, variants: parameters.multivector_config.is_some() }
}

fn in_words(shape: VectorShape, distance: &str) -> String {
    let number = if shape.variants { "several (encoder.vision.augmentations)" } else { "one" };
    format!("{} dimensions, {distance}, {number} a point", shape.dimension)
}
