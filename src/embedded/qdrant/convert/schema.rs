//! Payload indexes.

use qdrant_client::qdrant::{
    CreateFieldIndexCollection, FieldType, PayloadSchemaInfo, PayloadSchemaType as ProtoType,
};
use qdrant_edge::{CreateIndex, FieldIndexOperations, PayloadIndexInfo, PayloadSchemaType, UpdateOperation};
use tonic::Status;

use super::json_path;

/// Index parameters only tune speed and storage; the type decides what matches.
pub(in super::super) fn create_index(
    request: &CreateFieldIndexCollection,
) -> Result<UpdateOperation, Status> {
    let field_type = request.field_type.ok_or_else(|| Status::invalid_argument("field type is missing"))?;
    let schema = match FieldType::try_from(field_type) {
        Ok(FieldType::Keyword) => PayloadSchemaType::Keyword,
        Ok(FieldType::Integer) => PayloadSchemaType::Integer,
        Ok(FieldType::Float) => PayloadSchemaType::Float,
        Ok(FieldType::Bool) => PayloadSchemaType::Bool,
        Ok(FieldType::Uuid) => PayloadSchemaType::Uuid,
        Ok(FieldType::Datetime) => PayloadSchemaType::Datetime,
        Ok(FieldType::Geo | FieldType::Text) | Err(_) => {
            return Err(Status::invalid_argument(format!(
                "the embedded Qdrant server has no index of field type {field_type} for `{}`",
                request.field_name
            )));
        }
    };
    Ok(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(CreateIndex {
        field_name: json_path(&request.field_name)?,
        field_schema: Some(schema.into()),
    })))
}

pub(in super::super) fn index_info(info: &PayloadIndexInfo) -> PayloadSchemaInfo {
    let data_type = match info.data_type {
        PayloadSchemaType::Keyword => ProtoType::Keyword,
        PayloadSchemaType::Integer => ProtoType::Integer,
        PayloadSchemaType::Float => ProtoType::Float,
        PayloadSchemaType::Geo => ProtoType::Geo,
        PayloadSchemaType::Text => ProtoType::Text,
        PayloadSchemaType::Bool => ProtoType::Bool,
        PayloadSchemaType::Datetime => ProtoType::Datetime,
        PayloadSchemaType::Uuid => ProtoType::Uuid,
    };
    PayloadSchemaInfo { data_type: data_type.into(), params: None, points: Some(info.points as u64) }
}
