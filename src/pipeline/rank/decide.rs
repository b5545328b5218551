//! The decision about one article's list: pure.
//!
//! Guarantee: the list is the k best eligible neighbours in the total order; every
//! article into whose list this one may come is among the affected.

use crate::domain::article::Profile;
use crate::domain::list::{NeighbourList, RankState};
use crate::similarity::compare::Comparison;
use crate::similarity::{PackError, Packed};

/// What follows from ranking one article.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The ranking state to store; its dirty mark is cleared.
    pub state: RankState,
    /// The list differs from the one last published (`state.list` `None`: a
    /// tombstone is due).
    pub publish: bool,
    /// Candidates whose list this article may belong in.
    pub affected: Vec<String>,
}

/// An article as ranking begins: its profile, and its state already marked dirty.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    pub profile: Profile,
    /// With the sequence number this ranking will publish.
    pub rank: RankState,
}

/// Ranks `begun` against its candidates.
///
/// # Errors
///
/// [`PackError`] when vectors of another encoder were stored among them.
pub fn decide(
    begun: &Begun,
    candidates: &[(&Profile, &RankState)],
    comparison: &Comparison,
    k: usize,
) -> Result<Decision, PackError> {
    let article = &begun.profile;
    // Without a vector there is nothing to compare, whatever the others have.
    let dimension = article.dimension().unwrap_or(1);
    let candidates = if article.is_empty() { &[] } else { candidates };
    let packed: Vec<(Packed<'_>, f64)> = candidates
        .iter()
        .map(|(profile, rank)| Ok((Packed::of(profile, dimension)?, rank.bar())))
        .collect::<Result<_, _>>()?;
    let others = packed.iter().map(|(other, bar)| (other, *bar));
    let ranked = comparison.rank(&Packed::of(article, dimension)?, others, k);
    let neighbours = ranked.neighbours;
    let affected = ranked.reached.into_iter().map(str::to_owned).collect();
    let tau = (k > 0 && neighbours.len() == k).then(|| neighbours[k - 1].score);
    let sequence = begun.rank.sequence;
    let article_id = article.article_id.clone();
    let list = (!article.is_empty()).then_some(NeighbourList {
        article_id,
        sequence,
        version: article.version,
        neighbours,
    });
    let publish = match (&begun.rank.list, &list) {
        (Some(before), Some(after)) => before.neighbours != after.neighbours,
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    };
    // An unchanged list stays as it was published, with its own sequence number.
    let list = if publish { list } else { begun.rank.list.clone() };
    let ranking = begun.rank.ranking.clone();
    Ok(Decision { state: RankState { sequence, dirty: false, ranking, tau, list }, publish, affected })
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
