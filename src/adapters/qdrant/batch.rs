//! Calls of many jobs carried out as one.
//!
//! Guarantee: every item gets its own answer, or the error of the call that it was part
//! of. Few calls of a kind are under way, and what waits for them goes together in the
//! next: no call waits for company, and the store sees few large calls under load.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::StoreError;

/// Items that wait for a call; whoever adds more waits.
const WAITING: usize = 1024;

type Waiting<I, O> = (I, oneshot::Sender<Result<O, Arc<StoreError>>>);

/// A cheap handle; the last one to go ends the tasks behind it.
pub(super) struct Batcher<I, O> {
    waiting: mpsc::Sender<Waiting<I, O>>,
}

impl<I, O> Clone for Batcher<I, O> {
    fn clone(&self) -> Self {
        Self { waiting: self.waiting.clone() }
    }
}

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// Starts the tasks that make the calls, `at_once` of them: `call` answers each of at
    /// most `most` items, in their order.
    pub(super) fn start<F>(
        most: usize,
        at_once: usize,
        call: impl Fn(Vec<I>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Vec<O>, StoreError>> + Send,
    {
        let (waiting, items) = mpsc::channel::<Waiting<I, O>>(WAITING);
        let items = Arc::new(Mutex::new(items));
        for _ in 0..at_once {
            let (items, call) = (Arc::clone(&items), call.clone());
            tokio::spawn(async move {
                let mut batch = Vec::new();
                while items.lock().await.recv_many(&mut batch, most).await > 0 {
                    let (requests, answers): (Vec<I>, Vec<_>) = batch.drain(..).unzip();
                    answer(call(requests).await, answers);
                }
            });
        }
        Self { waiting }
    }

    /// Has one item done.
    pub(super) async fn call(&self, item: I) -> Result<O, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.waiting.send((item, answer)).await.map_err(|_| StoreError::Stopped)?;
        // A call that answers too few items, or a task that is gone.
        answered.await.map_err(|_| StoreError::Stopped)?.map_err(StoreError::Shared)
    }
}

/// Whoever asked may have been abandoned, and hears nothing.
fn answer<O>(called: Result<Vec<O>, StoreError>, answers: Vec<oneshot::Sender<Result<O, Arc<StoreError>>>>) {
    match called {
        Ok(results) => {
            for (answer, result) in answers.into_iter().zip(results) {
                answer.send(Ok(result)).ok();
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for answer in answers {
                answer.send(Err(Arc::clone(&error))).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_waits_goes_together_and_everyone_gets_their_own() {
        let gate = Arc::new(Semaphore::new(0));
        let calls = Arc::new(AtomicUsize::new(0));
        let (opened, counted) = (Arc::clone(&gate), Arc::clone(&calls));
        let batcher = Batcher::start(8, 1, move |items: Vec<u32>| {
            let (gate, calls) = (Arc::clone(&opened), Arc::clone(&counted));
            async move {
                gate.acquire().await.unwrap().forget();
                calls.fetch_add(1, Ordering::SeqCst);
                if items.contains(&13) {
                    return Err(StoreError::NotCompleted { status: "13".to_owned() });
                }
                Ok(items.into_iter().map(|item| item * 2).collect())
            }
        });
        let ask = |item| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.call(item).await })
        };
        let first = ask(1);
        tokio::task::yield_now().await;
        let others: Vec<_> = (2..6).map(ask).collect();
        tokio::task::yield_now().await;
        gate.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap(), 2);
        for (item, other) in (2..6).zip(others) {
            assert_eq!(other.await.unwrap().unwrap(), item * 2);
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        gate.add_permits(1);
        let error = ask(13).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("13"), "{error}");
    }
}
