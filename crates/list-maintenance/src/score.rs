//! Scores and places in the one total order of lists.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// How close two articles are; higher is closer. Any number, in the order of
/// [`f64::total_cmp`]; equal scores are equal to the last bit.
#[derive(Debug, Clone, Copy)]
pub struct Score(pub f64);

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}

impl Hash for Score {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// A place in a list: higher scores come first, equal scores by article id. The
/// smaller place is the better one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place<I> {
    pub score: Score,
    pub id: I,
}

impl<I: Ord> Ord for Place<I> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.cmp(&self.score).then_with(|| self.id.cmp(&other.id))
    }
}

impl<I: Ord> PartialOrd for Place<I> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_scores_come_first_and_equal_scores_by_id() {
        let place = |score, id| Place { score: Score(score), id };
        let mut places = [place(0.5, "b"), place(0.9, "c"), place(0.5, "a"), place(-0.1, "d")];
        places.sort();
        assert_eq!(places.map(|place| place.id), ["c", "a", "b", "d"]);
    }
}
