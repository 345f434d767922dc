//! Reads under way are bounded: lists are read piece by piece, and expensive reads have few permits.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures::{FutureExt, StreamExt};
use spark_analytics_conformance::{Call, Probe, When};
use spark_analytics_core::log::{LogJob, LogSnapshot, fact};
use spark_analytics_core::{Error, Event, Facts, KeyRange, MemoryStore, Store, Timestamp};
use spark_analytics_http::ApiOptions;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::{Api, snapshot};

/// Jobs 0, 1, … of a second each.
async fn with_jobs(store: &impl Store, count: i64) {
    let at = Timestamp::from_millis;
    let events = (0..count).flat_map(|id| {
        let end = at(id * 1_000 + 1_000);
        [
            Event::job_start(id, at(id * 1_000), "ada").unwrap(),
            Event::job_end(id, end, "ada", end, "JobSucceeded").unwrap(),
        ]
    });
    store.ingest(events.collect()).await.unwrap();
}

/// Events of job 1 of almost 64 KiB each.
async fn with_long_events(store: &impl Store, count: i64) {
    let events = (0..count).map(|task| {
        let end = Timestamp::from_millis(task);
        let event = Event::task_end(1, end, "ada", format!("t{task}"), 1, true).unwrap();
        let pad = format!(r#"{{"pad":"{}","#, "x".repeat(65_000));
        Event::from_json(&event.raw().replacen('{', &pad, 1)).unwrap()
    });
    store.ingest(events.collect()).await.unwrap();
}

/// How long a read waits for its permit here.
const WAIT: Duration = Duration::from_millis(500);

/// Counts the reads of lists.
fn counting(reads: &Arc<AtomicUsize>) -> Probe<MemoryStore> {
    let reads = Arc::clone(reads);
    Probe::new(MemoryStore::default(), move |when, call| {
        if matches!((when, call), (When::Before, Call::Jobs(_) | Call::Events(_))) {
            reads.fetch_add(1, Ordering::Relaxed);
        }
        ready(Ok(())).boxed()
    })
}

#[tokio::test]
async fn a_page_read_in_pieces_has_as_many_rows_as_asked_for() {
    let reads = Arc::default();
    let api = Api::over(counting(&reads), &ApiOptions::default());
    with_jobs(&api.store, 300).await;
    for limit in [1, 127, 128, 129, 255, 256, 257, 299, 300, 301, 10_000] {
        let path = format!("/api/v1/analytics/jobs?limit={limit}");
        let page = api.get(&path).await.json();
        let ids: Vec<u64> = page["jobs"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(ids, (0..300.min(limit)).collect::<Vec<_>>(), "{limit}");
        assert_eq!(page["next"].is_null(), limit >= 300, "{limit}");
        if let Some(cursor) = page["next"].as_str() {
            let next = api.get(&format!("{path}&cursor={cursor}")).await.json();
            assert_eq!(id(&next["jobs"][0]), limit);
        }
    }
    reads.store(0, Ordering::Relaxed);
    let page = api.get("/api/v1/analytics/summary?from=1970-01-01&to=1970-01-01").await.json();
    assert_eq!((page["jobs"].as_array().unwrap().len(), &page["total_jobs"]), (300, &300.into()));
    assert_eq!(page["next"], serde_json::Value::Null);
    assert!(page["user"].is_null() && page["to"] == "1970-01-01");
    assert_eq!(reads.load(Ordering::Relaxed), 3);
}

fn id(job: &serde_json::Value) -> u64 {
    job["job_id"].as_u64().unwrap()
}

#[tokio::test]
async fn nothing_is_read_before_its_client_has_read_what_comes_before() {
    let reads = Arc::default();
    let api = Api::over(counting(&reads), &ApiOptions::default());
    with_long_events(&api.store, 200).await;
    let request = Request::get("/api/v1/logs?job_id=1&limit=1000").body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    let mut chunks = response.into_body().into_data_stream();
    let (mut bytes, mut most) = (0, 0);
    while let Some(chunk) = chunks.next().await {
        bytes += chunk.unwrap().len();
        // A piece has 32 events.
        let read = reads.load(Ordering::Relaxed) * 32 * 65_000;
        most = most.max(read.saturating_sub(bytes));
    }
    assert!(bytes > 200 * 65_000, "{bytes}");
    assert!(most <= 32 * 65_000, "{most} bytes were read ahead");
}

/// A memory store whose lists need a permit for each read.
fn held(lists: &Arc<Semaphore>, arrived: &Arc<AtomicUsize>) -> Probe<MemoryStore> {
    let (lists, arrived) = (Arc::clone(lists), Arc::clone(arrived));
    Probe::new(MemoryStore::default(), move |when, call| {
        let is_list = match call {
            Call::Jobs(_) => true,
            Call::Facts(_, Facts::Jobs(range)) => *range != KeyRange::one(9),
            Call::Facts(_, facts) => !matches!(facts, Facts::Application | Facts::Environment),
            _ => false,
        };
        if !(is_list && when == When::Before) {
            return ready(Ok(())).boxed();
        }
        arrived.fetch_add(1, Ordering::Relaxed);
        let lists = Arc::clone(&lists);
        async move {
            lists.acquire().await.unwrap().forget();
            Ok(())
        }
        .boxed()
    })
}

#[tokio::test]
async fn expensive_reads_wait_for_each_other_and_cheap_reads_and_writes_for_none() {
    let (lists, arrived) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let options = ApiOptions::default().expensive_reads(2).read_wait(WAIT);
    let api = Api::over(held(&lists, &arrived), &options);
    with_jobs(&api.store, 10).await;
    api.import(snapshot(crate::application("a"))).await;
    let paths = [
        "/api/v1/analytics/jobs",
        "/api/v1/applications/a/jobs",
        "/api/v1/applications/a/stages",
        "/api/v1/analytics/applications/a/stages",
        "/api/v1/analytics/summary?from=1970-01-01",
        "/api/v1/applications",
        "/api/v1/logs?job_id=1&limit=1000",
        "/api/v1/logs/rejected?limit=1000",
        "/api/v1/analytics/jobs?user=ada&limit=1",
    ];
    let mut answers = futures::future::join_all(paths.map(|path| api.get(path)));
    assert!(futures::poll!(&mut answers).is_pending());
    api.get("/api/v1/analytics/jobs/1").await.json();
    api.get("/api/v1/analytics/applications/a").await.json();
    api.get("/api/v1/analytics/applications?limit=100").await.json();
    api.get("/api/v1/logs?job_id=1").await.json();
    api.get("/api/v1/applications/a").await.json();
    api.get("/api/v1/applications/a/storage/rdd").await.json();
    for (path, text) in [("jobs/9", "unknown job: 9"), ("environment", "no such app: a")] {
        assert_eq!(api.get(&format!("/api/v1/applications/a/{path}")).await.text(), text);
    }
    api.ingest(crate::START).await.json();
    // Two reads hold their permits until all others have waited long enough.
    let open = async {
        tokio::time::sleep(2 * WAIT).await;
        assert_eq!(arrived.load(Ordering::Relaxed), 2, "permits");
        lists.add_permits(100);
    };
    let (answers, ()) = futures::join!(&mut answers, open);
    for (path, answer) in paths.iter().zip(&answers) {
        let is_first = paths[..2].contains(path);
        assert_eq!(answer.status.as_u16(), if is_first { 200 } else { 503 }, "{path}");
        if !is_first {
            assert_eq!(answer.header("retry-after"), "1", "{path}");
            assert!(answer.text().contains("busy with other reads"), "{path}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_read_to_its_end_ends_early_with_a_cursor() {
    let fails = Arc::new(AtomicUsize::new(0));
    let (failing, calls) = (Arc::clone(&fails), AtomicUsize::new(0));
    let store = Probe::new(MemoryStore::default(), move |when, call| {
        let is_list = matches!((when, call), (When::Before, Call::Jobs(_)));
        let fails = is_list && calls.fetch_add(1, Ordering::Relaxed) == 1;
        failing.fetch_add(fails.into(), Ordering::Relaxed);
        let failure = || Err(Error::engine("odd", "answer", "the disk is full"));
        ready(if fails { failure() } else { Ok(()) }).boxed()
    });
    let api = Api::over(store, &ApiOptions::default());
    with_jobs(&api.store, 300).await;
    let page = api.get("/api/v1/analytics/jobs?limit=200").await.json();
    assert_eq!(page["jobs"].as_array().unwrap().len(), 128);
    assert_eq!(fails.load(Ordering::Relaxed), 1);
    let cursor = page["next"].as_str().unwrap();
    let next = api.get(&format!("/api/v1/analytics/jobs?cursor={cursor}")).await.json();
    assert_eq!((id(&next["jobs"][0]), next["jobs"].as_array().unwrap().len()), (128, 172));
}

#[tokio::test]
async fn a_page_whose_pieces_wait_too_long_ends_early_and_the_next_ones_have_the_rest() {
    const READ: Duration = Duration::from_millis(20);
    let store = Probe::new(MemoryStore::default(), move |when, call| {
        let is_list = matches!((when, call), (When::Before, Call::Jobs(_)));
        async move {
            if is_list {
                tokio::time::sleep(READ).await;
            }
            Ok(())
        }
        .boxed()
    });
    let options = ApiOptions::default().expensive_reads(1).read_wait(WAIT);
    let api = Api::over(store, &options);
    with_jobs(&api.store, 1_280).await;
    // Five times ten pieces take a second, of which the last client would have waited most.
    let path = "/api/v1/analytics/jobs?limit=10000";
    let pages = futures::future::join_all((0..5).map(|_| api.get(path))).await;
    let pages: Vec<_> = pages.iter().map(|page| page.json()).collect();
    assert!(pages.iter().any(|page| page["next"].is_string()), "one has ended early");
    for page in pages {
        let mut ids: Vec<u64> = page["jobs"].as_array().unwrap().iter().map(id).collect();
        if let Some(cursor) = page["next"].as_str() {
            let rest = api.get(&format!("{path}&cursor={cursor}")).await.json();
            ids.extend(rest["jobs"].as_array().unwrap().iter().map(id));
            assert!(rest["next"].is_null(), "nobody else reads");
        }
        assert_eq!(ids, (0..1_280).collect::<Vec<_>>());
    }
}

/// A log of an application `a` with this many jobs.
fn log_of_jobs(count: i64) -> LogSnapshot {
    fact!(LogSnapshot {
        application: crate::application("a"),
        jobs: (0..count).map(|job_id| fact!(LogJob { job_id })).collect(),
    })
}

#[tokio::test]
async fn a_list_without_cursors_is_read_in_pieces_to_its_end() {
    let api = Api::new();
    api.import(log_of_jobs(300)).await;
    let path = "/api/v1/applications/a/jobs";
    let jobs = api.get(path).await.json();
    let ids: Vec<u64> =
        jobs.as_array().unwrap().iter().map(|job| job["jobId"].as_u64().unwrap()).collect();
    assert_eq!(ids, (0..300).rev().collect::<Vec<_>>());
    assert_eq!(api.get(&format!("{path}?status=failed")).await.text(), "[]");
}

#[tokio::test]
async fn a_list_without_cursors_that_cannot_be_read_to_its_end_is_cut_off() {
    let calls = AtomicUsize::new(0);
    let store = Probe::new(MemoryStore::default(), move |when, call| {
        let is_list = matches!((when, call), (When::Before, Call::Facts(..)));
        let fails = is_list && calls.fetch_add(1, Ordering::Relaxed) == 1;
        let failure = || Err(Error::engine("odd", "answer", "the disk is full"));
        ready(if fails { failure() } else { Ok(()) }).boxed()
    });
    let api = Api::over(store, &ApiOptions::default());
    api.import(log_of_jobs(300)).await;
    let request = Request::get("/api/v1/applications/a/jobs").body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    assert!(body.is_err(), "it is incomplete, and says so");
}
