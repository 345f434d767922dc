//! Which entries a write invalidates.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::*;
use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use spark_analytics_conformance::history::{self, Input};
use spark_analytics_core::log::{Application, LogJob, LogSnapshot, fact};
use spark_analytics_core::{JobKey, MemoryStore, Store, Timestamp};
use spark_analytics_redis::RedisCached;

async fn two_processes() -> (MemoryStore, InMemory, InMemory) {
    let (store, url, namespace) = (MemoryStore::default(), shared_url(), namespace());
    let one = adapter(store.clone(), &url, &namespace).await;
    let other = adapter(store.clone(), &url, &namespace).await;
    (store, one, other)
}

/// Whether a read came from Redis. If Redis timed out, as it may on a busy machine, the read is repeated.
async fn is_hit(cached: &InMemory, read: impl AsyncFn()) -> bool {
    loop {
        until(async || cached.counts().is_available).await;
        let before = cached.counts();
        read().await;
        let after = cached.counts();
        if after.bypassed == before.bypassed {
            assert_eq!(after.hits + after.misses, before.hits + before.misses + 1, "{after:?}");
            return after.hits > before.hits;
        }
    }
}

async fn day_is_hit(cached: &InMemory, on: i32, user: Option<&str>) -> bool {
    is_hit(cached, async || _ = jobs_on(cached, on, on, user).await).await
}

async fn job_is_hit(cached: &InMemory, job: i64, tasks: Option<i64>) -> bool {
    is_hit(cached, async || assert_eq!(tasks_of(cached, job).await, tasks)).await
}

/// Reads until Redis has responded in time, so that it holds the value.
async fn keep<T>(cached: &InMemory, read: impl AsyncFn() -> T) -> T {
    loop {
        until(async || cached.counts().is_available).await;
        let before = cached.counts();
        let read = read().await;
        let after = cached.counts();
        if (after.bypassed, after.errors) == (before.bypassed, before.errors) {
            return read;
        }
    }
}

async fn keep_days(cached: &InMemory, from: i32, to: i32, user: Option<&str>) -> Vec<i64> {
    keep(cached, async || jobs_on(cached, from, to, user).await).await
}

async fn keep_job(cached: &InMemory, job: i64) -> Option<i64> {
    keep(cached, async || tasks_of(cached, job).await).await
}

#[tokio::test]
async fn a_value_read_by_one_process_is_a_hit_in_another() {
    let (store, one, other) = two_processes().await;
    store.ingest(vec![start(1, 5, "ada"), end(1, 5)]).await.unwrap();
    assert!(!job_is_hit(&one, 1, Some(0)).await);
    assert!(job_is_hit(&other, 1, Some(0)).await);
    assert!(!job_is_hit(&one, 2, None).await);
    assert!(job_is_hit(&other, 2, None).await);
    for user in [None, Some("ada"), Some("eve")] {
        let jobs = if user == Some("eve") { [0, 0] } else { [1, 0] };
        assert!(!is_hit(&one, async || assert_eq!(jobs_on(&one, 5, 6, user).await, jobs)).await);
        assert!(is_hit(&other, async || assert_eq!(jobs_on(&other, 5, 6, user).await, jobs)).await);
    }
}

#[tokio::test]
async fn a_job_that_moves_invalidates_its_old_and_its_new_day_and_no_other() {
    let (_, one, other) = two_processes().await;
    one.ingest(vec![start(1, 1, "ada"), end(1, 1), start(2, 2, "bob"), end(2, 2)]).await.unwrap();
    assert_eq!(keep_days(&other, 0, 4, None).await, [0, 1, 1, 0, 0]);
    assert_eq!(keep_days(&other, 0, 4, Some("ada")).await, [0, 1, 0, 0, 0]);
    assert_eq!(keep_job(&other, 2).await, Some(0));

    one.ingest(vec![end(1, 3)]).await.unwrap();
    for user in [None, Some("ada")] {
        assert!(day_is_hit(&other, 0, user).await);
        assert!(!day_is_hit(&other, 1, user).await, "where it was");
        assert!(day_is_hit(&other, 2, user).await);
        assert!(!day_is_hit(&other, 3, user).await, "where it is");
        assert!(day_is_hit(&other, 4, user).await);
    }
    assert!(job_is_hit(&other, 2, Some(0)).await, "another job");
    assert_eq!(keep_days(&other, 0, 4, None).await, [0, 0, 1, 1, 0]);
    assert_eq!(keep_days(&one, 0, 4, Some("ada")).await, [0, 0, 0, 1, 0]);

    // The job has left day 1, so later writes to it do not touch that day.
    one.ingest(vec![task(1, 1, "t")]).await.unwrap();
    assert!(day_is_hit(&other, 1, None).await);
    assert!(!day_is_hit(&other, 3, None).await);
    assert_eq!(keep_job(&other, 1).await, Some(1));
}

#[tokio::test]
async fn a_job_without_an_end_invalidates_no_day() {
    let (_, one, other) = two_processes().await;
    assert_eq!(keep_days(&other, 0, 9, None).await, [0; 10]);
    one.ingest(vec![start(1, 5, "ada"), task(1, 5, "t")]).await.unwrap();
    assert!(day_is_hit(&other, 5, None).await);
    one.ingest(vec![end(2, 5)]).await.unwrap();
    one.ingest(vec![start(2, 4, "ada")]).await.unwrap();
    assert_eq!(keep_days(&other, 0, 9, None).await, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_range_reads_only_the_days_that_are_stale() {
    let (store, one, other) = two_processes().await;
    one.ingest(vec![start(1, 1, "ada"), end(1, 1), start(2, 30, "ada"), end(2, 30)]).await.unwrap();
    let before = keep_days(&other, 0, 30, None).await;
    // Bypasses the adapter, so that the cached value of day 1 differs from the stored one.
    store.ingest(vec![start(3, 1, "ada"), end(3, 1)]).await.unwrap();
    one.ingest(vec![start(4, 30, "ada"), end(4, 30)]).await.unwrap();
    let after = keep_days(&other, 0, 30, None).await;
    assert_eq!(after[..30], before[..30]);
    assert_eq!((before[30], after[30]), (1, 2));
}

#[tokio::test]
async fn long_ranges_are_read_from_the_store() {
    let (store, one, _) = two_processes().await;
    store.ingest(vec![start(1, 1, "ada"), end(1, 1)]).await.unwrap();
    let all = one.rollups(spark_analytics_core::Day::MIN, spark_analytics_core::Day::MAX, None);
    assert_eq!(all.await.unwrap().len(), 1);
    assert!(one.rollups(day(5), day(4), None).await.unwrap().is_empty());
    let counts = one.counts();
    assert_eq!((counts.hits, counts.misses, counts.bypassed), (0, 0, 0));
}

fn log(start_ms: i64, jobs: &[(i64, i32)]) -> LogSnapshot {
    let application = fact!(Application {
        app_id: "app-1".to_owned(),
        start_time: Some(Timestamp::from_millis(start_ms)),
    });
    let jobs = jobs.iter().map(|(job_id, on)| {
        fact!(LogJob {
            job_id: *job_id,
            ended: true,
            user: "ada".to_owned(),
            submission_time: Some(day(*on).start()),
            completion_time: Some(day(*on).start()),
        })
    });
    fact!(LogSnapshot { application, jobs: jobs.collect() })
}

#[tokio::test]
async fn a_later_run_invalidates_the_jobs_of_the_earlier_run() {
    let (_, one, other) = two_processes().await;
    one.ingest_logs(vec![log(1, &[(1, 1), (2, 2)])], Vec::new()).await.unwrap();
    assert_eq!(keep_days(&other, 0, 4, None).await, [0, 1, 1, 0, 0]);
    let keys = [1, 2].map(|job| JobKey::in_app("app-1", "", job));
    for key in &keys {
        assert!(other.job(key).await.unwrap().is_some());
    }
    one.ingest_logs(vec![log(2, &[(1, 3)])], Vec::new()).await.unwrap();
    assert!(day_is_hit(&other, 0, None).await);
    assert!(day_is_hit(&other, 4, None).await);
    assert_eq!(keep_days(&other, 0, 4, None).await, [0, 0, 0, 1, 0]);
    assert!(other.job(&keys[0]).await.unwrap().is_some());
    assert_eq!(other.job(&keys[1]).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_entry_is_read_from_the_store_and_replaced() {
    let (store, url, namespace) = (MemoryStore::default(), shared_url(), namespace());
    let one = adapter(store.clone(), &url, &namespace).await;
    let other = adapter(store, &url, &namespace).await;
    one.ingest(vec![start(1, 1, "ada"), end(1, 1)]).await.unwrap();
    assert_eq!(keep_job(&one, 1).await, Some(0));
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    // Other tests, whose keys have other types, use the same Redis.
    let pattern = format!("*{namespace}*:job:1:*");
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        let _: () = redis::cmd("HSET")
            .arg(key)
            .arg("v")
            .arg("nonsense")
            .query_async(&mut connection)
            .await
            .unwrap();
    }
    assert!(!job_is_hit(&other, 1, Some(0)).await);
    assert!(job_is_hit(&other, 1, Some(0)).await);
}

#[tokio::test]
async fn entries_expire_after_the_age_limit() {
    let (store, url, namespace) = (MemoryStore::default(), shared_url(), namespace());
    let options = RedisCached::options().max_age(Duration::from_millis(200));
    let cached = options.open(store.clone(), &url, &namespace).await.unwrap();
    assert_eq!(tasks_of(&cached, 1).await, None);
    store.ingest(vec![task(1, 1, "t")]).await.unwrap();
    until(async || tasks_of(&cached, 1).await == Some(1)).await;
}

/// Several processes write and read a few jobs and days at the same time. After each round, when all are idle, every
/// process must read what the store holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_processes_leave_nothing_stale() {
    let (store, url, namespace) = (MemoryStore::default(), shared_url(), namespace());
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(adapter(store.clone(), &url, &namespace).await);
    }
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let inputs = history::inputs(40).new_tree(&mut runner).expect("generates").current();
        let mut keys = BTreeSet::new();
        for input in &inputs {
            match input {
                Input::Event(event) => drop(keys.insert(event.job().clone())),
                Input::Log(log) => keys.extend(log.jobs.iter().map(|job| {
                    JobKey::in_app(&log.application.app_id, &log.application.attempt_id, job.job_id)
                })),
            }
        }
        let keys: Vec<JobKey> = keys.into_iter().collect();
        let tasks = inputs.chunks(10).zip(processes.iter().cycle()).map(|(inputs, process)| {
            let (inputs, process, keys) = (inputs.to_vec(), process.clone(), keys.clone());
            tokio::spawn(async move {
                for input in inputs {
                    match input {
                        Input::Event(event) => drop(process.ingest(vec![event]).await.unwrap()),
                        Input::Log(log) => {
                            drop(process.ingest_logs(vec![*log], Vec::new()).await.unwrap())
                        }
                    }
                    for key in keys.iter().take(3) {
                        process.job(key).await.unwrap();
                    }
                    process.rollups(day(19_810), day(19_820), None).await.unwrap();
                }
            })
        });
        for done in join_all(tasks.collect::<Vec<_>>()).await {
            done.unwrap();
        }
        for process in &processes {
            until(async || process.counts().is_available).await;
        }
        for process in &processes {
            assert_same(process, &store, &keys, 19_810, 19_820).await;
        }
    }
    let refused: u64 = processes.iter().map(|process| process.counts().refused).sum();
    let hits: u64 = processes.iter().map(|process| process.counts().hits).sum();
    assert!(refused > 0 && hits > 0, "{:?}", processes[0].counts());
}
