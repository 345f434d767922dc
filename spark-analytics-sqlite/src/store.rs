//! The store: its connections, and the trait.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::SqlitePool;
use tokio::sync::Mutex;

use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter,
    JobKey, JobRecord, LogReceipt, PruneScope, Pruned, PrunedLogs, Receipt, Rejected, Rejection,
    Result, Rollup, Store, StoredEvent,
};

use crate::error::failed;
use crate::idle::Idle;
use crate::{read, write};

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
    /// Held by the writer. Writers wait here in the order of their arrival; SQLite would have them poll.
    pub(crate) turn: Arc<Mutex<()>>,
    /// Of a store in a file of its own.
    pub(crate) idle: Option<Arc<Idle>>,
}

impl SqliteStore {
    pub(crate) fn new(
        dedup: Dedup,
        writer: SqlitePool,
        readers: SqlitePool,
        owns_pools: bool,
    ) -> Self {
        Self { dedup, writer, readers, owns_pools, turn: Arc::default(), idle: None }
    }
}

impl SqliteStore {
    /// Rewrites the file without its free space and returns that to the file system (`VACUUM`). It takes about as long
    /// as copying the file, and as much space meanwhile; writers wait for it.
    ///
    /// # Errors
    /// [`Error::Engine`](spark_analytics_core::Error::Engine), also if another process writes.
    pub async fn compact(&self) -> Result<()> {
        let mut writer = self.writer().await?;
        sqlx::raw_sql("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *writer.connection)
            .await
            .map(drop)
            .map_err(failed("compact its file"))
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn dedup(&self) -> Dedup {
        self.dedup
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        write::events::ingest(self, events).await
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        write::logs::ingest_logs(self, logs, sources).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        read::jobs::job(self, key).await
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        read::jobs::jobs(self, filter, after, limit).await
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        read::rollups::rollups(self, from, to, user).await
    }

    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        read::rollups::total(self, from, to, user).await
    }

    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        read::events::events(self, key, after, limit).await
    }

    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        read::logs::applications(self, after, limit).await
    }

    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        read::logs::log(self, attempt).await
    }

    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        read::facts::facts(self, attempt, facts, limit).await
    }

    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        read::logs::log_source(self, location).await
    }

    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        write::rejected::reject(self, rejections).await
    }

    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        read::rejected::rejected(self, before, limit).await
    }

    async fn prune(&self, before: Day) -> Result<Pruned> {
        write::prune::prune(self, before).await
    }

    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        write::removal::prune_logs(self, before, scope).await
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        write::removal::forget(self, app_id, attempt_id).await
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
