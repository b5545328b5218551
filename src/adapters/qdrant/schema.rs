//! The two collections: created when missing, verified when present.
//!
//! Guarantee: after `prepare`, both collections exist with cosine vectors of this
//! encoder's dimension and with the payload indexes that the filters need.

use qdrant_client::qdrant::{
    CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance, FieldType, VectorParamsBuilder,
    VectorsConfigBuilder, vectors_config,
};

use super::call::call;
use super::payload::key;
use super::{Catalogue, IMAGE_VECTOR, QdrantSettings, StoreError, TEXT_VECTOR};
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
const ARTICLE_INDEXES: [(&str, FieldType); 9] = [
    (key::LIST_IDS, FieldType::Keyword),
    (key::DIRTY, FieldType::Bool),
    (key::SEARCHING, FieldType::Bool),
    (key::TAU, FieldType::Float),
    (key::WRITES, FieldType::Integer),
    (key::FACTS_SEQUENCE, FieldType::Integer),
    (key::IMAGE_COUNT, FieldType::Integer),
    (key::CATEGORIES, FieldType::Keyword),
    (key::GROUP, FieldType::Keyword),
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

    /// Creates or verifies both collections for vectors of `dimension`.
    pub async fn prepare(&self, settings: &QdrantSettings, dimension: usize) -> Result<(), StoreError> {
        self.verify_server().await?;
        let parts = [
            (&self.images, IMAGE_VECTOR, IMAGE_INDEXES.as_slice()),
            (&self.articles, TEXT_VECTOR, ARTICLE_INDEXES.as_slice()),
        ];
        for (collection, vector, indexes) in parts {
            if !call(QdrantOperation::Admin, self.client.collection_exists(collection)).await? {
                if !settings.create_collections {
                    return Err(StoreError::MissingCollection { collection: collection.clone() });
                }
                self.create(settings, collection, vector, dimension).await?;
            }
            self.verify(collection, vector, dimension).await?;
            for (field, kind) in indexes {
                let index = CreateFieldIndexCollectionBuilder::new(collection, *field, *kind).wait(true);
                call(QdrantOperation::Admin, self.client.create_field_index(index)).await?;
            }
        }
        Ok(())
    }

    async fn create(
        &self,
        settings: &QdrantSettings,
        collection: &str,
        vector: &str,
        dimension: usize,
    ) -> Result<(), StoreError> {
        let mut vectors = VectorsConfigBuilder::default();
        let parameters = VectorParamsBuilder::new(dimension as u64, Distance::Cosine);
        vectors.add_named_vector_params(vector, parameters);
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

    /// Verifies both collections without creating anything.
    /// Without a dimension, that both exist.
    pub async fn verify_all(&self, dimension: Option<usize>) -> Result<(), StoreError> {
        for (collection, vector) in [(&self.images, IMAGE_VECTOR), (&self.articles, TEXT_VECTOR)] {
            if !call(QdrantOperation::Admin, self.client.collection_exists(collection)).await? {
                return Err(StoreError::MissingCollection { collection: collection.clone() });
            }
            if let Some(dimension) = dimension {
                self.verify(collection, vector, dimension).await?;
            }
        }
        Ok(())
    }

    async fn verify(&self, collection: &str, vector: &str, dimension: usize) -> Result<(), StoreError> {
        let wrong = |found: String| StoreError::WrongCollection {
            collection: collection.to_owned(),
            found,
            needed: format!("vector {vector:?} of {dimension} dimensions, cosine"),
        };
        let info = call(QdrantOperation::Admin, self.client.collection_info(collection)).await?.result;
        let vectors = info
            .and_then(|info| info.config?.params?.vectors_config?.config)
            .ok_or_else(|| wrong("no vectors".to_owned()))?;
        let vectors_config::Config::ParamsMap(named) = vectors else {
            return Err(wrong("one unnamed vector".to_owned()));
        };
        let parameters = named.map.get(vector).ok_or_else(|| wrong("no such vector".to_owned()))?;
        let fits = parameters.size == dimension as u64 && parameters.distance() == Distance::Cosine;
        if fits {
            return Ok(());
        }
        let distance = parameters.distance().as_str_name();
        Err(wrong(format!("{} dimensions, {distance}", parameters.size)))
    }
}
