//! Protobuf to engine and back. Each function either carries the whole meaning
//! over or refuses with `INVALID_ARGUMENT`; none drops a part of a request.

pub(super) mod filter;
pub(super) mod payload;
pub(super) mod point;
pub(super) mod query;
pub(super) mod schema;

use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{JsonPath, OperationError};
use tonic::Status;

/// A payload path such as `article.ids[]`.
pub(super) fn json_path(key: &str) -> Result<JsonPath, Status> {
    key.parse().map_err(|()| Status::invalid_argument(format!("`{key}` is not a payload path")))
}

fn ordered(value: f64) -> OrderedFloat<f64> {
    OrderedFloat(value)
}

/// The gRPC code a Qdrant server answers for this engine error.
pub(super) fn engine_status(error: OperationError) -> Status {
    let message = error.to_string();
    match error {
        OperationError::WrongVectorDimension { .. }
        | OperationError::VectorNameNotExists { .. }
        | OperationError::TypeError { .. }
        | OperationError::TypeInferenceError { .. }
        | OperationError::ValidationError { .. }
        | OperationError::WrongSparse
        | OperationError::WrongMulti
        | OperationError::MissingRangeIndexForOrderBy { .. }
        | OperationError::MissingMapIndexForFacet { .. }
        | OperationError::VariableTypeError { .. }
        | OperationError::NonFiniteNumber { .. } => Status::invalid_argument(message),
        OperationError::PointIdError { .. } => Status::not_found(message),
        OperationError::Timeout { .. } => Status::deadline_exceeded(message),
        OperationError::OutOfMemory { .. } => Status::resource_exhausted(message),
        OperationError::Cancelled { .. } => Status::cancelled(message),
        OperationError::ServiceError { .. } | OperationError::InconsistentStorage { .. } => {
            Status::internal(message)
        }
    }
}
