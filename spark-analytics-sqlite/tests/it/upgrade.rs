//! Files of schema 3, made from those of today by undoing what schema 4 added.

use crate::common::whole_job;
use spark_analytics_core::log::{Application, LogJob, LogSnapshot, fact};
use spark_analytics_core::{Day, Event, JobFilter, Rollup, Store, Timestamp};
use spark_analytics_sqlite::SqliteStore;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

const TO_SCHEMA_3: [&str; 12] = [
    "ALTER TABLE spark_rollups DROP COLUMN jobs_with_tasks",
    "ALTER TABLE spark_rollups DROP COLUMN impossible_durations",
    "ALTER TABLE spark_jobs DROP COLUMN num_tasks",
    "ALTER TABLE spark_jobs DROP COLUMN longest_task_ms",
    "DROP INDEX spark_jobs_by_duration",
    "DROP INDEX spark_jobs_by_user_and_duration",
    "DROP INDEX spark_jobs_by_result_and_duration",
    "ALTER TABLE spark_jobs DROP COLUMN duration_us",
    "ALTER TABLE spark_log_sources DROP COLUMN run",
    "ALTER TABLE spark_meta DROP COLUMN logs_pruned_before_day",
    "DROP TABLE spark_removed_attempts",
    "DELETE FROM spark_migrations WHERE version = 4",
];

/// A job that ended an hour before it started, as a version of schema 3 added it up.
const BACKWARDS_US: i64 = -3_600_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_711_792_800_000 + seconds * 1_000)
}

async fn rollup(store: &SqliteStore, user: Option<&str>) -> Rollup {
    store.rollups(Day::MIN, Day::MAX, user).await.unwrap().remove(0).1
}

#[tokio::test]
async fn an_upgrade_counts_what_rollups_of_schema_3_did_not() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    let end = |job, seconds| Event::job_end(job, at(seconds), "ada", at(0), "JobFailed").unwrap();
    let without_tasks = vec![Event::job_start(2, at(0), "ada").unwrap(), end(2, 9)];
    store.ingest(without_tasks).await.unwrap();
    let backwards = vec![Event::job_start(3, at(3_600), "eve").unwrap(), end(3, 0)];
    store.ingest(backwards).await.unwrap();
    let of_log = fact!(LogJob {
        ended: true,
        num_tasks: 5,
        user: "ada".to_owned(),
        submission_time: Some(at(1)),
        completion_time: Some(at(2)),
    });
    let application = fact!(Application { app_id: "app".to_owned() });
    let log = fact!(LogSnapshot { application, jobs: vec![of_log] });
    store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    let jobs = store.jobs(&JobFilter::default(), None, 9).await.unwrap();
    let users = [None, Some("ada"), Some("eve")];
    let mut expected = Vec::new();
    for user in users {
        expected.push(rollup(&store, user).await);
    }
    assert_eq!((expected[0].jobs_with_tasks, expected[0].impossible_durations), (1, 1));
    store.close().await.unwrap();

    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
    for (user, rollup) in users.iter().zip(&expected).filter(|(user, _)| **user != Some("ada")) {
        let mut durations = rollup.durations.clone();
        durations.record(BACKWARDS_US);
        let set = "UPDATE spark_rollups SET job_duration_us = ?, job_durations = ? WHERE user IS ?";
        sqlx::query(set)
            .bind(i64::try_from(rollup.duration_us).unwrap() + BACKWARDS_US)
            .bind(postcard::to_stdvec(&durations).unwrap())
            .bind(*user)
            .execute(&pool)
            .await
            .unwrap();
    }
    for statement in TO_SCHEMA_3 {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;

    for _ in 0..2 {
        let store = SqliteStore::open(&path).await.unwrap();
        for (user, expected) in users.iter().zip(&expected) {
            assert_eq!(rollup(&store, *user).await, *expected, "{user:?}");
        }
        assert_eq!(store.jobs(&JobFilter::default(), None, 9).await.unwrap(), jobs);
        store.close().await.unwrap();
    }
    // A correction afterwards leaves no trace.
    let store = SqliteStore::open(&path).await.unwrap();
    store.ingest(vec![Event::job_start(3, at(-1), "eve").unwrap()]).await.unwrap();
    let eve = rollup(&store, Some("eve")).await;
    assert_eq!(
        (eve.impossible_durations, eve.duration_us, eve.durations.count()),
        (0, 1_000_000, 1)
    );
}
