//! Each class of failure gets its own treatment.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;

#[derive(Debug, Clone, thiserror::Error)]
#[error("it failed")]
struct Fails(Disposition);

impl Classify for Fails {
    fn disposition(&self) -> Disposition {
        self.0
    }
    fn code(&self) -> &'static str {
        "test"
    }
}

struct Held(AtomicBool);

impl Tenure for Held {
    fn is_ours(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
    fn may_wait(&self) -> bool {
        self.is_ours()
    }
}

fn attempts() -> (Attempts, Arc<Health>) {
    let health = Arc::new(Health::default());
    (
        Attempts::new(BackoffSettings { first_ms: 1, max_ms: 4 }, Arc::clone(&health), Random::seeded(1)),
        health,
    )
}

/// Runs an operation that fails `failures` times.
async fn run(disposition: Disposition, failures: u32) -> (Result<u32, Failure<Fails>>, Arc<Health>) {
    let (attempts, health) = attempts();
    let calls = AtomicU32::new(0);
    let result = attempts
        .run("test", &Held(AtomicBool::new(true)), || async {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            if call <= failures { Err(Fails(disposition)) } else { Ok(call) }
        })
        .await;
    (result, health)
}

#[tokio::test(flavor = "current_thread")]
async fn passing_failures_are_tried_again_until_success() {
    assert_eq!(run(Disposition::Retry, 5).await.0.unwrap(), 6);
}

#[tokio::test(flavor = "current_thread")]
async fn a_mended_configuration_makes_ready_again() {
    let (result, health) = run(Disposition::Configuration, 2).await;
    assert_eq!(result.unwrap(), 3);
    assert_eq!(health.blocked(), Vec::<String>::new());
}

#[tokio::test(flavor = "current_thread")]
async fn lasting_failures_come_back_at_once() {
    for disposition in [Disposition::Later, Disposition::DeadLetter, Disposition::Fatal] {
        let (result, _) = run(disposition, 1).await;
        assert!(matches!(result, Err(Failure::Failed(Fails(same))) if same == disposition));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn lost_work_is_given_up_and_not_ready_meanwhile() {
    let (attempts, health) = attempts();
    let held = Held(AtomicBool::new(true));
    let result: Result<(), _> = attempts
        .run("test", &held, || async {
            if health.blocked() == ["test: it failed"] {
                held.0.store(false, Ordering::SeqCst);
            }
            Err(Fails(Disposition::Configuration))
        })
        .await;
    assert!(matches!(result, Err(Failure::Abandoned)));
    assert_eq!(health.blocked(), Vec::<String>::new(), "others' work does not block this process");
}

#[tokio::test(flavor = "current_thread")]
async fn work_that_is_not_ours_does_nothing() {
    let (attempts, _) = attempts();
    let calls = AtomicU32::new(0);
    let result: Result<(), Failure<Fails>> = attempts
        .run("test", &Held(AtomicBool::new(false)), || async {
            calls.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Failure::Abandoned)));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn a_stage_that_fails_for_good_after_a_mended_configuration_is_not_blocked() {
    let (attempts, health) = attempts();
    let calls = AtomicU32::new(0);
    let result: Result<(), _> = attempts
        .run("test", &Held(AtomicBool::new(true)), || async {
            let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            Err(Fails(if first { Disposition::Configuration } else { Disposition::Later }))
        })
        .await;
    assert!(matches!(result, Err(Failure::Failed(_))));
    assert_eq!(health.blocked(), Vec::<String>::new());
}

#[test]
fn delays_grow_to_the_limit_and_no_further() {
    let backoff = BackoffSettings { first_ms: 100, max_ms: 30_000 };
    for failures in 1..200 {
        let full = (100u64 << (failures - 1).min(20)).min(30_000);
        let delay = backoff.delay(failures, &Random::seeded(u64::from(failures))).as_millis() as u64;
        assert!(delay >= full / 2 && delay <= full + 1, "{failures}: {delay}");
    }
}
