//! What the worker says about its health, and the lists it shows.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;

use crate::adapters::http::server::{Lookup, Probe};
use crate::adapters::kafka::control::Control;
use crate::adapters::qdrant::Catalogue;
use crate::health::Health;
use crate::metrics::metrics;

/// Silence of a consumer thread after which only a restart helps: it polls every
/// 50 ms and waits at most the revoke deadline and one commit.
const POLL_DEADLINE: Duration = Duration::from_secs(60);

/// The worker as the HTTP interface sees it; filled as the worker starts.
pub(super) struct WorkerProbe {
    health: Arc<Health>,
    consumers: OnceLock<Vec<Arc<Control>>>,
    catalogue: OnceLock<(Catalogue, usize)>,
}

impl WorkerProbe {
    pub(super) fn new(health: Arc<Health>) -> Self {
        Self { health, consumers: OnceLock::new(), catalogue: OnceLock::new() }
    }

    pub(super) fn set_consumers(&self, consumers: Vec<Arc<Control>>) {
        // Called once.
        self.consumers.set(consumers).ok();
    }

    /// Lists show `k` neighbours.
    pub(super) fn set_catalogue(&self, catalogue: Catalogue, k: usize) {
        // Called once.
        self.catalogue.set((catalogue, k)).ok();
    }
}

impl Probe for WorkerProbe {
    fn live(&self) -> Result<(), String> {
        let silent = self.consumers.get().into_iter().flatten().map(|control| control.since_poll()).max();
        match silent {
            Some(silent) if silent > POLL_DEADLINE => {
                Err(format!("a consumer has not polled for {} s", silent.as_secs()))
            }
            _ => Ok(()),
        }
    }

    fn ready(&self) -> Vec<String> {
        let mut reasons = self.health.blocked();
        let consumers = self.consumers.get().into_iter().flatten();
        if !consumers.into_iter().all(|control| control.is_assigned()) {
            reasons.push("kafka: no partitions were assigned yet".to_owned());
        }
        metrics().process.ready.set(i64::from(reasons.is_empty()));
        reasons
    }
}

/// Reads stored lists as soon as the worker is connected.
pub(super) fn lookup(probe: Arc<WorkerProbe>) -> Lookup {
    Arc::new(move |article_id| {
        let probe = Arc::clone(&probe);
        async move {
            let (catalogue, k) = probe.catalogue.get().ok_or("the worker is starting")?;
            let view = catalogue.view(&article_id).await.map_err(|error| error.to_string())?;
            Ok(view.and_then(|(_, ranked)| ranked.list(&article_id, *k)))
        }
        .boxed()
    })
}
