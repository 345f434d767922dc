//! The store: its connections, and the trait.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::postgres::PgPool;

use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter,
    JobKey, JobRecord, LogReceipt, PruneScope, Pruned, PrunedLogs, Receipt, Rejected, Rejection,
    Result, Rollup, Store, StoredEvent,
};

use crate::error::failed;
use crate::rows::attempt_no::Numbers;
use crate::{read, write};

/// A [`Store`] in a PostgreSQL database. Clones share its connections.
///
/// Any number of stores, in any number of processes on any machines, may write to one database at the same time.
/// Writes that touch different jobs do not wait for each other.
///
/// It needs a Tokio runtime, because `sqlx` is built with Tokio.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) dedup: Dedup,
    pub(crate) pool: PgPool,
    /// Whether the store created the pool, and closes it when it is closed.
    owns_pool: bool,
    /// The number of the table `spark_meta`, from which the keys of advisory locks are derived, so that stores in
    /// different schemas have different locks.
    pub(crate) meta: i64,
    pub(crate) numbers: Arc<Numbers>,
}

impl fmt::Debug for PostgresStore {
    /// The pool would reveal its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("dedup", &self.dedup).finish_non_exhaustive()
    }
}

impl PostgresStore {
    pub(crate) fn new(dedup: Dedup, pool: PgPool, owns_pool: bool, meta: i64) -> Self {
        Self { dedup, pool, owns_pool, meta, numbers: Arc::default() }
    }
}

#[async_trait]
impl Store for PostgresStore {
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
            .fetch_one(&self.pool)
            .await
            .map(drop)
            .map_err(failed("answer"))
    }

    /// Waits for calls under way and closes the store's connections. A pool given to
    /// [`from_pool`](Self::from_pool) stays open.
    async fn close(&self) -> Result<()> {
        if self.owns_pool {
            self.pool.close().await;
        }
        Ok(())
    }
}
