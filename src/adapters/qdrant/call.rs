//! Calls to Qdrant, as the metrics count them.

use std::future::Future;
use std::time::Instant;

use qdrant_client::QdrantError;
use qdrant_client::qdrant::{PointsOperationResponse, UpdateStatus};

use super::StoreError;
use crate::metrics::{QdrantOperation, metrics};

/// Makes a call. A write whose condition did not hold has not failed.
pub(super) async fn call<T, E>(
    operation: QdrantOperation,
    calling: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Instant::now();
    let answer = calling.await;
    let (qdrant, operation) = (&metrics().qdrant, operation.as_str());
    qdrant.request_duration.with_label_values(&[operation]).observe(begun.elapsed().as_secs_f64());
    let result = if answer.is_ok() { "ok" } else { "failed" };
    qdrant.requests.with_label_values(&[operation, result]).inc();
    answer
}

/// Makes a call that writes; only `Completed` is success.
pub(super) async fn write(
    calling: impl Future<Output = Result<PointsOperationResponse, QdrantError>>,
) -> Result<(), StoreError> {
    call(QdrantOperation::Write, async { completed(calling.await?) }).await
}

/// `Acknowledged` and `WaitTimeout` come back as success from the client.
fn completed(response: PointsOperationResponse) -> Result<(), StoreError> {
    let status = response.result.map(|result| result.status());
    match status {
        Some(UpdateStatus::Completed) => Ok(()),
        Some(other) => Err(StoreError::NotCompleted { status: other.as_str_name().to_owned() }),
        None => Err(StoreError::NotCompleted { status: "nothing".to_owned() }),
    }
}
