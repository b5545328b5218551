//! Keeps lists of nearest articles right while articles change.
//!
//! Every article has a list of its k best neighbours, and an owner who maintains it.
//! When an article X changes, three kinds of list may change: its own, those that hold
//! it, and those it now belongs in. Scores are symmetric, so one search for X serves
//! all three: the owners of the others are sent the pair's score and take X in, move it
//! or drop it without a search of their own. This crate decides all of that and does no
//! IO: [`ranking::begin`] gives the first [`ranking::Step`], a thin shell carries it out
//! and gives its answer back, until [`ranking::Step::Done`].
//!
//! # Guarantee
//!
//! When input stops and faults heal, each stored list is what sorting everything gives,
//! down to its horizon, and its best k are the last record of the published topic. An
//! owner may be killed between any two steps, or paused and come back when another
//! owns the article; requests and writes may arrive late, twice and in any order. This
//! holds for searches that find everything; truncated ones are counted.
//!
//! # What a shell must keep
//!
//! - The store is linearizable, and an article's content is written completely before
//!   [`Request::Changed`] is sent; that before its event is resolved.
//! - A [`Revision`] is read before the content it stands for. Two contents that could
//!   score differently have different revisions. A read may so find newer content than
//!   its revision says, never older: the newer one still has its request to come.
//! - An owner does one ranking of an article at a time, and resolves the requests after
//!   `Done` only. One that no longer owns the article may go on; nothing rests on its
//!   stopping.
//! - [`Stored::claim`] and [`Stored::store`] are the writes' conditions, checked where
//!   the data is.
//!
//! # Why no change is lost
//!
//! Say X changes while A's list is ranked. X's owner has X written, then reads A with its
//! bar, then the holders of X. Which of A's owner's steps came before that?
//!
//! - **A search that missed X** began before X was written. Its claim, [`Mark::Searching`],
//!   was in the store before. So X's owner either sees the mark, and tells A; or
//!   sees what that search has stored, whose bar and holders are those of a list
//!   without the new X. Without the mark it could compare with a bar that is about to
//!   fall.
//! - **An edit** never lowers the bar. The bar is the [horizon](Entries::horizon), not the
//!   score of the k-th: above it nothing is missing, removals leave it where it is, and
//!   only a search lowers it. So an old bar tells too many, never too few.
//! - **An entry of an older X** can be on its way into A's list when X's owner asks who holds
//!   X. So before a list rests on a revision of X, the store says that it may hold X
//!   ([`Stored::holds`]), and the revision is read after that. If X was written before
//!   that read, the read shows it; if after, X's owner finds A among the holders.
//!   An edit knows its articles and says so in its claim. A search does not: it claims
//!   what is new in its result and then reads those once more.
//!
//! # Why no outdated pair wins
//!
//! A removed entry leaves no revision behind, so a request is not held against the entry
//! but against the articles: it counts only if both still are what was compared, read
//! after the claim. Otherwise it is dropped, for good:
//!
//! - The other article has changed again: it was written before this read, and its own
//!   request will reach or has reached a reading of bars and holders after that.
//! - This article has changed: X's owner read it before that, X was written before X's
//!   owner read, so this article's own search sees X.
//!
//! The order of two requests about the same article therefore does not matter, nor who
//! sent them.
//!
//! # Why no stale writer wins
//!
//! In the store: each list needs a claim of the next sequence, read back before anything
//! rests on it. One writer gets a sequence, and a higher claim refuses every lower
//! store, also one that was on its way for an hour. A claim that is not the one read
//! back, or a store that was overtaken, starts over, so nothing is resolved that only
//! a loser has done. An edit of what is not published, among neighbours that are held
//! already, takes its sequence as it is stored (`ranking/unclaimed.rs` says why it may).
//!
//! A mark that its maker left behind is cleared by the next ranking, which publishes
//! whatever it finds, because nobody knows what was published last; the sweeper finds
//! marks that no request leads to.
//!
//! In the topic there is no such condition. A paused owner may publish an older list
//! after the newest, and on a compacted topic that record then is the only one. Three
//! ways out were weighed: a claim record that every reader would have to understand;
//! Kafka's transactions, whose repaired protocol (KIP-890) librdkafka 2.12 does not
//! speak; and reading the topic back, which asks nothing of readers. See [`watch`]. Until the repair, a reader that drops lower sequences has the right list.
//!
//! # How it is checked
//!
//! `tests/model` visits every interleaving of small scenarios, long random histories of
//! larger ones, and shows for each part above that something goes wrong without it.

mod entries;
mod message;
mod score;
mod stored;

pub mod ranking;
pub mod watch;

pub use entries::{Entries, Entry, Revision, Sizes};
pub use message::{Bar, Candidate, Compared, Explanation, Found, Pair, Request, Scored};
pub use score::{Place, Score};
pub use stored::{Claim, List, Mark, Publication, Stored, View};
