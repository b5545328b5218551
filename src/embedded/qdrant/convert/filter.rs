//! Filters. Served: must, should, must_not, min_should, nested filters; on a
//! field: keyword, integer, boolean, any, except, range, values_count, is_empty,
//! is_null; on a point: has_id, has_vector. All else is refused by name.

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::{
    Condition as ProtoCondition, FieldCondition as ProtoField, Filter as ProtoFilter, Match as ProtoMatch,
    Range as ProtoRange, ValuesCount as ProtoValuesCount,
};
use qdrant_edge::{
    Condition, FieldCondition, Filter, HasIdCondition, HasVectorCondition, IsEmptyCondition, IsNullCondition,
    JsonPath, Match, MatchExcept, MinShould, Nested, NestedCondition, Range, RangeInterface, ValueVariants,
    ValuesCount,
};
use tonic::Status;

use super::{json_path, ordered, point};

pub(in super::super) fn to_engine(filter: ProtoFilter) -> Result<Filter, Status> {
    let ProtoFilter { should, must, must_not, min_should } = filter;
    let min_should = match min_should {
        None => None,
        Some(min_should) => Some(MinShould {
            conditions: some_conditions(min_should.conditions)?.unwrap_or_default(),
            min_count: to_usize(min_should.min_count),
        }),
    };
    Ok(Filter {
        should: some_conditions(should)?,
        min_should,
        must: some_conditions(must)?,
        must_not: some_conditions(must_not)?,
    })
}

pub(in super::super) fn optional(filter: Option<ProtoFilter>) -> Result<Option<Filter>, Status> {
    filter.map(to_engine).transpose()
}

/// An empty list is no clause at all, as in a Qdrant server.
fn some_conditions(conditions: Vec<ProtoCondition>) -> Result<Option<Vec<Condition>>, Status> {
    if conditions.is_empty() {
        return Ok(None);
    }
    conditions.into_iter().map(condition).collect::<Result<_, _>>().map(Some)
}

fn condition(condition: ProtoCondition) -> Result<Condition, Status> {
    match condition.condition_one_of {
        Some(ConditionOneOf::Field(field)) => Ok(Condition::Field(field_condition(field)?)),
        Some(ConditionOneOf::IsEmpty(is_empty)) => {
            Ok(Condition::IsEmpty(IsEmptyCondition::from(json_path(&is_empty.key)?)))
        }
        Some(ConditionOneOf::IsNull(is_null)) => {
            Ok(Condition::IsNull(IsNullCondition::from(json_path(&is_null.key)?)))
        }
        Some(ConditionOneOf::HasId(has_id)) => {
            let ids = has_id.has_id.into_iter().map(point::id_to_engine);
            Ok(Condition::HasId(ids.collect::<Result<HasIdCondition, _>>()?))
        }
        Some(ConditionOneOf::Filter(filter)) => Ok(Condition::Filter(to_engine(filter)?)),
        Some(ConditionOneOf::Nested(nested)) => {
            let filter = nested.filter.ok_or_else(|| invalid("a nested condition needs a filter"))?;
            Ok(Condition::Nested(NestedCondition::new(Nested {
                key: json_path(&nested.key)?,
                filter: to_engine(filter)?,
            })))
        }
        Some(ConditionOneOf::HasVector(has_vector)) => {
            Ok(Condition::HasVector(HasVectorCondition::from(has_vector.has_vector)))
        }
        Some(ConditionOneOf::Slice(_)) => Err(not_served("slice")),
        None => Err(invalid("a filter condition is empty")),
    }
}

fn field_condition(field: ProtoField) -> Result<FieldCondition, Status> {
    let geo = field.geo_bounding_box.is_some() || field.geo_radius.is_some() || field.geo_polygon.is_some();
    if geo {
        return Err(not_served("geo"));
    }
    if field.datetime_range.is_some() {
        return Err(not_served("datetime_range"));
    }
    let tests = [
        field.r#match.is_some(),
        field.range.is_some(),
        field.values_count.is_some(),
        field.is_empty.is_some(),
        field.is_null.is_some(),
    ];
    if tests.iter().filter(|set| **set).count() != 1 {
        return Err(invalid(&format!(
            "the condition on `{}` must test exactly one of match, range, values_count, is_empty, is_null",
            field.key
        )));
    }
    let mut result = empty_field(json_path(&field.key)?);
    result.r#match = field.r#match.map(match_condition).transpose()?;
    result.range = field.range.map(range);
    result.values_count = field.values_count.map(values_count);
    result.is_empty = field.is_empty;
    result.is_null = field.is_null;
    Ok(result)
}

fn empty_field(key: JsonPath) -> FieldCondition {
    FieldCondition {
        key,
        r#match: None,
        range: None,
        geo_bounding_box: None,
        geo_radius: None,
        geo_polygon: None,
        values_count: None,
        is_empty: None,
        is_null: None,
    }
}

fn match_condition(condition: ProtoMatch) -> Result<Match, Status> {
    Ok(match condition.match_value {
        Some(MatchValue::Keyword(keyword)) => Match::new_value(ValueVariants::String(keyword)),
        Some(MatchValue::Integer(integer)) => Match::new_value(ValueVariants::Integer(integer)),
        Some(MatchValue::Boolean(flag)) => Match::new_value(ValueVariants::Bool(flag)),
        Some(MatchValue::Keywords(keywords)) => Match::from(keywords.strings),
        Some(MatchValue::Integers(integers)) => Match::from(integers.integers),
        Some(MatchValue::ExceptKeywords(keywords)) => Match::Except(MatchExcept::from(keywords.strings)),
        Some(MatchValue::ExceptIntegers(integers)) => Match::Except(MatchExcept::from(integers.integers)),
        Some(MatchValue::Text(_)) => return Err(not_served("full-text match")),
        Some(MatchValue::Phrase(_)) => return Err(not_served("phrase match")),
        Some(MatchValue::TextAny(_)) => return Err(not_served("full-text match (any)")),
        Some(MatchValue::Prefix(_)) => return Err(not_served("prefix match")),
        Some(MatchValue::Substring(_)) => return Err(not_served("substring match")),
        None => return Err(invalid("a match condition has no value")),
    })
}

fn range(range: ProtoRange) -> RangeInterface {
    let ProtoRange { lt, gt, gte, lte } = range;
    RangeInterface::Float(Range {
        lt: lt.map(ordered),
        gt: gt.map(ordered),
        gte: gte.map(ordered),
        lte: lte.map(ordered),
    })
}

fn values_count(count: ProtoValuesCount) -> ValuesCount {
    let ProtoValuesCount { lt, gt, gte, lte } = count;
    ValuesCount { lt: lt.map(to_usize), gt: gt.map(to_usize), gte: gte.map(to_usize), lte: lte.map(to_usize) }
}

/// Counts beyond the address space cannot occur; the largest count stands for them.
fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn invalid(message: &str) -> Status {
    Status::invalid_argument(message)
}

fn not_served(what: &str) -> Status {
    Status::invalid_argument(format!("the embedded Qdrant server serves no {what} condition"))
}

#[cfg(test)]
mod tests {
    use qdrant_client::qdrant::{Condition as C, GeoRadius};

    use super::*;

    #[test]
    fn conditions_outside_the_subset_are_refused_not_ignored() {
        let refused = [
            C::matches_text("title", "shoe"),
            C::geo_radius("place", GeoRadius { center: None, radius: 1.0 }),
            C { condition_one_of: None },
            C { condition_one_of: Some(ConditionOneOf::Field(ProtoField::default())) },
        ];
        for condition in refused {
            let nested = ProtoFilter::all([C::from(ProtoFilter::must_not([condition.clone()]))]);
            let status = to_engine(nested).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{condition:?}");
        }
    }
}
