//! Lists as the lists file has them, one article a line.

use std::io::Write;

use serde::Serialize;

use crate::domain::list::{MatchedPair, Neighbour};

/// One line of a lists file.
#[derive(Debug, Serialize)]
pub(super) struct ListLine<'a> {
    pub(super) article_id: &'a str,
    pub(super) neighbours: Vec<NeighbourEntry<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct NeighbourEntry<'a> {
    article_id: &'a str,
    score: f64,
    image_score: Option<f64>,
    text_score: Option<f64>,
    pairs: &'a [MatchedPair],
}

impl<'a> ListLine<'a> {
    pub(super) fn new(article_id: &'a str, neighbours: &'a [Neighbour]) -> Self {
        let entry = |neighbour: &'a Neighbour| NeighbourEntry {
            article_id: &neighbour.article_id,
            score: neighbour.score,
            image_score: neighbour.image_score,
            text_score: neighbour.text_score,
            pairs: &neighbour.pairs,
        };
        Self { article_id, neighbours: neighbours.iter().map(entry).collect() }
    }

    /// Writes the line.
    pub(super) fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}
