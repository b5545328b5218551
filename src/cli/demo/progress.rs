//! What the demo shows while it works, on standard error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::catalogue::Article;
use crate::adapters::kafka::tail::Progress as GroupProgress;

/// A progress bar where there is a terminal, a line now and then elsewhere.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    events: u64,
    lists: Arc<AtomicU64>,
    /// Tenths of the events reported on their own line.
    reported: Arc<AtomicU64>,
}

impl Progress {
    pub(super) fn new(articles: &[Article]) -> Self {
        let events = articles.iter().map(|article| article.events.len() as u64).sum();
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} events applied  {msg}");
        let bar = ProgressBar::new(events).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let count = || Arc::new(AtomicU64::new(0));
        Self { bar, events, lists: count(), reported: count() }
    }

    pub(super) fn list(&self) {
        self.lists.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn at(&self, events: GroupProgress, rank: GroupProgress) {
        let lists = self.lists.load(Ordering::Relaxed);
        let left = rank.open();
        let message = format!("{lists} lists published, {left} rank requests left");
        self.bar.set_position(events.committed);
        self.bar.set_message(message.clone());
        let tenth = (events.committed * 10).checked_div(self.events).unwrap_or(10);
        if self.bar.is_hidden() && self.reported.fetch_max(tenth, Ordering::Relaxed) < tenth {
            let (applied, all) = (events.committed, self.events);
            eprintln!("{applied}/{all} events applied, {message}");
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
