//! Payloads: protobuf values and JSON. Integers stay 64-bit integers, doubles
//! stay doubles (`1.0` does not become `1`), as in a Qdrant server.

use std::collections::HashMap;

use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    ListValue, NullValue, Struct, Value, WithPayloadSelector, with_payload_selector::SelectorOptions,
};
use qdrant_edge::{Payload, PayloadSelector, WithPayloadInterface};
use serde_json::{Map, Number, Value as Json};
use tonic::Status;

use super::json_path;

pub(in super::super) fn to_map(fields: HashMap<String, Value>) -> Result<Map<String, Json>, Status> {
    fields.into_iter().map(|(key, value)| Ok((key, to_json(value)?))).collect()
}

pub(in super::super) fn to_engine(fields: HashMap<String, Value>) -> Result<Payload, Status> {
    Ok(Payload(to_map(fields)?))
}

pub(in super::super) fn from_map(map: Map<String, Json>) -> HashMap<String, Value> {
    map.into_iter().map(|(key, value)| (key, from_json(value))).collect()
}

/// `default` answers a request without a selector: each call has its own.
pub(in super::super) fn selector(
    selector: Option<WithPayloadSelector>,
    default: bool,
) -> Result<WithPayloadInterface, Status> {
    let Some(selector) = selector else {
        return Ok(WithPayloadInterface::Bool(default));
    };
    let paths = |fields: Vec<String>| fields.iter().map(|field| json_path(field)).collect::<Result<_, _>>();
    match selector.selector_options {
        Some(SelectorOptions::Enable(enable)) => Ok(WithPayloadInterface::Bool(enable)),
        Some(SelectorOptions::Include(include)) => {
            Ok(WithPayloadInterface::Selector(PayloadSelector::new_include(paths(include.fields)?)))
        }
        Some(SelectorOptions::Exclude(exclude)) => {
            Ok(WithPayloadInterface::Selector(PayloadSelector::new_exclude(paths(exclude.fields)?)))
        }
        None => Err(Status::invalid_argument("with_payload selects nothing: set enable, include or exclude")),
    }
}

fn to_json(value: Value) -> Result<Json, Status> {
    Ok(match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(flag)) => Json::Bool(flag),
        Some(Kind::IntegerValue(integer)) => Json::Number(integer.into()),
        Some(Kind::DoubleValue(double)) => Json::Number(
            Number::from_f64(double)
                .ok_or_else(|| Status::invalid_argument("payload numbers must be finite"))?,
        ),
        Some(Kind::StringValue(text)) => Json::String(text),
        Some(Kind::StructValue(fields)) => Json::Object(to_map(fields.fields)?),
        Some(Kind::ListValue(list)) => {
            Json::Array(list.values.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
    })
}

fn from_json(value: Json) -> Value {
    let kind = match value {
        Json::Null => Kind::NullValue(NullValue::NullValue.into()),
        Json::Bool(flag) => Kind::BoolValue(flag),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Kind::IntegerValue(integer),
            // A JSON number beyond i64 has no integer form in the protocol.
            None => Kind::DoubleValue(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Kind::StringValue(text),
        Json::Array(items) => {
            Kind::ListValue(ListValue { values: items.into_iter().map(from_json).collect() })
        }
        Json::Object(map) => Kind::StructValue(Struct { fields: from_map(map) }),
    };
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Kind::NullValue(0)),
            any::<bool>().prop_map(Kind::BoolValue),
            any::<i64>().prop_map(Kind::IntegerValue),
            prop::num::f64::NORMAL.prop_map(Kind::DoubleValue),
            (-1000i32..1000).prop_map(|whole| Kind::DoubleValue(f64::from(whole))),
            any::<String>().prop_map(Kind::StringValue),
        ]
        .prop_map(|kind| Value { kind: Some(kind) });
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|values| Kind::ListValue(ListValue { values })),
                prop::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| Kind::StructValue(Struct { fields })),
            ]
            .prop_map(|kind| Value { kind: Some(kind) })
        })
    }

    proptest! {
        #[test]
        fn every_value_survives_storage(value in values()) {
            let stored = serde_json::to_vec(&to_json(value.clone()).unwrap()).unwrap();
            let read = from_json(serde_json::from_slice(&stored).unwrap());
            prop_assert_eq!(read, value);
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_refused() {
        let infinite = Value { kind: Some(Kind::DoubleValue(f64::INFINITY)) };
        assert_eq!(to_json(infinite).unwrap_err().code(), tonic::Code::InvalidArgument);
    }
}
