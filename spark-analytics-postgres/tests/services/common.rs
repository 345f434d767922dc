//! Helpers shared by the tests of this crate.
#![allow(dead_code)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spark_analytics_core::{Day, Event, Job, JobKey, Store, Timestamp};
use spark_analytics_postgres::PostgresStore;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

/// The server that the environment names.
pub(crate) fn server() -> String {
    std::env::var("SPARK_ANALYTICS_TEST_POSTGRES").expect("scripts/with-services")
}

/// A schema for one test. Its name identifies the connections of its stores on the server.
pub(crate) struct Schema(pub(crate) String);

impl Schema {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = Self(format!("test_{}_{number}", std::process::id()));
        let mut connection = PgConnection::connect(&server()).await.unwrap();
        run(&mut connection, &format!("CREATE SCHEMA {}", schema.0)).await;
        schema
    }

    pub(crate) fn url(&self) -> String {
        format!("{}?options[search_path]={}&application_name={}", server(), self.0, self.0)
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url()).await.unwrap()
    }

    /// A connection that does not belong to the store.
    pub(crate) async fn beside(&self) -> PgConnection {
        let url = format!("{}?options[search_path]={}", server(), self.0);
        PgConnection::connect(&url).await.unwrap()
    }

    /// Waits until `count` of the stores' connections satisfy `condition` on `pg_stat_activity`.
    pub(crate) async fn until(&self, count: i64, condition: &str) {
        let mut other = self.beside().await;
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' AND {condition}",
            self.0
        );
        for _ in 0..2_000 {
            let query = sqlx::query_scalar(AssertSqlSafe(&*sql));
            let seen: i64 = query.fetch_one(&mut other).await.unwrap();
            if seen == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not {count} connections: {condition}");
    }
}

/// A pool whose connections begin with `setting`.
pub(crate) async fn pool(connections: u32, setting: String) -> PgPool {
    let options =
        PgPoolOptions::new().max_connections(connections).after_connect(move |connection, _| {
            let setting = setting.clone();
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(AssertSqlSafe(setting))).await.map(drop)
            })
        });
    options.connect(&server()).await.unwrap()
}

/// Runs statements.
pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

/// The day of [`whole_job`].
pub(crate) fn day() -> Day {
    Timestamp::from_millis(1_711_792_800_000).day()
}

/// The start, a task and the end of a job on 2024-03-30.
pub(crate) fn whole_job(job_id: i64) -> Vec<Event> {
    job_on(0, job_id)
}

/// The start, a task and the end of a job `days` days after 2024-03-30.
pub(crate) fn job_on(days: i64, job_id: i64) -> Vec<Event> {
    let start_ms = 1_711_792_800_000 + days * 86_400_000;
    let at = |seconds: i64| Timestamp::from_millis(start_ms + seconds * 1_000);
    vec![
        Event::job_start(job_id, at(0), "ada").unwrap(),
        Event::task_end(job_id, at(4), "ada", "t1", 3_500, true).unwrap(),
        Event::job_end(job_id, at(5), "ada", at(5), "JobSucceeded").unwrap(),
    ]
}

/// The figures of a job.
pub(crate) async fn job(store: &impl Store, job_id: i64) -> Option<Job> {
    let key = JobKey::new(job_id);
    store.job(&key).await.unwrap()?.figures(&key)
}
