//! The gRPC calls. Each one converts, hands the work to an engine thread, and
//! converts back; decisions live in the collection.

mod collections;
mod points;

use std::sync::Arc;
use std::time::Instant;

use qdrant_client::qdrant::points_update_operation::Operation;
use qdrant_client::qdrant::qdrant_server::Qdrant;
use qdrant_client::qdrant::{HealthCheckReply, HealthCheckRequest, PointsOperationResponse, UpdateResult};
use tonic::{Request, Response, Status};

use super::blocking::EngineThreads;
use super::collection::Collection;
use super::registry::Registry;

/// The protocol version: clients compare it with their own, and accept a server
/// of the same major version at most one minor version away.
const PROTOCOL_VERSION: &str = "1.20.0";

/// Answers `UNIMPLEMENTED` for the named calls, in the form `async_trait` gives
/// to trait methods.
macro_rules! not_served {
    ($($call:ident($request:ty) -> $reply:ty;)*) => {$(
        fn $call<'service, 'call>(
            &'service self,
            _request: tonic::Request<$request>,
        ) -> std::pin::Pin<
            Box<dyn Future<Output = Result<tonic::Response<$reply>, tonic::Status>> + Send + 'call>,
        >
        where
            'service: 'call,
            Self: 'call,
        {
            Box::pin(std::future::ready(Err(tonic::Status::unimplemented(concat!(
                "the embedded Qdrant server serves a subset of Qdrant, without `",
                stringify!($call),
                "`",
            )))))
        }
    )*};
}
use not_served;

#[derive(Clone, Debug)]
pub(super) struct Service {
    registry: Arc<Registry>,
    threads: EngineThreads,
}

impl Service {
    pub(super) fn new(registry: Arc<Registry>) -> Service {
        Service { registry, threads: EngineThreads::new() }
    }

    async fn read<T, F>(&self, collection: &str, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce(&Collection) -> Result<T, Status> + Send + 'static,
    {
        let collection = self.registry.get(collection)?;
        self.threads.read(move || work(&collection)).await
    }

    async fn update<T, F>(&self, collection: &str, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce(&Collection) -> Result<T, Status> + Send + 'static,
    {
        let collection = self.registry.get(collection)?;
        self.threads.write(move || work(&collection)).await
    }

    async fn write(
        &self,
        collection: &str,
        operation: Operation,
        wait: Option<bool>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let start = Instant::now();
        let wait = wait.unwrap_or_default();
        let results =
            self.update(collection, move |collection| collection.write(vec![operation], wait)).await?;
        Ok(updated(results.into_iter().next(), start))
    }
}

fn updated(result: Option<UpdateResult>, start: Instant) -> Response<PointsOperationResponse> {
    Response::new(PointsOperationResponse { result, time: start.elapsed().as_secs_f64(), usage: None })
}

#[tonic::async_trait]
impl Qdrant for Service {
    async fn health_check(
        &self,
        _request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        Ok(Response::new(HealthCheckReply {
            title: "lookalike embedded qdrant".to_owned(),
            version: PROTOCOL_VERSION.to_owned(),
            commit: None,
        }))
    }
}
