//! What a ranking does, and what it spares.

use super::*;
use crate::{
    Bar, Compared, Entries, Entry, Found, Mark, Pair, Place, Publication, Revision, Score, Stored, View,
};

/// The two images that were matched: the article's own, the other's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Matched(&'static str, &'static str);

impl Explanation for Matched {
    fn mirrored(&self) -> Self {
        Self(self.1, self.0)
    }
}

const SETTINGS: Settings = Settings { sizes: Sizes { k: 1, kept: 2 }, max_low_searches: 2 };
const OWN: Revision = Revision(100);
const THEIRS: Revision = Revision(7);
const MATCHED: Matched = Matched("own", "theirs");

/// Everything that a ranking of article 0 sees, and what it did.
struct Shell {
    stored: Stored<u8, Matched>,
    is_empty: bool,
    /// Answers of the searches, in order.
    searches: Vec<Found<u8, Matched>>,
    holders: Vec<u8>,
    /// Revision of every other article.
    theirs: Revision,
    did: Vec<&'static str>,
    published: Vec<Publication<u8, Matched>>,
    sent: Vec<(u8, Request<u8, Matched>)>,
    bars: Vec<Option<Score>>,
}

impl Shell {
    /// Entries 1 (score 9) and 2 (score 8) are stored, 3 and others rank below.
    fn full() -> Self {
        let sorted = vec![entry(1, 9.0), entry(2, 8.0)];
        let horizon = Some(Place { score: Score(8.0), id: 2 });
        let list = List { revision: OWN, entries: Entries::restored(sorted, horizon, SETTINGS.sizes) };
        let stored = Stored {
            sequence: 5,
            ranking: 1,
            mark: Mark::Clear,
            list: Some(list),
            holds: vec![1, 2],
            published: 4,
        };
        Self {
            stored,
            is_empty: false,
            searches: Vec::new(),
            holders: Vec::new(),
            theirs: THEIRS,
            did: Vec::new(),
            published: Vec::new(),
            sent: Vec::new(),
            bars: Vec::new(),
        }
    }

    fn run(&mut self, requests: &[Request<u8, Matched>]) -> Outcome {
        self.carry_out(begin(0, 42, requests, SETTINGS, None))
    }

    /// Begins with the state as it was at some time.
    fn run_from(&mut self, stored: &Stored<u8, Matched>, requests: &[Request<u8, Matched>]) -> Outcome {
        self.carry_out(begin(0, 43, requests, SETTINGS, Some(stored)))
    }

    fn carry_out(&mut self, mut step: Step<u8, Matched>) -> Outcome {
        loop {
            step = match step {
                Step::Read(reading) => {
                    let others = reading.others().iter().map(|other| (*other, self.theirs)).collect();
                    let stored = self.stored.clone();
                    self.did.push("read");
                    reading.answer(Some(View { revision: OWN, is_empty: self.is_empty, stored, others }))
                }
                Step::Check(checking) => {
                    let others = checking.others().iter().map(|other| (*other, self.theirs)).collect();
                    self.did.push("check");
                    checking.answer(Some(OWN), others)
                }
                Step::Claim(claiming) => {
                    let holds = self.stored.claim(claiming.claim());
                    self.did.push(if holds { "claim" } else { "claim too late" });
                    claiming.answer()
                }
                Step::Search(searching) => {
                    self.bars.push(searching.bars_up_to());
                    self.did.push("search");
                    searching.answer(self.searches.remove(0))
                }
                Step::Compare(comparing) => {
                    let pair = |id: &u8| Pair { id: *id, revision: THEIRS, compared: None };
                    let pairs = comparing.others().iter().map(pair).collect();
                    self.did.push("compare");
                    comparing.answer(Compared { revision: OWN, pairs })
                }
                Step::Publish(publishing) => {
                    self.published.push(publishing.publication().clone());
                    self.did.push("publish");
                    publishing.answer()
                }
                Step::Store(storing) => {
                    let holds = self.stored.store(storing.state());
                    self.did.push(if holds { "store" } else { "store too late" });
                    storing.answer()
                }
                Step::Confirm(confirming) => {
                    self.did.push("confirm");
                    let in_force = self.stored.is_of(confirming.claim());
                    confirming.answer(in_force)
                }
                Step::Holders(holding) => {
                    self.did.push("holders");
                    holding.answer(self.holders.clone())
                }
                Step::Send(sending) => {
                    self.sent.extend_from_slice(sending.requests());
                    self.did.push("send");
                    sending.answer()
                }
                Step::Done(outcome) => return outcome,
            }
        }
    }

    fn entries(&self) -> Vec<u8> {
        let list = self.stored.list.as_ref().unwrap();
        list.entries.as_slice().iter().map(|entry| entry.id).collect()
    }
}

fn entry(id: u8, score: f64) -> Entry<u8, Matched> {
    Entry { id, score: Score(score), revision: THEIRS, detail: MATCHED }
}

fn scored(other: u8, score: Option<f64>) -> Request<u8, Matched> {
    let compared = score.map(|score| (Score(score), MATCHED));
    Request::Scored(Scored { other, other_revision: THEIRS, revision: OWN, compared })
}

fn candidate(id: u8, score: f64, bar: Bar) -> Candidate<u8, Matched> {
    Candidate { id, revision: THEIRS, score: Score(score), detail: MATCHED, bar }
}

fn found(candidates: Vec<Candidate<u8, Matched>>) -> Found<u8, Matched> {
    Found { candidates, truncated: None }
}

const EDIT: [&str; 5] = ["read", "claim", "read", "store", "confirm"];
const PUBLISHED_EDIT: [&str; 6] = ["read", "claim", "read", "publish", "store", "confirm"];

#[test]
fn a_pair_enters_moves_and_leaves_without_a_search() {
    let mut shell = Shell::full();
    let outcome = shell.run(&[scored(3, Some(9.5))]);
    assert_eq!(shell.did, PUBLISHED_EDIT);
    assert_eq!((shell.entries(), outcome.searches, outcome.published), (vec![3, 1], 0, true));
    assert_eq!(shell.published[0].list.as_ref().unwrap()[0].id, 3);
    assert_eq!((shell.published[0].sequence, shell.stored.published), (6, 6));

    let mut shell = Shell::full();
    shell.run(&[scored(1, Some(8.5))]);
    assert_eq!((shell.entries(), shell.published.len()), (vec![1, 2], 1));

    let mut shell = Shell::full();
    shell.run(&[scored(1, None)]);
    assert_eq!((shell.entries(), shell.published.len()), (vec![2], 1));
}

#[test]
fn what_changes_below_the_published_part_is_stored_and_not_published() {
    let mut shell = Shell::full();
    let outcome = shell.run(&[scored(3, Some(8.5))]);
    assert_eq!(shell.did, EDIT);
    assert_eq!((shell.entries(), outcome.published), (vec![1, 3], false));
    assert_eq!((shell.stored.sequence, shell.stored.published), (6, 4));
}

#[test]
fn what_changes_nothing_costs_one_read() {
    let outdated = |own, theirs| {
        let compared = Some((Score(9.5), MATCHED));
        Request::Scored(Scored { other: 3, other_revision: theirs, revision: own, compared })
    };
    let nothing = [scored(1, Some(9.0)), scored(3, None), scored(3, Some(7.0))];
    for request in nothing.into_iter().chain([outdated(Revision(1), THEIRS), outdated(OWN, Revision(1))]) {
        let mut shell = Shell::full();
        assert_eq!(shell.run(std::slice::from_ref(&request)), Outcome::default());
        assert_eq!(shell.did, ["read"], "{request:?}");
    }
}

#[test]
fn requests_that_wait_together_are_done_together() {
    let mut shell = Shell::full();
    shell.run(&[scored(1, None), scored(3, Some(9.5)), scored(4, Some(9.7)), scored(2, None)]);
    assert_eq!(shell.did, PUBLISHED_EDIT);
    assert_eq!(shell.entries(), [4, 3]);
}

#[test]
fn a_list_that_ran_short_is_searched_once() {
    let mut shell = Shell::full();
    shell.searches = vec![found(vec![candidate(3, 7.0, Bar::Open), candidate(4, 6.0, Bar::Open)])];
    let outcome = shell.run(&[scored(1, None), scored(2, None)]);
    assert_eq!((shell.entries(), outcome.searches, outcome.sent), (vec![3, 4], 1, 0));
    assert!(!shell.did.contains(&"holders"), "the article itself did not change");
}

#[test]
fn a_list_that_overflowed_and_ran_short_at_once_is_searched() {
    let mut shell = Shell::full();
    let nobody = Entries::restored(Vec::new(), None, SETTINGS.sizes);
    shell.stored.list = Some(List { revision: OWN, entries: nobody });
    shell.searches = vec![found(vec![candidate(3, 7.0, Bar::NoList)])];
    let overflow = [scored(1, Some(9.0)), scored(2, Some(8.0)), scored(3, Some(7.0))];
    let requests = [&overflow[..], &[scored(1, None), scored(2, None)]].concat();
    assert_eq!(shell.run(&requests).searches, 1);
    let ids: Vec<u8> = shell.published[0].list.iter().flatten().map(|entry| entry.id).collect();
    assert_eq!(ids, [3]);
}

#[test]
fn a_changed_article_searches_once_and_tells_its_holders_and_those_it_may_enter() {
    let mut shell = Shell::full();
    let candidates = [
        candidate(1, 9.0, Bar::At(Score(9.5))),
        candidate(2, 8.0, Bar::At(Score(8.0))),
        candidate(3, 7.0, Bar::Open),
        candidate(4, 6.0, Bar::NoList),
    ];
    shell.searches = vec![found(candidates.to_vec())];
    shell.holders = vec![6, 4, 0];
    let outcome = shell.run(&[Request::Changed]);
    let compared = |request: &Request<u8, Matched>| match request {
        Request::Scored(scored) => {
            assert_eq!((scored.other, scored.other_revision, scored.revision), (0, OWN, THEIRS));
            scored.compared.clone()
        }
        Request::Changed | Request::Sweep | Request::Republish => panic!("{request:?}"),
    };
    let told: Vec<_> = shell.sent.iter().map(|(id, request)| (*id, compared(request))).collect();
    let pair = |score| Some((Score(score), Matched("theirs", "own")));
    assert_eq!(told, [(2, pair(8.0)), (3, pair(7.0)), (4, pair(6.0)), (6, None)]);
    assert_eq!((outcome.searches, outcome.sent, outcome.published), (1, 4, false));
    let once = ["read", "claim", "read", "search", "store", "confirm", "holders", "compare", "send"];
    assert_eq!(shell.did, once, "the same neighbours as before need no second claim");
}

#[test]
fn an_article_with_nothing_left_gets_a_tombstone_and_leaves_all_lists() {
    let mut shell = Shell { is_empty: true, holders: vec![2], ..Shell::full() };
    shell.run(&[Request::Changed]);
    assert_eq!(shell.published, [Publication { sequence: 6, list: None }]);
    assert_eq!((&shell.stored.list, shell.stored.holds.len()), (&None, 0));
    assert_eq!((shell.sent[0].0, shell.sent.len()), (2, 1));
    shell.did.clear();
    shell.published.clear();
    shell.run(&[Request::Changed]);
    assert!(shell.published.is_empty(), "once");
}

#[test]
fn truncated_searches_go_on_among_low_bars_a_bounded_number_of_times() {
    let mut shell = Shell::full();
    let truncated = |id, score: f64| Found {
        candidates: vec![candidate(id, score, Bar::Open)],
        truncated: Some(Score(score)),
    };
    shell.searches = vec![truncated(1, 9.0), truncated(2, 5.0), truncated(3, 4.0)];
    let outcome = shell.run(&[Request::Changed]);
    assert_eq!(shell.bars, [None, Some(Score(9.0)), Some(Score(5.0))]);
    assert_eq!((outcome.searches, outcome.truncated, outcome.sent), (3, 3, 3));
    let list = shell.stored.list.as_ref().unwrap();
    assert!(list.entries.horizon().is_some(), "more may exist");

    let mut shell = Shell::full();
    shell.searches = vec![truncated(1, 9.0)];
    assert_eq!(shell.run(&[Request::Sweep]).truncated, 1, "a sweep tells nobody, so it looks no further");
}

#[test]
fn a_sweep_says_whether_the_list_was_wrong() {
    let right = found(vec![candidate(1, 9.0, Bar::Open), candidate(2, 8.0, Bar::Open)]);
    let mut shell = Shell { searches: vec![right], ..Shell::full() };
    assert!(!shell.run(&[Request::Sweep]).changed && shell.published.is_empty());
    let wrong = found(vec![candidate(3, 9.5, Bar::Open), candidate(1, 9.0, Bar::Open)]);
    let mut shell = Shell { searches: vec![wrong], ..Shell::full() };
    assert!(shell.run(&[Request::Sweep]).changed && shell.published.len() == 1);
}

#[test]
fn a_list_is_published_again_on_request_and_after_a_ranking_that_was_cut_off() {
    let mut shell = Shell::full();
    shell.run(&[Request::Republish]);
    assert_eq!((shell.did.as_slice(), shell.published[0].sequence), (PUBLISHED_EDIT.as_slice(), 6));

    let mut shell = Shell::full();
    shell.stored.mark = Mark::Editing;
    shell.run(&[scored(1, Some(9.0))]);
    assert_eq!((shell.did.as_slice(), shell.stored.mark), (PUBLISHED_EDIT.as_slice(), Mark::Clear));
}

#[test]
fn an_article_that_was_never_stored_has_nothing_to_rank() {
    let Step::Read(reading) = begin::<u8, Matched>(0, 42, &[Request::Changed], SETTINGS, None) else {
        panic!()
    };
    assert_eq!(reading.answer(None), Step::Done(Outcome::default()));
}

#[test]
fn a_remembered_state_spares_the_first_read() {
    let mut shell = Shell::full();
    let remembered = shell.stored.clone();
    shell.run_from(&remembered, &[scored(3, Some(9.5))]);
    assert_eq!(shell.did, PUBLISHED_EDIT[1..]);
    assert_eq!(shell.entries(), [3, 1]);
}

#[test]
fn a_remembered_state_that_is_no_longer_in_force_is_read() {
    let mut shell = Shell::full();
    let remembered = shell.stored.clone();
    shell.run(&[scored(3, Some(9.5))]);
    shell.did.clear();
    shell.run_from(&remembered, &[scored(4, Some(9.7))]);
    assert_eq!(shell.did, [&["claim too late", "read"], &PUBLISHED_EDIT[..]].concat());
    assert_eq!(shell.entries(), [4, 3]);
}

/// Entry 2 as it is stored, of an older revision.
fn with_an_outdated_second() -> Shell {
    let mut shell = Shell::full();
    let outdated = Entry { revision: Revision(1), ..entry(2, 8.0) };
    let horizon = Some(Place { score: Score(8.0), id: 2 });
    let entries = Entries::restored(vec![entry(1, 9.0), outdated], horizon, SETTINGS.sizes);
    shell.stored.list = Some(List { revision: OWN, entries });
    shell
}

#[test]
fn an_edit_that_shows_nobody_anything_and_brings_nobody_in_needs_no_claim() {
    for score in [Some(8.0), Some(8.5), Some(7.0), None] {
        let mut shell = with_an_outdated_second();
        let remembered = shell.stored.clone();
        let outcome = shell.run_from(&remembered, &[scored(2, score)]);
        assert_eq!(
            (shell.did.as_slice(), outcome.changed),
            (["check", "store", "confirm"].as_slice(), false)
        );
        assert_eq!((shell.stored.sequence, shell.stored.published), (6, 4));
        let kept = score.is_some_and(|score| score >= 8.0);
        assert_eq!(shell.entries(), if kept { vec![1, 2] } else { vec![1] });

        let mut shell = with_an_outdated_second();
        shell.run(&[scored(2, score)]);
        assert_eq!(shell.did, ["read", "check", "store", "confirm"], "the state is read before revisions");
    }
}

#[test]
fn an_edit_without_a_claim_yields_to_any_write() {
    let mut shell = with_an_outdated_second();
    let remembered = shell.stored.clone();
    shell.run(&[scored(2, None)]);
    shell.did.clear();
    shell.run_from(&remembered, &[scored(2, Some(8.0))]);
    let again = ["check", "store too late", "confirm", "read", "claim", "read", "store", "confirm"];
    assert_eq!((shell.did.as_slice(), shell.entries()), (again.as_slice(), vec![1, 2]));
}

#[test]
fn an_edit_without_a_claim_counts_only_what_still_is_what_was_compared() {
    let mut shell = Shell { theirs: Revision(8), ..with_an_outdated_second() };
    let remembered = shell.stored.clone();
    shell.run_from(&remembered, &[scored(2, Some(8.5))]);
    assert_eq!(shell.did, ["check", "read"]);
    assert_eq!(shell.stored, remembered);
}

#[test]
fn that_nothing_is_to_be_done_is_never_concluded_from_memory() {
    let mut shell = Shell::full();
    let remembered = shell.stored.clone();
    shell.run(&[scored(1, None)]);
    shell.did.clear();
    // It is in the remembered list, and no longer in the stored one.
    shell.run_from(&remembered, &[scored(1, Some(9.0))]);
    assert_eq!((shell.did.as_slice(), shell.entries()), (PUBLISHED_EDIT.as_slice(), vec![1, 2]));
}

#[test]
fn a_remembered_state_with_a_mark_is_read() {
    let mut shell = Shell::full();
    shell.stored.mark = Mark::Editing;
    let remembered = shell.stored.clone();
    shell.run_from(&remembered, &[scored(3, Some(9.5))]);
    assert_eq!(shell.did, PUBLISHED_EDIT);
}
