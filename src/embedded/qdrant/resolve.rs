//! From what a caller asked to what is written: checks a write against the
//! collection and turns its filters and conditions into point ids.
//!
//! Runs under the collection's write lock, so nothing changes between the
//! decision and the write. A refused write leaves no trace.

use std::collections::HashSet;

use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, PointStructList, UpdateVectors};
use qdrant_client::qdrant::{Filter as ProtoFilter, PointsSelector, UpdateMode, Vectors};
use qdrant_edge::{
    Condition, EdgeShard, Filter, HasIdCondition, PointId, ScrollRequest, WithPayloadInterface, WithVector,
};
use tonic::Status;

use super::convert::{engine_status, filter, json_path, payload, point};
use super::operation::{engine_ids, id_selector, refuse_shard_key, required_id};
use super::settings::CollectionSettings;

/// The id-based operation for `operation`; `None` when it touches no point.
pub(super) fn resolve(
    operation: Operation,
    shard: &EdgeShard,
    settings: &CollectionSettings,
) -> Result<Option<Operation>, Status> {
    match operation {
        Operation::Upsert(list) => upsert(list, shard, settings),
        Operation::UpdateVectors(update) => update_vectors(update, shard, settings),
        Operation::DeletePoints(mut delete) => {
            refuse_shard_key(delete.shard_key_selector.as_ref())?;
            delete.points = match delete.points.take() {
                // Deleting what is not there is no error.
                Some(PointsSelector { points_selector_one_of: Some(PointsSelectorOneOf::Points(list)) }) => {
                    let ids = list.ids.into_iter().map(point::id_to_engine).collect::<Result<Vec<_>, _>>()?;
                    let existing = existing(shard, &ids)?;
                    selection(existing)
                }
                selector => selected(selector, shard)?,
            };
            Ok(delete.points.is_some().then_some(Operation::DeletePoints(delete)))
        }
        mut other => {
            check_arguments(&other, settings)?;
            let selector = selector_mut(&mut other)?;
            *selector = selected(selector.take(), shard)?;
            let any = selector.is_some();
            Ok(any.then_some(other))
        }
    }
}

/// For repeating a journal: drops ids that are gone. An operation that names
/// them was valid when it was written, and a later one in the journal removed
/// them. `None` when no id is left.
pub(super) fn keep_existing(
    mut operation: Operation,
    shard: &EdgeShard,
) -> Result<Option<Operation>, Status> {
    match &mut operation {
        Operation::Upsert(_) => {}
        Operation::UpdateVectors(update) => {
            let ids = ids_of(update.points.iter().map(|point| point.id.clone()))?;
            let existing = existing(shard, &ids)?;
            let mut kept = ids.iter().map(|id| existing.contains(id));
            update.points.retain(|_| kept.next().unwrap_or(false));
            if update.points.is_empty() {
                return Ok(None);
            }
        }
        other => {
            let selector = selector_mut(other)?;
            let ids = engine_ids(selector.take())?;
            *selector = selection(existing(shard, &ids)?);
            if selector.is_none() {
                return Ok(None);
            }
        }
    }
    Ok(Some(operation))
}

fn upsert(
    mut list: PointStructList,
    shard: &EdgeShard,
    settings: &CollectionSettings,
) -> Result<Option<Operation>, Status> {
    refuse_shard_key(list.shard_key_selector.as_ref())?;
    for point in &list.points {
        let vectors = point.vectors.clone();
        check_vectors(vectors.ok_or_else(|| Status::invalid_argument("Expected some vectors"))?, settings)?;
        payload::to_engine(point.payload.clone())?;
    }
    let ids = ids_of(list.points.iter().map(|point| point.id.clone()))?;
    let mode = match list.update_mode.take() {
        None => UpdateMode::Upsert,
        Some(mode) => UpdateMode::try_from(mode)
            .map_err(|_| Status::invalid_argument(format!("update_mode {mode} is unknown")))?,
    };
    let condition = filter::optional(list.update_filter.take())?;
    if condition.is_some() || mode != UpdateMode::Upsert {
        let existing = existing(shard, &ids)?;
        let matching = match condition {
            // Insert-only looks at no stored point, so its filter has nothing to test.
            Some(condition) if mode != UpdateMode::InsertOnly => matching(shard, &existing, condition)?,
            _ => existing.clone(),
        };
        let mut decisions = ids.iter().map(|id| match mode {
            UpdateMode::Upsert => !existing.contains(id) || matching.contains(id),
            UpdateMode::InsertOnly => !existing.contains(id),
            UpdateMode::UpdateOnly => matching.contains(id),
        });
        list.points.retain(|_| decisions.next().unwrap_or(false));
    }
    Ok((!list.points.is_empty()).then_some(Operation::Upsert(list)))
}

fn update_vectors(
    mut update: UpdateVectors,
    shard: &EdgeShard,
    settings: &CollectionSettings,
) -> Result<Option<Operation>, Status> {
    refuse_shard_key(update.shard_key_selector.as_ref())?;
    for point in &update.points {
        let vectors = point.vectors.clone();
        check_vectors(vectors.ok_or_else(|| Status::invalid_argument("Expected some vectors"))?, settings)?;
    }
    let ids = ids_of(update.points.iter().map(|point| point.id.clone()))?;
    let existing = require_existing(shard, &ids)?;
    if let Some(condition) = filter::optional(update.update_filter.take())? {
        let matching = matching(shard, &existing, condition)?;
        let mut decisions = ids.iter().map(|id| matching.contains(id));
        update.points.retain(|_| decisions.next().unwrap_or(false));
    }
    Ok((!update.points.is_empty()).then_some(Operation::UpdateVectors(update)))
}

fn check_vectors(vectors: Vectors, settings: &CollectionSettings) -> Result<(), Status> {
    for (name, vector) in point::named_vectors(vectors)? {
        settings.check_vector(&name, &vector)?;
    }
    Ok(())
}

/// Everything about a payload or vector-removal request that needs no point.
fn check_arguments(operation: &Operation, settings: &CollectionSettings) -> Result<(), Status> {
    match operation {
        Operation::SetPayload(set) => {
            refuse_shard_key(set.shard_key_selector.as_ref())?;
            set.key.as_deref().map(json_path).transpose()?;
            payload::to_engine(set.payload.clone()).map(drop)
        }
        Operation::OverwritePayload(overwrite) => {
            refuse_shard_key(overwrite.shard_key_selector.as_ref())?;
            if overwrite.key.is_some() {
                return Err(Status::invalid_argument("overwriting a payload takes no key"));
            }
            payload::to_engine(overwrite.payload.clone()).map(drop)
        }
        Operation::DeletePayload(delete) => {
            refuse_shard_key(delete.shard_key_selector.as_ref())?;
            delete.keys.iter().try_for_each(|key| json_path(key).map(drop))
        }
        Operation::ClearPayload(clear) => refuse_shard_key(clear.shard_key_selector.as_ref()),
        Operation::DeleteVectors(delete) => {
            refuse_shard_key(delete.shard_key_selector.as_ref())?;
            let names = delete.vectors.as_ref().map(|vectors| vectors.names.as_slice()).unwrap_or_default();
            names.iter().try_for_each(|name| settings.check_name(name))
        }
        _ => Ok(()),
    }
}

fn selector_mut(operation: &mut Operation) -> Result<&mut Option<PointsSelector>, Status> {
    match operation {
        Operation::SetPayload(set) => Ok(&mut set.points_selector),
        Operation::OverwritePayload(overwrite) => Ok(&mut overwrite.points_selector),
        Operation::DeletePayload(delete) => Ok(&mut delete.points_selector),
        Operation::ClearPayload(clear) => Ok(&mut clear.points),
        Operation::DeleteVectors(delete) => Ok(&mut delete.points_selector),
        Operation::DeletePoints(delete) => Ok(&mut delete.points),
        _ => Err(Status::unimplemented("the embedded Qdrant server does not serve this update operation")),
    }
}

fn selected(selector: Option<PointsSelector>, shard: &EdgeShard) -> Result<Option<PointsSelector>, Status> {
    match selector {
        Some(PointsSelector { points_selector_one_of: Some(PointsSelectorOneOf::Filter(selector)) }) => {
            by_filter(shard, selector)
        }
        ids => {
            let ids = engine_ids(ids)?;
            Ok(selection(require_existing(shard, &ids)?))
        }
    }
}

fn by_filter(shard: &EdgeShard, selector: ProtoFilter) -> Result<Option<PointsSelector>, Status> {
    Ok(selection(scroll_ids(shard, filter::to_engine(selector)?)?))
}

fn selection(ids: HashSet<PointId>) -> Option<PointsSelector> {
    (!ids.is_empty()).then(|| id_selector(ids))
}

fn ids_of(ids: impl Iterator<Item = Option<qdrant_client::qdrant::PointId>>) -> Result<Vec<PointId>, Status> {
    ids.map(required_id).collect()
}

fn existing(shard: &EdgeShard, ids: &[PointId]) -> Result<HashSet<PointId>, Status> {
    let records = shard
        .retrieve(ids, Some(WithPayloadInterface::Bool(false)), Some(WithVector::Bool(false)))
        .map_err(engine_status)?;
    Ok(records.into_iter().map(|record| record.id).collect())
}

fn require_existing(shard: &EdgeShard, ids: &[PointId]) -> Result<HashSet<PointId>, Status> {
    let existing = existing(shard, ids)?;
    match ids.iter().find(|id| !existing.contains(id)) {
        None => Ok(existing),
        Some(missing) => Err(Status::not_found(format!("No point with id {missing}"))),
    }
}

fn matching(
    shard: &EdgeShard,
    ids: &HashSet<PointId>,
    condition: Filter,
) -> Result<HashSet<PointId>, Status> {
    let among = Condition::HasId(ids.iter().copied().collect::<HasIdCondition>());
    let both = Filter { must: Some(vec![among, Condition::Filter(condition)]), ..Filter::default() };
    scroll_ids(shard, both)
}

fn scroll_ids(shard: &EdgeShard, filter: Filter) -> Result<HashSet<PointId>, Status> {
    let request = ScrollRequest {
        offset: None,
        limit: Some(shard.info().points_count.max(1)),
        filter: Some(filter),
        with_payload: Some(WithPayloadInterface::Bool(false)),
        with_vector: WithVector::Bool(false),
        order_by: None,
    };
    let (records, _next) = shard.scroll(request).map_err(engine_status)?;
    Ok(records.into_iter().map(|record| record.id).collect())
}
