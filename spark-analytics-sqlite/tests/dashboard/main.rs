//! The queries of docs/storage.md, as a dashboard would send them.
#![allow(clippy::unwrap_used)]

#[path = "../it/common.rs"]
mod common;

use common::{job, whole_job};
use spark_analytics_core::Store;
use spark_analytics_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

/// The SQL of the page's section on SQLite.
fn queries() -> Vec<&'static str> {
    let page = include_str!("../../../docs/storage.md");
    let section = page.split("\n## ").find(|section| section.starts_with("SQLite")).unwrap();
    section.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

async fn rows(folder: &TempDir, sql: &'static str) -> Vec<SqliteRow> {
    let options = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let mut dashboard = SqliteConnection::connect_with(&options.read_only(true)).await.unwrap();
    sqlx::query(sql).fetch_all(&mut dashboard).await.unwrap()
}

#[tokio::test]
async fn the_queries_of_the_storage_page_answer() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    store.ingest((1..=3).flat_map(whole_job).collect()).await.unwrap();
    let figures = job(&store, 3).await.unwrap();
    let [days, jobs] = queries()[..] else { panic!("two queries") };

    let days = rows(&folder, days).await;
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].get::<String, _>("date"), "2024-03-30");
    assert_eq!(days[0].get::<i64, _>("jobs"), 3);
    assert_eq!(days[0].get::<f64, _>("avg_duration_seconds"), 5.0);
    assert_eq!(days[0].get::<f64, _>("avg_success_rate"), 100.0);

    let jobs = rows(&folder, jobs).await;
    assert_eq!(jobs.len(), 3);
    assert_eq!(jobs[0].get::<String, _>("ended"), "2024-03-30 10:00:05");
    assert_eq!(jobs[0].get::<f64, _>("duration_seconds"), figures.duration_seconds());
    assert_eq!(jobs[0].get::<i64, _>("task_count"), figures.tasks.task_count());
    assert_eq!(jobs[0].get::<f64, _>("lost_seconds"), 0.0);
}
