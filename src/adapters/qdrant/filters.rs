//! The few filters that are used, by what they mean.

use qdrant_client::qdrant::{Condition, Filter, PointId, Range};

use super::payload::key;

/// Largest integer that the store's floating-point ranges hold exactly.
const EXACT: u64 = 1 << 53;

/// Points whose field is, or holds, exactly this text. `Condition::matches` with a
/// single string turns into a full-text match when the string has a blank.
pub(super) fn keyword(key: &str, text: &str) -> Condition {
    Condition::matches(key, vec![text.to_owned()])
}

/// The points of these articles that are not deleted.
pub(super) fn live_of(article_ids: &[String]) -> Filter {
    Filter {
        must: vec![Condition::matches(key::ARTICLE_ID, article_ids.to_vec())],
        must_not: vec![Condition::matches(key::DELETED, true)],
        ..Filter::default()
    }
}

/// All image points of one article, tombstones included.
pub(super) fn of_article(article_id: &str) -> Filter {
    Filter::must([keyword(key::ARTICLE_ID, article_id)])
}

/// These points, except those that hold a higher number in `key`. Ranges are compared as
/// 64-bit floats, so above 2^53 the bar is rounded up: the condition then may let an
/// older write through, but never blocks a newer one.
pub(super) fn unless_newer(ids: &[PointId], key: &str, number: u64) -> Condition {
    Filter::must([Condition::has_id(ids.iter().cloned()), at_most(key, number)]).into()
}

/// Points that hold no higher number in `key`; as exact as [`unless_newer`].
pub(super) fn at_most(key: &str, number: u64) -> Condition {
    let bar = if number > EXACT { (number as f64).next_up() } else { number as f64 };
    let not_newer = Condition::range(key, Range { lte: Some(bar), ..Range::default() });
    let never_set = Condition::is_empty(key);
    Filter::should([not_newer, never_set]).into()
}
