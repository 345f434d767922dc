//! A full disk, locks of other processes, dropped calls and damaged rows.

use std::future::Future;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::common::{job, whole_job};
use futures::task::noop_waker;
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Error, JobFilter, JobKey, Receipt, Rejection, Store, Timestamp,
};
use spark_analytics_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

/// A connection to a file, in addition to the store's.
async fn beside(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_full_disk_refuses_a_whole_batch_and_the_next_one_is_stored() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::open(&path).await.unwrap().close().await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path).pragma("max_page_count", "80");
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let store = SqliteStore::from_pool(pool).await.unwrap();
    store.ingest(whole_job(0)).await.unwrap();
    let (mut taken, mut refused) = (1, 0);
    for first in (1..4_000).step_by(200) {
        let batch = (first..first + 200).flat_map(whole_job).collect();
        match store.ingest(batch).await {
            Ok(_) => taken += 200,
            Err(error) => {
                refused += 1;
                let message = error.to_string();
                assert!(message.ends_with("database or disk is full"), "{message}");
            }
        }
        let jobs = store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.jobs();
        assert_eq!(jobs, taken);
        assert_eq!(store.ingest(whole_job(0)).await.unwrap()[0], Receipt::Duplicate(1));
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn full_memory_loses_nothing_and_is_reported() {
    let mut rolled_back = 0;
    // Which statement finds no page decides whether SQLite rolls back on its own.
    for pages in (80..200).step_by(8) {
        let options = SqliteConnectOptions::new().in_memory(true);
        let options = options.pragma("max_page_count", pages.to_string());
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let store = SqliteStore::from_pool(pool).await.unwrap();
        store.ingest(whole_job(0)).await.unwrap();
        let many: Vec<_> = (1..4_000).flat_map(whole_job).collect();
        let full = store.ingest(many).await.unwrap_err().to_string();
        assert!(full.ends_with("database or disk is full"), "{full}");
        for _ in 0..2 {
            if let Err(error) = store.ingest(whole_job(1)).await {
                assert_eq!(
                    error.to_string(),
                    "the SQLite store failed to write: the in-memory database is full and SQLite rolled back a transaction on its own: \
                     earlier data can still be read, but nothing more can be written; create a new store"
                );
                rolled_back += 1;
            }
            assert!(job(&store, 0).await.is_some());
            assert!(store.log(&AttemptKey::default()).await.unwrap().is_none());
        }
    }
    assert!(rolled_back > 0);
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_reported_until_it_is_released() {
    let folder = TempDir::new().unwrap();
    let options = SqliteStore::options().busy_timeout(Duration::from_millis(20));
    let store = options.open(folder.path().join("store.db")).await.unwrap();
    let mut other = beside(&folder).await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!(
        store.ingest(whole_job(1)).await.unwrap_err().to_string(),
        "the SQLite store cannot be used now: another process has been writing to the database for longer than the busy timeout: \
         retry, or set a longer timeout"
    );
    assert!(job(&store, 1).await.is_none(), "reads do not wait");
    lock.rollback().await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
}

#[tokio::test]
async fn a_store_opens_and_reads_while_another_process_writes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let options = SqliteStore::options().busy_timeout(Duration::ZERO);
    let store = options.open(&path).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    store.close().await.unwrap();

    let mut other = beside(&folder).await;
    let mut lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let store = options.open(&path).await.unwrap();
    assert!(job(&store, 1).await.is_some());
    let by_time = options.dedup(Dedup::JobTypeTimestamp);
    let refused = by_time.open(&path).await.unwrap_err();
    assert!(matches!(refused, Error::Location { .. } | Error::Incompatible { .. }), "{refused}");

    sqlx::query("DELETE FROM spark_meta").execute(&mut *lock).await.unwrap();
    lock.commit().await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let lacking = options.open(&path).await.unwrap_err();
    assert!(matches!(lacking, Error::Unavailable { .. }), "{lacking}");
    lock.rollback().await.unwrap();
    options.open(&path).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_on_many_connections_of_a_pool_take_turns() {
    let folder = TempDir::new().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("store.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::ZERO);
    let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.unwrap();
    let store = SqliteStore::from_pool(pool).await.unwrap();
    let writers = (0..80).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let at = Timestamp::from_micros(0);
            match number % 4 {
                0 => store.reject(vec![Rejection::new(at, "late", b"")]).await,
                1 => store.prune(at.day()).await.map(drop),
                _ => store.ingest(whole_job(number)).await.map(drop),
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap().unwrap();
    }
    assert_eq!(store.jobs(&JobFilter::default(), None, 100).await.unwrap().len(), 40);
    assert_eq!(store.rejected(None, 100).await.unwrap().len(), 20);
}

/// Polls a call up to `polls` times, then drops it.
async fn give_up_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = Box::pin(call);
    for _ in 0..polls {
        if let Poll::Ready(done) = call.as_mut().poll(&mut Context::from_waker(&noop_waker())) {
            return Some(done);
        }
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_is_stored_whole_or_not_at_all_and_may_be_sent_again() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    for round in 0..300 {
        give_up_after(1 + round as usize * 7 % 150, store.ingest(whole_job(round))).await;
        let receipts = store.ingest(whole_job(round)).await.unwrap();
        let known = receipts.iter().filter(|r| matches!(r, Receipt::Duplicate(_))).count();
        assert!(known == 0 || known == 3, "{receipts:?}");
    }
    let jobs = store.jobs(&JobFilter::default(), None, 1_000).await.unwrap();
    assert_eq!(jobs.len(), 300);
    assert!(jobs.iter().all(|job| job.tasks.succeeded == 1));
    assert_eq!(store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.jobs(), 300);
}

#[tokio::test]
async fn a_damaged_row_is_named() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    let mut other = beside(&folder).await;
    let mut damage = async |sql: &'static str| {
        sqlx::query(sql).execute(&mut other).await.unwrap();
    };
    damage("UPDATE spark_events SET raw = '{' WHERE id = 2").await;
    damage("UPDATE spark_jobs SET task_duration_ms = 'much'").await;
    damage("UPDATE spark_rollups SET job_durations = x'ff' WHERE user IS NULL").await;

    let key = JobKey::new(1);
    let events = store.events(&key, None, 10).await.unwrap_err().to_string();
    assert!(
        events.starts_with("the SQLite store holds a damaged row 2 of spark_events: "),
        "{events}"
    );
    assert_eq!(
        store.job(&key).await.unwrap_err().to_string(),
        "the SQLite store holds a damaged row 1 of spark_jobs: task_duration_ms: invalid digit \
         found in string"
    );
    assert!(store.ingest(whole_job(1)).await.is_err());
    let rollups = store.rollups(Day::MIN, Day::MAX, None).await.unwrap_err().to_string();
    assert!(
        rollups.starts_with(
            "the SQLite store holds a damaged row 1 of spark_rollups: job_durations: "
        ),
        "{rollups}"
    );
}

#[tokio::test]
async fn a_count_below_zero_is_damage() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    let mut other = beside(&folder).await;
    for sql in [
        "UPDATE spark_jobs SET tasks_failed = -7",
        "UPDATE spark_rollups SET jobs_failed = -1 WHERE user IS NULL",
    ] {
        sqlx::query(sql).execute(&mut other).await.unwrap();
    }
    let reads = [
        store.job(&JobKey::new(1)).await.unwrap_err(),
        store.jobs(&JobFilter::default(), None, 10).await.unwrap_err(),
    ];
    for error in reads {
        assert_eq!(
            error.to_string(),
            "the SQLite store holds a damaged row 1 of spark_jobs: tasks_failed: invalid count -7"
        );
    }
    assert_eq!(
        store.rollups(Day::MIN, Day::MAX, None).await.unwrap_err().to_string(),
        "the SQLite store holds a damaged row 1 of spark_rollups: jobs_failed: invalid count -1"
    );
}

#[tokio::test]
async fn an_id_above_the_counter_is_damage() {
    for (sql, expected) in [
        ("UPDATE spark_meta SET next_event_id = 9223372036854775807", "id in spark_meta: "),
        ("UPDATE spark_meta SET next_event_id = 0", "id in spark_meta: -1 was "),
        ("UPDATE spark_jobs SET job_no = 9223372036854775807", "id in spark_jobs: "),
        ("UPDATE spark_rejected SET id = 9223372036854775807", "id in spark_rejected: "),
    ] {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
        let rejection = || vec![Rejection::new(Timestamp::from_micros(0), "bad", b"")];
        store.ingest(whole_job(1)).await.unwrap();
        store.reject(rejection()).await.unwrap();
        sqlx::query(sql).execute(&mut beside(&folder).await).await.unwrap();
        let answers = [store.ingest(whole_job(2)).await.map(drop), store.reject(rejection()).await];
        let errors: Vec<_> = answers.into_iter().filter_map(|answer| answer.err()).collect();
        assert_eq!(errors.len(), 1, "{sql}");
        assert!(errors[0].to_string().contains(&format!("damaged {expected}")), "{}", errors[0]);
    }
}

#[tokio::test]
async fn a_prune_ends_even_if_ids_are_far_apart() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    let mut other = beside(&folder).await;
    for sql in [
        "UPDATE spark_events SET id = 9223372036854775807 WHERE id = 3",
        "UPDATE spark_events SET id = -9223372036854775808 WHERE id = 1",
    ] {
        sqlx::query(sql).execute(&mut other).await.unwrap();
    }
    assert_eq!(store.prune(Day::MAX).await.unwrap().events, 3);
}

#[tokio::test]
async fn sums_beyond_64_bits_are_kept_as_texts() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let mut log = spark_analytics_core::log::LogSnapshot::default();
    log.application.app_id = "app-1".to_owned();
    let mut job = spark_analytics_core::log::fact!(spark_analytics_core::log::LogJob {
        ended: true,
        submission_time: Some(Timestamp::from_micros(0)),
        completion_time: Some(Timestamp::from_micros(1)),
    });
    job.tasks.input_bytes = i128::from(i64::MAX) * 4;
    job.tasks.cpu_time_ns = i128::from(i64::MIN);
    log.jobs.push(job.clone());
    store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    let record = store.job(&JobKey::in_app("app-1", "", 0)).await.unwrap().unwrap();
    assert_eq!(record.log.as_deref(), Some(&job));
    let jobs = store.jobs(&JobFilter::default(), None, 10).await.unwrap();
    assert_eq!(jobs[0].tasks, job.tasks);
    let kinds: (String, String) =
        sqlx::query_as("SELECT typeof(input_bytes), typeof(cpu_time_ns) FROM spark_jobs")
            .fetch_one(&mut beside(&folder).await)
            .await
            .unwrap();
    assert_eq!(kinds, ("text".to_owned(), "integer".to_owned()));
}

#[tokio::test]
async fn a_call_with_more_rejected_input_than_is_kept_keeps_the_newest() {
    let store = SqliteStore::in_memory().await.unwrap();
    let at = Timestamp::from_micros(0);
    let many = (0..12_000).map(|n| Rejection::new(at, n.to_string(), b"")).collect();
    store.reject(many).await.unwrap();
    let newest = store.rejected(None, 1).await.unwrap();
    assert_eq!((newest[0].id, newest[0].rejection.reason.as_str()), (12_000, "11999"));
    let all = store.rejected(None, 20_000).await.unwrap();
    assert_eq!((all.len(), all[9_999].id), (10_000, 2_001));
}

#[tokio::test]
async fn a_prune_of_several_steps_removes_all() {
    let store = SqliteStore::in_memory().await.unwrap();
    store.ingest((0..9_000).flat_map(whole_job).collect()).await.unwrap();
    let day = Timestamp::from_millis(1_711_792_800_000).day();
    assert_eq!(store.prune(day).await.unwrap().events, 0);
    assert_eq!(store.prune(day.next()).await.unwrap().events, 27_000);
    assert_eq!(store.ingest(whole_job(1)).await.unwrap(), [Receipt::TooOld; 3]);
    assert_eq!(store.rollups(day, day, None).await.unwrap()[0].1.jobs(), 9_000);
}
