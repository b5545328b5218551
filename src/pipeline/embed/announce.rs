//! Stage announce: role `rank` is told that the article changed.

use super::EmbedRole;
use crate::domain::event::Event;
use crate::domain::rank_request::{RankReason, RankRequest};
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;
use crate::pipeline::rank::send_request;

impl EmbedRole {
    /// Produces the request and waits for its acknowledgement.
    pub(super) async fn announce(
        &self,
        article_id: &str,
        events: &[Event],
        batch: &Batch,
    ) -> Result<(), Stop> {
        let request = RankRequest {
            // The oldest wait is the one that matters.
            occurred_at: events.iter().find_map(|event| event.occurred_at.clone()),
            ..RankRequest::plain(RankReason::ArticleChanged, article_id, article_id)
        };
        let run = || send_request(&*self.log, &self.rank_topic, &request);
        self.attempts.run("announce", batch, run).await.map_err(Stop::of("announce"))
    }
}
