//! Point ids, vectors, and points as they come back.

use std::collections::HashMap;

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    DenseVector, NamedVectorsOutput, PointId as ProtoId, RetrievedPoint, ScoredPoint as ProtoScored, Vector,
    VectorOutput, Vectors, VectorsOutput, WithVectorsSelector, vector, vector_output, vectors_output,
    with_vectors_selector::SelectorOptions,
};
use qdrant_edge::external::uuid::Uuid;
use qdrant_edge::{
    PointId, Record, ScoredPoint, VectorInternal, VectorPersisted, VectorStructInternal,
    VectorStructPersisted, WithVector,
};
use tonic::Status;

use super::payload;

pub(in super::super) fn id_to_engine(id: ProtoId) -> Result<PointId, Status> {
    match id.point_id_options {
        Some(PointIdOptions::Num(number)) => Ok(PointId::NumId(number)),
        Some(PointIdOptions::Uuid(text)) => Uuid::parse_str(&text)
            .map(PointId::Uuid)
            .map_err(|_| Status::invalid_argument(format!("Unable to parse UUID: {text}"))),
        None => Err(Status::invalid_argument("a point id is empty")),
    }
}

pub(in super::super) fn id_from_engine(id: PointId) -> ProtoId {
    let options = match id {
        PointId::NumId(number) => PointIdOptions::Num(number),
        PointId::Uuid(uuid) => PointIdOptions::Uuid(uuid.to_string()),
    };
    ProtoId { point_id_options: Some(options) }
}

/// The vectors of a point by name; the unnamed one has the name `""`.
pub(in super::super) fn named_vectors(vectors: Vectors) -> Result<Vec<(String, Vec<f32>)>, Status> {
    match vectors.vectors_options {
        Some(VectorsOptions::Vector(single)) => Ok(vec![(String::new(), dense(single)?)]),
        Some(VectorsOptions::Vectors(named)) => {
            named.vectors.into_iter().map(|(name, vector)| Ok((name, dense(vector)?))).collect()
        }
        None => Err(Status::invalid_argument("No Vector Provided")),
    }
}

pub(in super::super) fn vectors_to_engine(vectors: Vectors) -> Result<VectorStructPersisted, Status> {
    let named = named_vectors(vectors)?;
    let named = named.into_iter().map(|(name, data)| (name, VectorPersisted::Dense(data))).collect();
    Ok(VectorStructPersisted::Named(named))
}

/// Older clients fill the deprecated flat field instead of the variant.
#[expect(deprecated, reason = "the protocol still allows the flat form")]
fn dense(vector: Vector) -> Result<Vec<f32>, Status> {
    match vector.vector {
        Some(vector::Vector::Dense(dense)) => Ok(dense.data),
        None if vector.indices.is_none() && vector.vectors_count.is_none() => Ok(vector.data),
        _ => Err(not_dense()),
    }
}

pub(super) fn not_dense() -> Status {
    Status::invalid_argument("the embedded Qdrant server serves dense vectors only")
}

pub(in super::super) fn with_vectors(selector: Option<WithVectorsSelector>) -> WithVector {
    match selector.and_then(|selector| selector.selector_options) {
        None => WithVector::Bool(false),
        Some(SelectorOptions::Enable(enable)) => WithVector::Bool(enable),
        Some(SelectorOptions::Include(include)) => WithVector::Selector(include.names),
    }
}

pub(in super::super) fn retrieved(record: Record) -> Result<RetrievedPoint, Status> {
    Ok(RetrievedPoint {
        id: Some(id_from_engine(record.id)),
        payload: record.payload.map(|payload| payload::from_map(payload.0)).unwrap_or_default(),
        vectors: record.vector.map(vectors_from_engine).transpose()?,
        shard_key: None,
        order_value: None,
    })
}

pub(in super::super) fn scored(point: ScoredPoint) -> Result<ProtoScored, Status> {
    Ok(ProtoScored {
        id: Some(id_from_engine(point.id)),
        payload: point.payload.map(|payload| payload::from_map(payload.0)).unwrap_or_default(),
        score: point.score,
        version: point.version,
        vectors: point.vector.map(vectors_from_engine).transpose()?,
        shard_key: None,
        order_value: None,
    })
}

fn vectors_from_engine(vectors: VectorStructInternal) -> Result<VectorsOutput, Status> {
    let options = match vectors {
        VectorStructInternal::Single(data) => vectors_output::VectorsOptions::Vector(output(data)),
        VectorStructInternal::Named(named) => {
            let vectors = named
                .into_iter()
                .map(|(name, vector)| match vector {
                    VectorInternal::Dense(data) => Ok((name, output(data))),
                    VectorInternal::Sparse(_) | VectorInternal::MultiDense(_) => Err(not_dense()),
                })
                .collect::<Result<HashMap<_, _>, _>>()?;
            vectors_output::VectorsOptions::Vectors(NamedVectorsOutput { vectors })
        }
        VectorStructInternal::MultiDense(_) => return Err(not_dense()),
    };
    Ok(VectorsOutput { vectors_options: Some(options) })
}

fn output(data: Vec<f32>) -> VectorOutput {
    VectorOutput {
        vector: Some(vector_output::Vector::Dense(DenseVector { data })),
        ..VectorOutput::default()
    }
}
