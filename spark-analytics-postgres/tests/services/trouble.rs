//! Locks of other sessions, lost connections, dropped calls and damaged rows.

use std::future::Future;
use std::task::{Context, Poll};

use crate::common::{Schema, job, pool, run, whole_job};
use futures::task::noop_waker;
use spark_analytics_core::backend::{IngestedPart, ingest_apart};
use spark_analytics_core::log::{LogJob, LogSnapshot, fact};
use spark_analytics_core::{
    AttemptKey, Day, Error, EventCursor, EventType, JobFilter, JobKey, JobResult, Receipt,
    Rejection, Result, Store, Timestamp,
};
use spark_analytics_postgres::PostgresStore;
use sqlx::{Connection, PgConnection};

/// Selects the store's connections that wait for a lock of another session.
const WAITS: &str = "wait_event_type = 'Lock'";

/// Calls `ingest` in a separate task.
fn send(store: &PostgresStore, jobs: &[i64]) -> tokio::task::JoinHandle<Result<Vec<Receipt>>> {
    let (store, events) = (store.clone(), jobs.iter().copied().flat_map(whole_job).collect());
    tokio::spawn(async move { store.ingest(events).await })
}

async fn lock(connection: &mut PgConnection, job_id: i64) {
    run(connection, &format!("SELECT FROM spark_jobs WHERE job_id = {job_id} FOR UPDATE")).await;
}

#[tokio::test]
async fn a_lock_held_by_another_session_is_reported_until_it_is_released() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    store.ingest(whole_job(1)).await.unwrap();
    let mut other = schema.beside().await;
    let mut held = other.begin().await.unwrap();
    lock(&mut held, 1).await;
    let waiting = send(&store, &[1]);
    schema.until(1, WAITS).await;
    store.ingest(whole_job(2)).await.unwrap();
    assert!(job(&store, 1).await.is_some(), "reads do not wait");
    assert_eq!(
        waiting.await.unwrap().unwrap_err().to_string(),
        "the PostgreSQL store cannot be used now: another process has held a lock for too long: retry"
    );
    held.rollback().await.unwrap();
    assert_eq!(store.ingest(whole_job(1)).await.unwrap()[0], Receipt::Duplicate(1));
}

#[tokio::test]
async fn a_write_succeeds_after_a_deadlock_with_another_session() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    for job_id in [1, 2] {
        store.ingest(whole_job(job_id)[..1].to_vec()).await.unwrap();
    }
    let mut other = schema.beside().await;
    run(&mut other, "SET deadlock_timeout = '1min'").await;
    let mut held = other.begin().await.unwrap();
    lock(&mut held, 2).await;
    let sent = send(&store, &[1, 2]);
    schema.until(1, WAITS).await;
    lock(&mut held, 1).await;
    held.commit().await.unwrap();
    let receipts = sent.await.unwrap().unwrap();
    assert_eq!(receipts.iter().filter(|r| matches!(r, Receipt::Recorded(_))).count(), 4);
    for job_id in [1, 2] {
        assert_eq!(job(&store, job_id).await.unwrap().tasks.succeeded, 1);
    }
}

#[tokio::test]
async fn a_lost_connection_is_reported_and_sending_again_counts_once() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    store.ingest(whole_job(1)[..1].to_vec()).await.unwrap();
    let mut other = schema.beside().await;
    let mut held = other.begin().await.unwrap();
    lock(&mut held, 1).await;
    let sent = send(&store, &[1, 2]);
    schema.until(1, WAITS).await;
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
        schema.0
    );
    run(&mut schema.beside().await, &end).await;
    let lost = sent.await.unwrap().unwrap_err();
    assert!(matches!(lost, Error::Unavailable { .. }), "{lost}");
    let message = lost.to_string();
    assert!(
        message.starts_with(
            "the PostgreSQL store cannot be used now: the connection was lost during the attempt to lock jobs ("
        ) && message.ends_with("): retry, which is safe whether or not the write was committed"),
        "{message}"
    );
    held.rollback().await.unwrap();
    for known in [1, 6] {
        let receipts = send(&store, &[1, 2]).await.unwrap().unwrap();
        assert_eq!(receipts.iter().filter(|r| matches!(r, Receipt::Duplicate(_))).count(), known);
    }
    assert_eq!(store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.tasks.succeeded, 2);
}

#[tokio::test]
async fn a_call_dropped_while_it_begins_leaves_no_transaction_open() {
    let schema = Schema::new().await;
    let setting = format!("SET search_path TO {0}; SET application_name = '{0}'", schema.0);
    let store = PostgresStore::from_pool(pool(1, setting).await).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    let mut other = schema.beside().await;
    let mut held = other.begin().await.unwrap();
    run(&mut held, "SELECT pg_advisory_xact_lock('spark_meta'::regclass::oid::bigint << 8)").await;
    let cancel = format!(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
        schema.0
    );

    let refused = send(&store, &[1]);
    schema.until(1, WAITS).await;
    run(&mut schema.beside().await, &cancel).await;
    let refused = refused.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("canceling statement due to user request"), "{refused}");
    assert!(job(&store, 1).await.is_some());

    let given_up = send(&store, &[1]);
    schema.until(1, WAITS).await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    held.rollback().await.unwrap();
    assert!(job(&store, 1).await.is_some());
    schema.until(0, "state LIKE 'idle in transaction%'").await;
    store.ingest(whole_job(2)).await.unwrap();
    assert!(job(&schema.store().await, 2).await.is_some());
}

/// Polls a call up to `polls` times, then drops it.
async fn give_up_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = Box::pin(call);
    for _ in 0..polls {
        if let Poll::Ready(done) = call.as_mut().poll(&mut Context::from_waker(&noop_waker())) {
            return Some(done);
        }
        tokio::task::yield_now().await;
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_is_stored_whole_or_not_at_all_and_may_be_sent_again() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let mut stored = 0;
    for round in 0..300 {
        give_up_after(1 + round as usize * 7 % 150, store.ingest(whole_job(round))).await;
        let receipts = store.ingest(whole_job(round)).await.unwrap();
        let known = receipts.iter().filter(|r| matches!(r, Receipt::Duplicate(_))).count();
        assert!(known == 0 || known == 3, "{receipts:?}");
        stored += usize::from(known == 3);
        give_up_after(1 + round as usize * 3 % 40, store.log(&AttemptKey::default())).await;
        give_up_after(1 + round as usize * 5 % 40, store.prune(Day::MIN)).await;
    }
    assert!(0 < stored && stored < 300, "{stored} calls went through");
    let jobs = store.jobs(&JobFilter::default(), None, 1_000).await.unwrap();
    assert_eq!(jobs.len(), 300);
    assert!(jobs.iter().all(|job| job.tasks.succeeded == 1));
    assert_eq!(store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.jobs(), 300);
    schema.until(0, "state LIKE 'idle in transaction%'").await;
}

#[tokio::test]
async fn a_damaged_row_is_named() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    store.ingest(whole_job(1)).await.unwrap();
    let mut other = schema.beside().await;
    run(&mut other, "UPDATE spark_events SET raw = '{' WHERE id = 2").await;
    run(&mut other, "UPDATE spark_jobs SET task_durations = '\\xff'").await;
    run(&mut other, "UPDATE spark_rollups SET wide_sums = '1 2' WHERE of_all").await;

    let key = JobKey::new(1);
    let messages = [
        store.events(&key, None, 10).await.unwrap_err().to_string(),
        store.job(&key).await.unwrap_err().to_string(),
        store.ingest(whole_job(1)).await.unwrap_err().to_string(),
        store.rollups(Day::MIN, Day::MAX, None).await.unwrap_err().to_string(),
    ];
    let rows = [
        "row of spark_events with app_no = 1, job_id = 1, id = 2: raw: ",
        "row of spark_jobs with app_no = 1, job_id = 1: task_durations: ",
        "row of spark_events with app_no = 1, job_id = 1, id = 2: raw: ",
        "row of spark_rollups with day = 19812, slot = 0: wide_sums: 2 sums instead of 13",
    ];
    for (message, row) in messages.iter().zip(rows) {
        let expected = format!("the PostgreSQL store holds a damaged {row}");
        assert!(message.starts_with(&expected), "{message}");
    }
    store.ingest(whole_job(2)).await.unwrap_err();
    assert!(job(&store, 2).await.is_none(), "a batch that meets damage is absent");
}

#[tokio::test]
async fn a_count_below_zero_is_damage() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    store.ingest(whole_job(1)).await.unwrap();
    let mut other = schema.beside().await;
    run(&mut other, "UPDATE spark_jobs SET tasks_failed = -7").await;
    run(&mut other, "UPDATE spark_rollups SET jobs_failed = -1").await;
    let reads = [
        store.job(&JobKey::new(1)).await.unwrap_err(),
        store.jobs(&JobFilter::default(), None, 10).await.unwrap_err(),
    ];
    for error in reads {
        assert_eq!(
            error.to_string(),
            "the PostgreSQL store holds a damaged row of spark_jobs with app_no = 1, job_id = 1: \
             tasks_failed: invalid count -7"
        );
    }
    for (user, of) in [(None, "all users"), (Some("ada"), "user `ada`")] {
        let message = store.rollups(Day::MIN, Day::MAX, user).await.unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "the PostgreSQL store holds a damaged day 2024-03-30 of {of} in spark_rollups: \
                 jobs_failed: invalid count -1"
            )
        );
    }
}

#[tokio::test]
async fn sums_beyond_64_bits_are_read_back() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let mut log = LogSnapshot::default();
    log.application.app_id = "app-1".to_owned();
    let mut reported = fact!(LogJob {
        ended: true,
        submission_time: Some(Timestamp::from_micros(0)),
        completion_time: Some(Timestamp::from_micros(1)),
    });
    reported.tasks.input_bytes = i128::from(i64::MAX) * 4;
    reported.tasks.cpu_time_ns = i128::from(i64::MIN) * 2;
    log.jobs.push(reported.clone());
    log.jobs.push(fact!(LogJob { job_id: 1, ..reported.clone() }));
    store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    let record = store.job(&JobKey::in_app("app-1", "", 0)).await.unwrap().unwrap();
    assert_eq!(record.log.as_deref(), Some(&reported));
    let jobs = store.jobs(&JobFilter::default(), None, 10).await.unwrap();
    assert_eq!((jobs.len(), &jobs[0].tasks), (2, &reported.tasks));
    let rollup = &store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1;
    assert_eq!(rollup.tasks.input_bytes, reported.tasks.input_bytes * 2);
    assert_eq!(rollup.tasks.cpu_time_ns, reported.tasks.cpu_time_ns * 2);
    let columns: (i64, i64) =
        sqlx::query_as("SELECT input_bytes, cpu_time_ns FROM spark_jobs WHERE job_id = 0")
            .fetch_one(&mut schema.beside().await)
            .await
            .unwrap();
    assert_eq!(columns, (i64::MAX, i64::MIN));
}

#[tokio::test]
async fn texts_with_a_nul_are_not_found() {
    let store = Schema::new().await.store().await;
    store.ingest(whole_job(1)).await.unwrap();
    let mut log = LogSnapshot::default();
    log.application.app_id = "app-1".to_owned();
    store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    for key in [JobKey::in_app("a\0", "", 1), JobKey::in_app("", "\0", 1)] {
        assert_eq!(store.job(&key).await.unwrap(), None);
        assert!(store.events(&key, None, 10).await.unwrap().is_empty());
    }
    let filters = [
        JobFilter::default().app("\0"),
        JobFilter::default().user("\0"),
        JobFilter::default().result(JobResult::from_name("a\0")),
    ];
    for filter in filters {
        assert!(store.jobs(&filter, None, 10).await.unwrap().is_empty());
    }
    assert!(store.rollups(Day::MIN, Day::MAX, Some("\0")).await.unwrap().is_empty());
    assert_eq!(store.log(&AttemptKey::new("a\0", "")).await.unwrap(), None);
    assert_eq!(store.log(&AttemptKey::new("app-1", "\0")).await.unwrap(), None);
    assert_eq!(store.log_source("\0").await.unwrap(), None);

    // A cursor that lies between stored entries is valid.
    let first = store.jobs(&JobFilter::default(), None, 1).await.unwrap().remove(0);
    let mut after = spark_analytics_core::JobCursor::from(&first);
    after.key.app_id = "\0".to_owned();
    assert!(store.jobs(&JobFilter::default(), Some(&after), 10).await.unwrap().is_empty());
    let events = store.events(&JobKey::new(1), None, 10).await.unwrap();
    let after = EventCursor {
        timestamp: events[1].event.timestamp(),
        event_type: EventType::TaskEnd,
        task: "t\0".to_owned(),
    };
    let rest = store.events(&JobKey::new(1), Some(&after), 10).await.unwrap();
    assert_eq!(rest.iter().map(|stored| stored.id).collect::<Vec<_>>(), [2, 3]);
    for (after, count) in [(("a\0", "b"), 1), (("app-1", "\0"), 0), (("app-1\0", ""), 0)] {
        let after = AttemptKey::new(after.0, after.1);
        assert_eq!(store.applications(Some(&after), 10).await.unwrap().len(), count, "{after:?}");
    }
}

#[tokio::test]
async fn a_call_with_more_rejected_input_than_is_kept_keeps_the_newest() {
    let store = Schema::new().await.store().await;
    let at = Timestamp::from_micros(0);
    let many = (0..12_000).map(|n| Rejection::new(at, n.to_string(), b"\0\xff")).collect();
    store.reject(many).await.unwrap();
    store.reject(vec![Rejection::new(at, "\0", b"")]).await.unwrap();
    let all = store.rejected(None, 20_000).await.unwrap();
    assert_eq!((all.len(), all[1].rejection.reason.as_str()), (10_000, "11999"));
    assert_eq!(all[9_999].rejection.reason, "2001");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_input_of_many_callers_is_bounded() {
    let store = Schema::new().await.store().await;
    let at = Timestamp::from_micros(0);
    let writers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..4 {
                let many = (0..1_000).map(|n| Rejection::new(at, n.to_string(), b"{")).collect();
                store.reject(many).await.unwrap();
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    store.reject(vec![Rejection::new(at, "last", b"")]).await.unwrap();
    let all = store.rejected(None, 40_000).await.unwrap();
    assert_eq!((all.len(), all[0].rejection.reason.as_str()), (10_000, "last"));
}

#[tokio::test]
async fn an_event_that_the_database_refuses_by_its_content_fails_alone() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let refuse = "ALTER TABLE spark_events ADD CHECK (raw NOT LIKE '%t1%' OR job_id <> 3)";
    for job_id in 1..=4 {
        store.ingest(whole_job(job_id)[..1].to_vec()).await.unwrap();
    }
    run(&mut schema.beside().await, refuse).await;
    let events: Vec<_> = (1..=4).flat_map(whole_job).collect();
    let whole = store.ingest(events.clone()).await.unwrap_err();
    assert!(matches!(whole, Error::Refused { .. }) && !whole.is_retryable(), "{whole}");
    let parts = ingest_apart(&store, events).await;
    let outcomes: Vec<_> = parts.iter().flat_map(IngestedPart::outcomes).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1);
    assert!(matches!(outcomes[7], Err(Error::Refused { .. })), "{outcomes:?}");
    assert_eq!(job(&store, 4).await.unwrap().tasks.succeeded, 1);
}
