//! A bench for tests of the whole worker: real servers in this process, drawn
//! pictures as `file://` objects, and a naive model of what must come out.
//!
//! Every wait has a deadline and says what it waited for.

pub(crate) mod allocation;
pub(crate) mod bench;
pub(crate) mod model;
pub(crate) mod pictures;
pub(crate) mod process;
pub(crate) mod shop;
pub(crate) mod topic;
pub(crate) mod verify;

use std::future::Future;
use std::time::Duration;

/// Longest wait for anything; the embedded broker alone takes seconds to rebalance.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks at a condition until it has an answer. `state` of the last look is in the
/// message when the deadline passes.
pub(crate) async fn until<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let end = tokio::time::Instant::now() + DEADLINE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(state) if tokio::time::Instant::now() > end => {
                panic!("waited {DEADLINE:?} for {what}; at last: {state}")
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Runs a blocking call of a client away from the runtime's own threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
