//! What the stored state and the requests call for: nothing, an edit of the entries,
//! or a search; and the claim that comes before either.

use std::collections::{BTreeMap, BTreeSet};

use super::{Job, Step, Work};
use crate::{Claim, Entry, Explanation, List, Mark, Revision, Stored, View};

/// What is to be done.
pub(super) enum Plan<I, D> {
    Nothing,
    Edit,
    /// An edit that needs no claim, and the list after it.
    EditUnclaimed(List<I, D>),
    Search,
}

impl<I: Clone + Ord, D: Explanation> Job<I, D> {
    /// Reads without a claim: what the requests call for. Most rankings that find
    /// nothing to do end here.
    pub(super) fn look(self) -> Step<I, D> {
        let others = self.others();
        Step::Read(Reading { others, then: Then::Plan(self) })
    }

    /// Plans for a state that was read before, as if no article had changed since its
    /// request was sent. It costs nothing to be wrong: the claim holds only if the state
    /// is still that one, and what is read after it decides. That nothing is to be done is
    /// final, though, so memory does not decide it.
    pub(super) fn plan_ahead(self, stored: &Stored<I, D>) -> Step<I, D> {
        let view = View {
            revision: stored.list.as_ref().map_or(Revision(0), |list| list.revision),
            is_empty: false,
            stored: stored.clone(),
            others: self.scored.iter().map(|scored| (scored.other.clone(), scored.other_revision)).collect(),
        };
        let planned = if stored.mark == Mark::Clear { self.needs(&view) } else { Plan::Nothing };
        self.plan_for(planned, &view)
    }

    /// Begins what was planned on a state that was read before.
    pub(super) fn plan_for(self, planned: Plan<I, D>, view: &View<I, D>) -> Step<I, D> {
        match planned {
            Plan::Nothing => self.look(),
            Plan::EditUnclaimed(_) => self.check(view.stored.clone()),
            Plan::Edit => self.claim(view, Mark::Editing),
            Plan::Search => self.claim(view, Mark::Searching),
        }
    }

    /// The articles that requests speak of.
    pub(super) fn others(&self) -> Vec<I> {
        let others: BTreeSet<&I> = self.scored.iter().map(|scored| &scored.other).collect();
        others.into_iter().cloned().collect()
    }

    fn plan(mut self, view: Option<View<I, D>>) -> Step<I, D> {
        // Never stored, so nothing is known of it and nobody holds it.
        let Some(view) = view else { return Step::Done(self.outcome) };
        self.cut_off |= view.stored.mark != Mark::Clear;
        match self.needs(&view) {
            Plan::Nothing => Step::Done(self.outcome),
            planned => self.plan_for(planned, &view),
        }
    }

    pub(super) fn needs(&self, view: &View<I, D>) -> Plan<I, D> {
        // After a search that was cut off a search is not needed, its own request comes
        // again; but a mark may also be of another making.
        if self.changed || self.sweep || view.stored.mark == Mark::Searching {
            return Plan::Search;
        }
        let edited = view.stored.list.as_ref().map(|list| self.edited(list, view));
        match edited {
            Some(Edited::Short) => Plan::Search,
            Some(Edited::List(list)) if self.is_unclaimed(&view.stored, &list) => Plan::EditUnclaimed(list),
            Some(Edited::List(_)) => Plan::Edit,
            Some(Edited::Unchanged) | None if self.republish || self.cut_off => Plan::Edit,
            Some(Edited::Unchanged) | None => Plan::Nothing,
        }
    }

    /// The list with the requested pairs in it. A pair counts only if both articles still
    /// are what was compared. Otherwise it is dropped: whoever changed since then was
    /// stored before this was read, so the article's own search, or the other's
    /// reading of bars and holders, is still to come or has seen this change.
    fn edited(&self, list: &List<I, D>, view: &View<I, D>) -> Edited<I, D> {
        // Its own change is still to be ranked, and its search will see all of these.
        if view.revision != list.revision {
            return Edited::Unchanged;
        }
        let mut edited = list.clone();
        let mut changed = false;
        for scored in &self.scored {
            let other = view.others.get(&scored.other);
            if scored.revision == list.revision && other == Some(&scored.other_revision) {
                changed |= edited.apply(scored.other.clone(), scored.other_revision, scored.compared.clone());
            }
        }
        let (before, after, k) = (&list.entries, &edited.entries, self.settings.sizes.k);
        // One that is short since a truncated search is not searched at every edit. One that
        // overflowed and then shrank may be as long as before, and miss what it held.
        let shrank = after.as_slice().len() < before.as_slice().len() || !before.is_short(k);
        if shrank && after.is_short(k) {
            Edited::Short
        } else if changed {
            Edited::List(edited)
        } else {
            Edited::Unchanged
        }
    }

    fn claim(self, view: &View<I, D>, mark: Mark) -> Step<I, D> {
        // What a ranking that was cut off may still store is among what it claimed to
        // hold, so that stays.
        let held = view.stored.holds.iter();
        let entering = self.scored.iter().filter(|scored| scored.compared.is_some());
        let holds: BTreeSet<&I> = match mark {
            Mark::Editing => held.chain(entering.map(|scored| &scored.other)).collect(),
            Mark::Clear | Mark::Searching => held.collect(),
        };
        let holds = holds.into_iter().cloned().collect();
        let claim = Claim { sequence: view.stored.sequence + 1, ranking: self.name, mark, holds };
        let others = if mark == Mark::Editing { self.others() } else { Vec::new() };
        let then = Then::Begin { job: self, claim: claim.clone() };
        Step::Claim(Claiming { claim, then: Reading { others, then } })
    }

    /// Goes on if the claim is in force, else plans again.
    fn begin(self, claim: Claim<I>, view: Option<View<I, D>>) -> Step<I, D> {
        let Some(view) = view.filter(|view| view.stored.is_of(&claim)) else { return self.look() };
        let edited = match (&claim.mark, &view.stored.list) {
            (Mark::Editing, Some(list)) => self.edited(list, &view),
            (Mark::Editing, None) => Edited::Unchanged,
            (Mark::Clear | Mark::Searching, _) => {
                let work = self.work(claim, &view);
                return if view.is_empty { work.finish(None) } else { work.search() };
            }
        };
        match edited {
            Edited::Short => self.claim(&view, Mark::Searching),
            Edited::List(list) => self.work(claim, &view).finish(Some(list)),
            Edited::Unchanged => self.work(claim, &view).finish(view.stored.list),
        }
    }

    pub(super) fn work(self, claim: Claim<I>, view: &View<I, D>) -> Work<I, D> {
        let (before, published) = (view.stored.list.clone(), view.stored.published);
        let revision = view.revision;
        Work { job: self, claim, revision, before, published, found: Vec::new() }
    }
}

/// A list after the requests.
enum Edited<I, D> {
    Unchanged,
    List(List<I, D>),
    /// Too few are left.
    Short,
}

impl<I: Clone + Ord, D: Explanation> List<I, D> {
    /// Takes in what a pair scores. Answers whether anything changed.
    pub(super) fn apply(&mut self, id: I, revision: Revision, compared: Option<(crate::Score, D)>) -> bool {
        match compared {
            Some((score, detail)) => self.entries.set(Entry { id, score, revision, detail }),
            None => self.entries.remove(&id),
        }
    }
}

/// A read, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reading<I, D> {
    pub(super) others: Vec<I>,
    pub(super) then: Then<I, D>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Then<I, D> {
    Plan(Job<I, D>),
    Begin { job: Job<I, D>, claim: Claim<I> },
    Verify { work: Work<I, D>, list: List<I, D> },
}

impl<I: Clone + Ord, D: Explanation> Reading<I, D> {
    /// The articles whose revisions are to be read too.
    pub fn others(&self) -> &[I] {
        &self.others
    }

    /// The article as read; `None` if it was never stored.
    pub fn answer(self, view: Option<View<I, D>>) -> Step<I, D> {
        match self.then {
            Then::Plan(job) => job.plan(view),
            Then::Begin { job, claim } => job.begin(claim, view),
            Then::Verify { work, list } => work.verify(list, &self.others, view),
        }
    }

    /// The ranking this read belongs to.
    pub fn article(&self) -> &I {
        match &self.then {
            Then::Plan(job) | Then::Begin { job, .. } => &job.article,
            Then::Verify { work, .. } => &work.job.article,
        }
    }
}

/// A claim to write; what is read afterwards tells whether it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claiming<I, D> {
    pub(super) claim: Claim<I>,
    pub(super) then: Reading<I, D>,
}

impl<I, D> Claiming<I, D> {
    /// What to write.
    pub fn claim(&self) -> &Claim<I> {
        &self.claim
    }

    /// The claim was completed, in force or not.
    pub fn answer(self) -> Step<I, D> {
        Step::Read(self.then)
    }
}

/// Entries whose neighbour is not what was compared.
pub(super) fn outdated<I: Clone + Ord, D: Explanation>(
    list: &List<I, D>,
    revisions: &BTreeMap<I, Revision>,
    asked: &[I],
) -> Vec<I> {
    let entries = list.entries.as_slice().iter().filter(|entry| asked.contains(&entry.id));
    entries
        .filter(|entry| revisions.get(&entry.id) != Some(&entry.revision))
        .map(|entry| entry.id.clone())
        .collect()
}
