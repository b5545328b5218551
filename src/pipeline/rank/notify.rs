//! Stage notify: the owner of every list that a change may touch gets a request of its
//! own, acknowledged before the change counts as done.
//!
//! Guarantee: one change puts at most a burst of requests before everybody else's; the
//! rest goes out at a bounded rate, so that an article in thousands of lists does not
//! stop the others.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use list_maintenance::Request;

use super::perform::Ranking;
use crate::domain::list::Why;
use crate::domain::rank_request::RankRequest;
use crate::pipeline::Stop;
use crate::ports::{Failed, Log, Outgoing};
use crate::retry::wait;

/// Requests of one change in flight at the same time.
const REQUESTS_AT_ONCE: usize = 128;

impl Ranking<'_> {
    /// Sends what the ranking found out to the owners of other lists.
    pub(super) async fn send(&self, requests: &[(String, Request<String, Why>)]) -> Result<(), Stop> {
        let settings = &self.role.settings;
        let (burst, rest) = requests.split_at(settings.fan_out_burst.min(requests.len()));
        self.send_together(burst).await?;
        let per_second = settings.fan_out_per_second as usize;
        // A tenth of a second's worth at a time.
        for part in rest.chunks(per_second.div_ceil(10)) {
            let pause = Duration::from_secs_f64(part.len() as f64 / per_second as f64);
            if !wait(self.batch, pause).await {
                return Err(Stop::Abandoned);
            }
            self.send_together(part).await?;
        }
        Ok(())
    }

    async fn send_together(&self, requests: &[(String, Request<String, Why>)]) -> Result<(), Stop> {
        let sending: Vec<_> = requests.iter().map(|(to, request)| self.send_one(to, request)).collect();
        stream::iter(sending).buffer_unordered(REQUESTS_AT_ONCE).try_collect().await
    }

    async fn send_one(&self, to: &str, request: &Request<String, Why>) -> Result<(), Stop> {
        let request = RankRequest::sent(to, self.article_id, request, self.occurred_at);
        self.attempt("notify", || send_request(&*self.role.log, &self.role.rank_topic, &request)).await
    }
}

/// Produces one request, keyed by the article it is about.
pub(in crate::pipeline) async fn send_request(
    log: &dyn Log,
    topic: &str,
    request: &RankRequest,
) -> Result<(), Failed> {
    // Strings and finite numbers: it is always JSON.
    let value = serde_json::to_vec(request).unwrap_or_default();
    let key = Some(request.article_id.as_bytes());
    log.produce(&Outgoing { topic, key, value: Some(&value), headers: &[] }).await.map(drop)
}
