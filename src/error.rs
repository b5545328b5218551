//! What an error means for the record being worked on.
//!
//! Guarantee: every error type of an adapter or stage says its class itself, by an
//! exhaustive `match`, so a new kind of failure cannot silently get a class.

/// Class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Passes by itself: back off and try again, without limit.
    Retry,
    /// May appear later: a few delayed attempts, then a dead letter.
    Later,
    /// Will never work: the record becomes a dead letter.
    DeadLetter,
    /// Somebody must mend the set-up: not ready, try again, never a dead letter.
    Configuration,
    /// This process cannot go on.
    Fatal,
}

impl Disposition {
    /// Name in logs, metrics and dead letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Later => "later",
            Self::DeadLetter => "dead_letter",
            Self::Configuration => "configuration",
            Self::Fatal => "fatal",
        }
    }
}

/// An error that knows its class and a stable machine-readable reason.
pub trait Classify: std::error::Error {
    fn disposition(&self) -> Disposition;
    /// Short, lower case, stable: a metric label and a dead-letter code.
    fn code(&self) -> &'static str;
}
