//! The store: its connections, and the trait.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqlitePool};
use sqlx::{Connection, Transaction};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use spark_analytics_core::{
    Application, Day, Dedup, Error, Event, EventCursor, Job, JobCursor, JobFilter, JobKey,
    JobRecord, LogReceipt, LogSnapshot, LogSource, Pruned, Receipt, Rejected, Rejection, Result,
    Rollup, Store, StoredEvent,
};

use crate::value::SQLITE;

/// A [`Store`] in one SQLite file. Clones share its connections.
///
/// One connection writes, others read meanwhile. Any number of stores, in any number of processes on
/// one machine, may have the same file open.
///
/// It needs a Tokio runtime, as `sqlx` is built with it.
///
/// ```
/// use spark_analytics_core::{Event, Receipt, Store};
/// use spark_analytics_sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::in_memory().await?;
/// let start = Event::job_start(7, "2024-03-30T10:00:00Z".parse()?, "ada")?;
/// assert_eq!(store.ingest(vec![start.clone()]).await?, [Receipt::Recorded(1)]);
/// assert_eq!(store.ingest(vec![start]).await?, [Receipt::Duplicate(1)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pub(crate) dedup: Dedup,
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    /// Whether the pools are the store's own, to be closed with it.
    pub(crate) owns_pools: bool,
    /// Held by the writer. Writers wait here in the order in which they came; SQLite would let them
    /// try again and again.
    turn: Arc<Mutex<()>>,
}

/// A connection, and the turn to write with it.
#[derive(Debug)]
pub(crate) struct Writer<'s> {
    pub(crate) connection: PoolConnection<Sqlite>,
    _turn: MutexGuard<'s, ()>,
}

impl SqliteStore {
    pub(crate) fn new(
        dedup: Dedup,
        writer: SqlitePool,
        readers: SqlitePool,
        owns_pools: bool,
    ) -> Self {
        Self { dedup, writer, readers, owns_pools, turn: Arc::default() }
    }

    /// The connection to write with; other writers of this store wait for it.
    pub(crate) async fn writer(&self) -> Result<Writer<'_>> {
        const ACTION: &str = "get a connection";
        let turn = timeout(self.writer.options().get_acquire_timeout(), self.turn.lock())
            .await
            .map_err(|_| failed(ACTION)(sqlx::Error::PoolTimedOut))?;
        loop {
            let mut connection = self.writer.acquire().await.map_err(failed(ACTION))?;
            // SQLite ends a transaction by itself when the disk is full. The driver does not notice
            // and can use such a connection no more.
            if !connection.is_in_transaction() {
                return Ok(Writer { connection, _turn: turn });
            }
            if is_in_memory(&mut connection).await? {
                return Err(Error::engine(
                    SQLITE,
                    "write",
                    "memory was full, and SQLite ended a transaction by itself: what was stored \
                     before can be read, but nothing more can be written; go on with a new store",
                ));
            }
            connection.close().await.map_err(failed("replace a connection"))?;
        }
    }
}

impl Writer<'_> {
    /// Begins to write. Nothing is read before the lock is held, so that what is read is what is
    /// written on.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>> {
        self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin to write"))
    }
}

/// Whether the database goes with its connection.
async fn is_in_memory(connection: &mut SqliteConnection) -> Result<bool> {
    let file: String =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
            .fetch_one(connection)
            .await
            .map_err(failed("find its file"))?;
    Ok(file.is_empty())
}

/// What the driver says, while it was to do something.
pub(crate) fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match result_code(&error) {
        Some(BUSY) => Error::unavailable(
            SQLITE,
            "another process has been writing to the database for longer than the busy timeout: \
             send again, or set a longer one",
        ),
        _ if matches!(error, sqlx::Error::PoolTimedOut) => Error::unavailable(
            SQLITE,
            "no connection came free in time: send again, or give the pool more of them",
        ),
        _ => Error::engine(SQLITE, action, error),
    }
}

/// SQLite's result code when another process holds a lock.
pub(crate) const BUSY: u32 = 5;

/// SQLite's primary result code, the low byte of what it answers.
pub(crate) fn result_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

#[async_trait]
impl Store for SqliteStore {
    fn dedup(&self) -> Dedup {
        self.dedup
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.take(events).await
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.take_logs(logs, sources).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        self.read_job(key).await
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        self.list_jobs(filter, after, limit).await
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        self.list_rollups(from, to, user).await
    }

    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        self.list_events(key, after, limit).await
    }

    async fn applications(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        self.list_applications(after, limit).await
    }

    async fn log(&self, app_id: &str, attempt_id: &str) -> Result<Option<LogSnapshot>> {
        self.give_log((app_id.to_owned(), attempt_id.to_owned())).await
    }

    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        self.read_log_source(location).await
    }

    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        self.keep_rejected(rejections).await
    }

    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        self.list_rejected(before, limit).await
    }

    async fn prune(&self, before: Day) -> Result<Pruned> {
        self.remove_events(before).await
    }

    async fn check(&self) -> Result<()> {
        sqlx::query("SELECT dedup FROM spark_meta")
            .fetch_one(&self.readers)
            .await
            .map(drop)
            .map_err(failed("answer"))
    }

    /// Waits for calls under way and closes the store's connections, the last of which moves the
    /// write-ahead log into the file. A pool given to [`from_pool`](Self::from_pool) stays open.
    async fn close(&self) -> Result<()> {
        if self.owns_pools {
            self.readers.close().await;
            self.writer.close().await;
        }
        Ok(())
    }
}
