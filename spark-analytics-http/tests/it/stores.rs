//! The API over stores that are slow, full, broken or wrong.

use std::future::ready;
use std::sync::Arc;

use futures::FutureExt;
use spark_analytics_conformance::{Call, Probe, When};
use spark_analytics_core::{Analytics, CommitLimits, Error, MemoryStore, Result, Store};
use spark_analytics_http::ApiOptions;
use tokio::sync::Semaphore;

use crate::{Api, END, START, TASK, application, snapshot};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Fails,
    IsHeld,
    Panics,
}

impl Fault {
    fn attempt(self) -> Result<()> {
        match self {
            Self::Fails => Err(Error::engine("odd", "answer", "the disk is full")),
            Self::IsHeld => Err(Error::unavailable("odd", "another process holds it")),
            Self::Panics => panic!("a store with a fault"),
        }
    }
}

/// A memory store with a fault, which can still import, prune, list applications, and read roll-ups
/// and sources of logs.
pub(crate) fn faulty(fault: Fault) -> Probe<MemoryStore> {
    Probe::new(MemoryStore::default(), move |when, call| {
        let is_hit = matches!(
            (when, call),
            (
                When::Before,
                Call::Ingest(_)
                    | Call::Job(_)
                    | Call::Jobs(_)
                    | Call::Events(_)
                    | Call::Log(_)
                    | Call::Facts(..)
                    | Call::Reject(_)
                    | Call::Rejected
                    | Call::Check
            )
        );
        ready(if is_hit { fault.attempt() } else { Ok(()) }).boxed()
    })
}

/// A memory store whose writes of events and rejected input need a permit each.
pub(crate) fn waiting(writes: Arc<Semaphore>) -> Probe<MemoryStore> {
    Probe::new(MemoryStore::default(), move |when, call| {
        if !matches!((when, call), (When::Before, Call::Ingest(_) | Call::Reject(_))) {
            return ready(Ok(())).boxed();
        }
        let writes = Arc::clone(&writes);
        async move {
            writes.acquire().await.unwrap().forget();
            Ok(())
        }
        .boxed()
    })
}

/// A memory store whose writes of events and rejected input never end.
pub(crate) fn stuck() -> Probe<MemoryStore> {
    waiting(Arc::new(Semaphore::new(0)))
}

#[tokio::test]
async fn a_full_queue_is_a_503_and_what_waited_is_stored() {
    let writes = Arc::new(Semaphore::new(0));
    let store: Arc<dyn Store> = Arc::new(waiting(Arc::clone(&writes)));
    let limits = CommitLimits::DEFAULT.batch(1).waiting(2);
    let analytics = Analytics::with_limits(Arc::clone(&store), limits);
    let api =
        Arc::new(Api { router: spark_analytics_http::Api::new(analytics).into_router(), store });

    // Polled once, in order, each waits for its commit.
    let mut first = Box::pin(api.ingest(START));
    let mut second = Box::pin(api.ingest(TASK));
    assert!(futures::poll!(&mut first).is_pending());
    assert!(futures::poll!(&mut second).is_pending());
    let busy = api.ingest(END).await;
    assert_eq!(busy.problem(503), "3 events are waiting to be stored (limit: 2); retry shortly");
    assert_eq!(busy.header("retry-after"), "1");
    let busy = api.lines(END).await;
    assert!(busy.problem(503).contains("retry shortly"));
    assert_eq!(busy.header("retry-after"), "1");

    writes.add_permits(10);
    first.await.json();
    second.await.json();
    api.ingest(END).await.json();
    assert_eq!(api.get("/api/v1/analytics/jobs/101").await.json()["task_count"], 1);
}

#[tokio::test]
async fn a_store_that_fails_is_a_500_that_says_what_failed() {
    let api = Api::over(faulty(Fault::Fails), &ApiOptions::default());
    let expected = "the odd store failed to answer: the disk is full";
    assert_eq!(api.ingest(START).await.problem(500), expected);
    assert!(api.lines(START).await.problem(500).starts_with(expected));
    for path in [
        "analytics/jobs/1",
        "analytics/jobs",
        "analytics/summary?date=2024-03-30",
        "logs?job_id=1",
        "logs/rejected",
    ] {
        assert_eq!(api.get(&format!("/api/v1/{path}")).await.problem(500), expected, "{path}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_not_ready_but_the_process_is_healthy() {
    let api = Api::over(faulty(Fault::Fails), &ApiOptions::default());
    let answer = api.get("/ready").await;
    assert_eq!(answer.problem(503), "the odd store failed to answer: the disk is full");
    assert_eq!(answer.header("retry-after"), "5");
    api.get("/health").await.json();
}

#[tokio::test]
async fn bad_events_are_answered_even_when_they_cannot_be_kept() {
    let failing = Api::over(faulty(Fault::Fails), &ApiOptions::default());
    assert_eq!(failing.ingest("{}").await.problem(400), "field `event` is missing");
    let panicking = Api::over(faulty(Fault::Panics), &ApiOptions::default());
    assert_eq!(panicking.ingest("{}").await.problem(400), "field `event` is missing");
}

#[tokio::test]
async fn a_panic_is_a_500() {
    let api = Api::over(faulty(Fault::Panics), &ApiOptions::default());
    let detail = api.get("/api/v1/analytics/jobs/1").await.problem(500);
    assert!(detail.starts_with("the server failed to handle this request"), "{detail}");
    api.get("/health").await.json();
}

#[tokio::test]
async fn a_store_that_another_process_holds_is_a_503() {
    let api = Api::over(faulty(Fault::IsHeld), &ApiOptions::default());
    for answer in
        [api.ingest(START).await, api.lines(START).await, api.get("/api/v1/analytics/jobs").await]
    {
        let detail = answer.problem(503);
        assert!(
            detail.starts_with("the odd store cannot be used now: another process holds it"),
            "{detail}"
        );
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[tokio::test]
async fn an_invalid_event_is_kept_even_if_its_sender_disconnects() {
    let writes = Arc::new(Semaphore::new(0));
    let api = Api::over(waiting(Arc::clone(&writes)), &ApiOptions::default());
    let mut first = Box::pin(api.ingest("first"));
    assert!(futures::poll!(&mut first).is_pending());
    // The first is being written when the second comes.
    tokio::task::yield_now().await;
    let mut second = Box::pin(api.ingest("second"));
    assert!(futures::poll!(&mut second).is_pending());
    drop(second);
    writes.add_permits(10);
    first.await.problem(400);
    // No caller waits for the second write any more; it is the next one.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let kept = api.store.rejected(None, 10).await.unwrap();
    let raw: Vec<_> = kept.iter().map(|row| row.rejection.raw.as_str()).collect();
    assert_eq!(raw, ["second", "first"]);
}

/// An application in a store that can list applications but cannot read logs.
async fn with_an_application(fault: Fault) -> Api {
    let api = Api::over(faulty(fault), &ApiOptions::default());
    api.import(snapshot(application("a"))).await;
    api
}

#[tokio::test]
async fn applications_are_listed_without_reading_their_logs() {
    let api = with_an_application(Fault::Panics).await;
    for path in [
        "/api/v1/applications?minDate=1960-01-01&status=running",
        "/api/v1/applications/a",
        "/api/v1/analytics/applications",
        "/api/v1/analytics/applications/a",
    ] {
        let answer = api.get(path).await;
        answer.json();
        assert!(answer.text().contains(r#"id":"a""#) || path.contains("minDate"), "{path}");
    }
    api.get("/api/v1/analytics/applications/a/stages").await.problem(500);
}

#[tokio::test]
async fn sparks_routes_report_a_failed_store_as_plain_text() {
    let path = "/api/v1/applications/a/jobs";
    let answer = with_an_application(Fault::Fails).await.get(path).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (500, "text/plain"));
    assert!(answer.text().contains("the disk is full"), "{}", answer.text());
    let answer = with_an_application(Fault::IsHeld).await.get(path).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    assert_eq!(answer.header("content-type"), "text/plain");
}

#[tokio::test]
async fn an_event_that_the_store_refuses_is_rejected_and_others_are_stored() {
    let store = Probe::new(MemoryStore::default(), |when, call| {
        let is_refused = matches!((when, call), (When::Before, Call::Ingest(events))
            if events.iter().any(|event| event.user() == "poison"));
        let error = || Error::refused("odd", "it has no such character");
        ready(if is_refused { Err(error()) } else { Ok(()) }).boxed()
    });
    let api = Api::over(store, &ApiOptions::default());
    let poison = START.replace("ada", "poison");
    let refused = "the odd store refuses the content: it has no such character";
    assert_eq!(api.ingest(poison.clone()).await.problem(400), refused);
    let answer = api.lines([START, &poison, TASK, END].join("\n")).await.json();
    assert_eq!((answer["recorded"].as_i64(), answer["rejected"].as_i64()), (Some(3), Some(1)));
    assert_eq!(answer["results"][1]["detail"], refused);
    let rejected = api.get("/api/v1/logs/rejected").await.json();
    assert_eq!(rejected["rejected"].as_array().map(Vec::len), Some(2), "{rejected}");
}
