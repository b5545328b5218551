//! The write operations the engine gets: id-based ones only.
//!
//! A write travels as the protocol's own `points_update_operation::Operation`:
//! the calls build it, [`super::resolve`] turns filters and conditions into ids,
//! the journal stores it, and [`to_engine`] hands it to the engine, so that a
//! live write and a repeated one take the same path.

use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, OverwritePayload, SetPayload};
use qdrant_client::qdrant::{
    PointId as ProtoId, PointStruct, PointVectors, PointsIdsList, PointsSelector, ShardKeySelector,
};
use qdrant_edge::{
    DeletePayloadOp, PayloadOps, PointId, PointInsertOperations, PointOperations, PointStructPersisted,
    PointVectorsPersisted, SetPayloadOp, UpdateOperation, UpdateVectorsOp, VectorOperations,
};
use tonic::Status;

use super::convert::{json_path, payload, point};

/// Fails on a filter or a condition: those are resolved before.
pub(super) fn to_engine(operation: Operation) -> Result<UpdateOperation, Status> {
    match operation {
        Operation::Upsert(list) => {
            let points = list.points.into_iter().map(point_to_engine).collect::<Result<Vec<_>, _>>()?;
            let insert = PointInsertOperations::PointsList(points);
            Ok(UpdateOperation::PointOperation(PointOperations::UpsertPoints(insert)))
        }
        Operation::UpdateVectors(update) => {
            let points = update.points.into_iter().map(vectors_to_engine).collect::<Result<_, _>>()?;
            let update = UpdateVectorsOp { points, update_filter: None };
            Ok(UpdateOperation::VectorOperation(VectorOperations::UpdateVectors(update)))
        }
        Operation::DeleteVectors(delete) => {
            let ids = engine_ids(delete.points_selector)?;
            let names = delete.vectors.map(|vectors| vectors.names).unwrap_or_default();
            Ok(UpdateOperation::VectorOperation(VectorOperations::DeleteVectors(ids.into(), names)))
        }
        Operation::DeletePoints(delete) => {
            let ids = engine_ids(delete.points)?;
            Ok(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))
        }
        payload => Ok(UpdateOperation::PayloadOperation(payload_to_engine(payload)?)),
    }
}

fn payload_to_engine(operation: Operation) -> Result<PayloadOps, Status> {
    match operation {
        Operation::SetPayload(SetPayload { payload, points_selector, key, .. }) => {
            let key = key.map(|key| json_path(&key)).transpose()?;
            let points = Some(engine_ids(points_selector)?);
            let payload = payload::to_engine(payload)?;
            Ok(PayloadOps::SetPayload(SetPayloadOp { payload, points, filter: None, key }))
        }
        Operation::OverwritePayload(OverwritePayload { payload, points_selector, .. }) => {
            let points = Some(engine_ids(points_selector)?);
            let payload = payload::to_engine(payload)?;
            Ok(PayloadOps::OverwritePayload(SetPayloadOp { payload, points, filter: None, key: None }))
        }
        Operation::DeletePayload(delete) => {
            let keys = delete.keys.iter().map(|key| json_path(key)).collect::<Result<_, _>>()?;
            let points = Some(engine_ids(delete.points_selector)?);
            Ok(PayloadOps::DeletePayload(DeletePayloadOp { keys, points, filter: None }))
        }
        Operation::ClearPayload(clear) => Ok(PayloadOps::ClearPayload { points: engine_ids(clear.points)? }),
        _ => Err(Status::unimplemented("the embedded Qdrant server does not serve this update operation")),
    }
}

fn point_to_engine(point: PointStruct) -> Result<PointStructPersisted, Status> {
    Ok(PointStructPersisted {
        id: required_id(point.id)?,
        vector: point::vectors_to_engine(point.vectors.unwrap_or_default())?,
        payload: Some(payload::to_engine(point.payload)?),
    })
}

fn vectors_to_engine(point: PointVectors) -> Result<PointVectorsPersisted, Status> {
    Ok(PointVectorsPersisted {
        id: required_id(point.id)?,
        vector: point::vectors_to_engine(point.vectors.unwrap_or_default())?,
    })
}

/// The ids of a resolved selector.
pub(super) fn engine_ids(selector: Option<PointsSelector>) -> Result<Vec<PointId>, Status> {
    match selector.and_then(|selector| selector.points_selector_one_of) {
        Some(PointsSelectorOneOf::Points(list)) => list.ids.into_iter().map(point::id_to_engine).collect(),
        Some(PointsSelectorOneOf::Filter(_)) => {
            Err(Status::internal("a filter reached the engine unresolved"))
        }
        None => Err(Status::invalid_argument("PointSelector is missing")),
    }
}

pub(super) fn id_selector(ids: impl IntoIterator<Item = PointId>) -> PointsSelector {
    let ids = ids.into_iter().map(point::id_from_engine).collect();
    PointsSelector { points_selector_one_of: Some(PointsSelectorOneOf::Points(PointsIdsList { ids })) }
}

pub(super) fn required_id(id: Option<ProtoId>) -> Result<PointId, Status> {
    point::id_to_engine(id.ok_or_else(|| Status::invalid_argument("Empty ID is not allowed"))?)
}

pub(super) fn refuse_shard_key(selector: Option<&ShardKeySelector>) -> Result<(), Status> {
    match selector {
        None => Ok(()),
        Some(_) => Err(Status::invalid_argument("the embedded Qdrant server has no shard keys")),
    }
}
