//! Stores in a file, and helpers of tests on their surroundings.
use std::path::Path;
use std::sync::Arc;

use spark_analytics_conformance::{Dump, Reference};
use spark_analytics_core::{Event, JobKey, Result, Store, Timestamp};
use spark_analytics_redb::RedbStore;
use spark_analytics_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

/// A store that is a file.
pub(crate) trait OnFile {
    /// Opens or creates it.
    async fn open(path: &Path) -> Result<Arc<dyn Store>>;

    /// Checks the file with the engine itself, while no store has it open.
    async fn check_integrity(path: &Path);
}

pub(crate) struct Sqlite;

impl OnFile for Sqlite {
    async fn open(path: &Path) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(SqliteStore::open(path).await?))
    }

    async fn check_integrity(path: &Path) {
        let options = SqliteConnectOptions::new().filename(path);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let answer: Vec<String> =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await.unwrap();
        assert_eq!(answer, ["ok"]);
        connection.close().await.unwrap();
    }
}

pub(crate) struct Redb;

impl OnFile for Redb {
    async fn open(path: &Path) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(RedbStore::open(path).await?))
    }

    async fn check_integrity(path: &Path) {
        let mut database = redb::Database::open(path).unwrap();
        assert!(database.check_integrity().unwrap(), "redb finds its file damaged");
    }
}

/// The start, `tasks` tasks and the end of a job.
pub(crate) fn whole_job(job_id: i64, tasks: i64) -> Vec<Event> {
    let at = |ms: i64| Timestamp::from_millis(1_711_792_800_000 + job_id * 1_000 + ms);
    let key = || JobKey::new(job_id);
    let task = |n| Event::task_end(key(), at(n), "ada", format!("task {n}"), n, n % 7 > 0);
    let mut events = vec![Event::job_start(key(), at(0), "ada")];
    events.extend((0..tasks).map(task));
    events.push(Event::job_end(key(), at(900), "ada", at(900), "JobSucceeded"));
    events.into_iter().collect::<std::result::Result<_, _>>().unwrap()
}

/// Asserts that a store holds exactly these events, in all its figures.
pub(crate) async fn holds(store: &Arc<dyn Store>, events: &[Event]) {
    let mut reference = Reference::default();
    events.iter().for_each(|event| reference.ingest(event));
    assert_eq!(Dump::of(store).await.unwrap(), Dump::of_reference(&reference, &[]));
}
