//! What a collection was created with. Written once, next to its data.

use std::collections::{BTreeMap, HashMap};

use qdrant_client::qdrant::{
    CollectionConfig, CollectionParams, CreateCollection, Datatype, Distance as ProtoDistance,
    HnswConfigDiff, MultiVectorComparator as ProtoComparator, MultiVectorConfig as ProtoMultiConfig,
    OptimizersConfigDiff, ShardingMethod, VectorParams, VectorParamsMap, VectorsConfig, WalConfigDiff,
    vectors_config,
};
use qdrant_edge::{
    Distance, EdgeConfig, EdgeOptimizersConfig, EdgeVectorParams, MultiVectorConfig, OperationError,
    VectorPersisted, WalOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tonic::Status;

use super::convert::{engine_status, payload};

/// Qdrant's largest vector.
const MAX_DIMENSIONS: u64 = 65_536;

/// Qdrant's limit on vector names, in bytes: they become folder names.
const MAX_VECTOR_NAME_BYTES: usize = 200;

/// Characters Qdrant refuses in names of collections and vectors.
const REFUSED_CHARACTERS: [char; 11] = ['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\0', '\u{1F}'];

/// Size of one file of the engine's own log; its default is 32 MiB.
const ENGINE_LOG_FILE_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectionSettings {
    /// By name; the unnamed vector has the name `""`.
    vectors: BTreeMap<String, VectorSettings>,
    metadata: Map<String, Json>,
    shard_number: u32,
    replication_factor: u32,
    write_consistency_factor: u32,
    on_disk_payload: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorSettings {
    size: usize,
    distance: Distance,
    /// A point has a matrix: the largest product with any of its rows counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    multi: bool,
}

impl CollectionSettings {
    /// Checks a request. Options that only tune speed or placement are accepted
    /// and have no effect here; options that would change results are refused.
    pub(super) fn from_request(request: CreateCollection) -> Result<CollectionSettings, Status> {
        let refused = [
            (request.sparse_vectors_config.is_some_and(|sparse| !sparse.map.is_empty()), "sparse vectors"),
            (request.quantization_config.is_some(), "quantization"),
            (request.strict_mode_config.is_some(), "strict mode"),
            (request.sharding_method == Some(ShardingMethod::Custom.into()), "custom sharding"),
        ];
        if let Some((_, what)) = refused.iter().find(|(set, _)| *set) {
            return Err(Status::invalid_argument(format!("the embedded Qdrant server has no {what}")));
        }
        let vectors = match request.vectors_config.and_then(|vectors| vectors.config) {
            None => HashMap::new(),
            Some(vectors_config::Config::Params(single)) => HashMap::from([(String::new(), single)]),
            Some(vectors_config::Config::ParamsMap(named)) => named.map,
        };
        #[expect(deprecated, reason = "the protocol still reports it")]
        let on_disk_payload = request.on_disk_payload.unwrap_or(true);
        Ok(CollectionSettings {
            vectors: vectors
                .into_iter()
                .map(|(name, params)| {
                    let settings = VectorSettings::from_request(&name, &params)?;
                    Ok((name, settings))
                })
                .collect::<Result<_, Status>>()?,
            metadata: payload::to_map(request.metadata)?,
            shard_number: request.shard_number.unwrap_or(1),
            replication_factor: request.replication_factor.unwrap_or(1),
            write_consistency_factor: request.write_consistency_factor.unwrap_or(1),
            on_disk_payload,
        })
    }

    /// `INVALID_ARGUMENT` in Qdrant's words unless the collection has this vector
    /// with this many dimensions. A matrix takes a single vector as its only row.
    pub(super) fn check_vector(&self, name: &str, vector: &VectorPersisted) -> Result<(), Status> {
        let expected = self.vector(name)?;
        let rows = match vector {
            VectorPersisted::Dense(numbers) => std::slice::from_ref(numbers),
            VectorPersisted::MultiDense(rows) if expected.multi => rows,
            VectorPersisted::MultiDense(_) => return Err(engine_status(OperationError::WrongMulti)),
            VectorPersisted::Sparse(_) => return Err(engine_status(OperationError::WrongSparse)),
        };
        if rows.is_empty() {
            return Err(Status::invalid_argument("multi vector must not be empty"));
        }
        let expected_dim = expected.size;
        match rows.iter().find(|row| row.len() != expected_dim) {
            None => Ok(()),
            Some(row) => {
                let received_dim = row.len();
                Err(engine_status(OperationError::WrongVectorDimension { expected_dim, received_dim }))
            }
        }
    }

    pub(super) fn check_name(&self, name: &str) -> Result<(), Status> {
        self.vector(name).map(drop)
    }

    fn vector(&self, name: &str) -> Result<&VectorSettings, Status> {
        self.vectors.get(name).ok_or_else(|| {
            engine_status(OperationError::VectorNameNotExists { received_name: name.to_owned() })
        })
    }

    pub(super) fn engine_config(&self) -> EdgeConfig {
        let vectors =
            self.vectors.iter().map(|(name, settings)| (name.clone(), settings.engine_params())).collect();
        EdgeConfig {
            on_disk_payload: self.on_disk_payload,
            vectors,
            // Zero: never build an index.
            optimizers: EdgeOptimizersConfig {
                indexing_threshold: Some(0),
                ..EdgeOptimizersConfig::default()
            },
            wal_options: Some(WalOptions {
                segment_capacity: ENGINE_LOG_FILE_BYTES,
                ..WalOptions::default()
            }),
            ..EdgeConfig::default()
        }
    }

    pub(super) fn report(&self) -> CollectionConfig {
        let mut map: HashMap<String, VectorParams> =
            self.vectors.iter().map(|(name, settings)| (name.clone(), settings.report())).collect();
        let config = match map.remove("") {
            Some(single) if map.is_empty() => vectors_config::Config::Params(single),
            Some(unnamed) => {
                map.insert(String::new(), unnamed);
                vectors_config::Config::ParamsMap(VectorParamsMap { map })
            }
            None => vectors_config::Config::ParamsMap(VectorParamsMap { map }),
        };
        #[expect(deprecated, reason = "the protocol still reports it")]
        let params = CollectionParams {
            shard_number: self.shard_number,
            on_disk_payload: self.on_disk_payload,
            vectors_config: Some(VectorsConfig { config: Some(config) }),
            replication_factor: Some(self.replication_factor),
            write_consistency_factor: Some(self.write_consistency_factor),
            ..CollectionParams::default()
        };
        CollectionConfig {
            params: Some(params),
            hnsw_config: Some(HnswConfigDiff::default()),
            optimizer_config: Some(OptimizersConfigDiff {
                indexing_threshold: Some(0),
                ..OptimizersConfigDiff::default()
            }),
            wal_config: Some(WalConfigDiff::default()),
            quantization_config: None,
            strict_mode_config: None,
            metadata: payload::from_map(self.metadata.clone()),
        }
    }
}

impl VectorSettings {
    fn from_request(name: &str, params: &VectorParams) -> Result<VectorSettings, Status> {
        if name.len() > MAX_VECTOR_NAME_BYTES {
            return Err(Status::invalid_argument(format!(
                "vector name of {} bytes is longer than {MAX_VECTOR_NAME_BYTES}",
                name.len()
            )));
        }
        check_characters(name, "vector name")?;
        if params.size == 0 || params.size > MAX_DIMENSIONS {
            return Err(Status::invalid_argument(format!(
                "vector `{name}` has size {}, it must be from 1 to {MAX_DIMENSIONS}",
                params.size
            )));
        }
        let plain = [Datatype::Default, Datatype::Float32].map(i32::from);
        let datatype = params.datatype.is_none_or(|datatype| plain.contains(&datatype));
        if !datatype || params.quantization_config.is_some() {
            return Err(Status::invalid_argument(format!(
                "vector `{name}`: the embedded Qdrant server has only 32-bit float vectors"
            )));
        }
        let multi = match params.multivector_config {
            None => false,
            Some(config) if config.comparator == i32::from(ProtoComparator::MaxSim) => true,
            Some(_) => {
                return Err(Status::invalid_argument(format!("vector `{name}` has no known comparator")));
            }
        };
        let distance = match ProtoDistance::try_from(params.distance) {
            Ok(ProtoDistance::Cosine) => Distance::Cosine,
            Ok(ProtoDistance::Euclid) => Distance::Euclid,
            Ok(ProtoDistance::Dot) => Distance::Dot,
            Ok(ProtoDistance::Manhattan) => Distance::Manhattan,
            Ok(ProtoDistance::UnknownDistance) | Err(_) => {
                return Err(Status::invalid_argument(format!("vector `{name}` has no known distance")));
            }
        };
        let size = usize::try_from(params.size)
            .map_err(|_| Status::invalid_argument("vector size exceeds the address space"))?;
        Ok(VectorSettings { size, distance, multi })
    }

    fn report(self) -> VectorParams {
        let distance = match self.distance {
            Distance::Cosine => ProtoDistance::Cosine,
            Distance::Euclid => ProtoDistance::Euclid,
            Distance::Dot => ProtoDistance::Dot,
            Distance::Manhattan => ProtoDistance::Manhattan,
        };
        VectorParams {
            size: self.size as u64,
            distance: distance.into(),
            multivector_config: self
                .multi
                .then(|| ProtoMultiConfig { comparator: ProtoComparator::MaxSim.into() }),
            ..VectorParams::default()
        }
    }

    fn engine_params(self) -> EdgeVectorParams {
        let params = EdgeVectorParams::builder(self.size, self.distance);
        // The engine's only comparator, too, is the largest product.
        if self.multi { params.multivector_config(MultiVectorConfig::default()) } else { params }.build()
    }
}

/// Qdrant's rules for collection names; `.` and `..` would leave the directory.
pub(super) fn check_collection_name(name: &str) -> Result<(), Status> {
    if name.is_empty() || name.len() > 255 || name == "." || name == ".." {
        return Err(Status::invalid_argument(format!(
            "`{name}` is no collection name: it needs 1 to 255 bytes and may not be `.` or `..`"
        )));
    }
    check_characters(name, "collection name")
}

fn check_characters(name: &str, what: &str) -> Result<(), Status> {
    match name.chars().find(|character| REFUSED_CHARACTERS.contains(character)) {
        None => Ok(()),
        Some(character) => Err(Status::invalid_argument(format!("{what} cannot contain {character:?} char"))),
    }
}
