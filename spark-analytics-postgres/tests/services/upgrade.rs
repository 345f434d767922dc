//! Schema 1, made from that of today by undoing what schema 2 added.

use crate::common::{Schema, run, whole_job};
use futures::future::join_all;
use spark_analytics_core::log::{Application, LogJob, LogSnapshot, fact};
use spark_analytics_core::{Day, Event, JobFilter, Rollup, Store, Timestamp};
use spark_analytics_postgres::PostgresStore;

const TO_SCHEMA_1: [&str; 6] = [
    "ALTER TABLE spark_rollups DROP jobs_with_tasks, DROP impossible_durations",
    "ALTER TABLE spark_jobs DROP num_tasks, DROP longest_task_ms, DROP duration_us",
    "ALTER TABLE spark_meta DROP rollups_lack_counts, DROP logs_pruned_before_day",
    "ALTER TABLE spark_log_sources DROP run",
    "DROP TABLE spark_removed_attempts",
    "DELETE FROM spark_migrations WHERE version = 2",
];

/// A job that ended an hour before it started, as a version of schema 1 added it up.
const BACKWARDS_US: i64 = -3_600_000_000;

async fn rollup(store: &PostgresStore, user: Option<&str>) -> Rollup {
    store.rollups(Day::MIN, Day::MAX, user).await.unwrap().remove(0).1
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_counts_what_rollups_of_schema_1_did_not() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let at = |seconds: i64| Timestamp::from_millis(1_711_792_800_000 + seconds * 1_000);
    store.ingest(whole_job(1)).await.unwrap();
    let end = |job, seconds| Event::job_end(job, at(seconds), "x", at(0), "JobFailed").unwrap();
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

    let mut connection = schema.beside().await;
    for (of_all, rollup) in [(true, &expected[0]), (false, &expected[2])] {
        let mut durations = rollup.durations.clone();
        durations.record(BACKWARDS_US);
        let set = "UPDATE spark_rollups SET job_duration_us = $1, job_durations = $2 \
                   WHERE of_all = $3 AND user_name = $4";
        let changed = sqlx::query(set)
            .bind(i64::try_from(rollup.duration_us).unwrap() + BACKWARDS_US)
            .bind(postcard::to_stdvec(&durations).unwrap())
            .bind(of_all)
            .bind(if of_all { "" } else { "eve" })
            .execute(&mut connection)
            .await
            .unwrap();
        assert_eq!(changed.rows_affected(), 1, "one writer at a time uses one slot");
    }
    for statement in TO_SCHEMA_1 {
        run(&mut connection, statement).await;
    }

    // Of several that open it at the same time, one upgrades it.
    let stores = join_all((0..3).map(|_| schema.store())).await;
    for store in stores {
        for (user, expected) in users.iter().zip(&expected) {
            assert_eq!(rollup(&store, *user).await, *expected, "{user:?}");
        }
        assert_eq!(store.jobs(&JobFilter::default(), None, 9).await.unwrap(), jobs);
        store.close().await.unwrap();
    }
    // A correction afterwards leaves no trace.
    let store = schema.store().await;
    store.ingest(vec![Event::job_start(3, at(-1), "eve").unwrap()]).await.unwrap();
    let eve = rollup(&store, Some("eve")).await;
    assert_eq!(
        (eve.impossible_durations, eve.duration_us, eve.durations.count()),
        (0, 1_000_000, 1)
    );
}
