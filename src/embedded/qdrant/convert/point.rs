//! Point ids, vectors, and points as they come back.

use std::collections::HashMap;

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    DenseVector, MultiDenseVector, NamedVectorsOutput, PointId as ProtoId, RetrievedPoint,
    ScoredPoint as ProtoScored, Vector, VectorOutput, Vectors, VectorsOutput, WithVectorsSelector, vector,
    vector_output, vectors_output, with_vectors_selector::SelectorOptions,
};
use qdrant_edge::external::uuid::Uuid;
use qdrant_edge::{
    PointId, Record, ScoredPoint, TypedMultiDenseVector, VectorInternal, VectorPersisted,
    VectorStructInternal, VectorStructPersisted, WithVector,
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
pub(in super::super) fn named_vectors(vectors: Vectors) -> Result<Vec<(String, VectorPersisted)>, Status> {
    match vectors.vectors_options {
        Some(VectorsOptions::Vector(single)) => Ok(vec![(String::new(), persisted(single)?)]),
        Some(VectorsOptions::Vectors(named)) => {
            named.vectors.into_iter().map(|(name, vector)| Ok((name, persisted(vector)?))).collect()
        }
        None => Err(Status::invalid_argument("No Vector Provided")),
    }
}

pub(in super::super) fn vectors_to_engine(vectors: Vectors) -> Result<VectorStructPersisted, Status> {
    Ok(VectorStructPersisted::Named(named_vectors(vectors)?.into_iter().collect()))
}

/// Older clients fill the deprecated flat field instead of the variant.
#[expect(deprecated, reason = "the protocol still allows the flat form")]
fn persisted(vector: Vector) -> Result<VectorPersisted, Status> {
    match vector.vector {
        Some(vector::Vector::Dense(dense)) => Ok(VectorPersisted::Dense(dense.data)),
        Some(vector::Vector::MultiDense(matrix)) => Ok(VectorPersisted::MultiDense(rows(matrix))),
        None if vector.indices.is_none() && vector.vectors_count.is_none() => {
            Ok(VectorPersisted::Dense(vector.data))
        }
        _ => Err(not_dense()),
    }
}

pub(super) fn rows(matrix: MultiDenseVector) -> Vec<Vec<f32>> {
    matrix.vectors.into_iter().map(|row| row.data).collect()
}

pub(super) fn not_dense() -> Status {
    Status::invalid_argument("the embedded Qdrant server serves dense vectors and matrices of them only")
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
        VectorStructInternal::Single(data) => vectors_output::VectorsOptions::Vector(dense(data)),
        VectorStructInternal::MultiDense(matrix) => vectors_output::VectorsOptions::Vector(multi(matrix)),
        VectorStructInternal::Named(named) => {
            let vectors = named
                .into_iter()
                .map(|(name, vector)| match vector {
                    VectorInternal::Dense(data) => Ok((name, dense(data))),
                    VectorInternal::MultiDense(matrix) => Ok((name, multi(matrix))),
                    VectorInternal::Sparse(_) => Err(not_dense()),
                })
                .collect::<Result<HashMap<_, _>, _>>()?;
            vectors_output::VectorsOptions::Vectors(NamedVectorsOutput { vectors })
        }
    };
    Ok(VectorsOutput { vectors_options: Some(options) })
}

fn dense(data: Vec<f32>) -> VectorOutput {
    output(vector_output::Vector::Dense(DenseVector { data }))
}

fn multi(matrix: TypedMultiDenseVector<f32>) -> VectorOutput {
    let vectors = matrix.into_multi_vectors().into_iter().map(|data| DenseVector { data }).collect();
    output(vector_output::Vector::MultiDense(MultiDenseVector { vectors }))
}

fn output(vector: vector_output::Vector) -> VectorOutput {
    VectorOutput { vector: Some(vector), ..VectorOutput::default() }
}
