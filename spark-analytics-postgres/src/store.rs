//! The store: its connections, and the trait.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::postgres::PgPool;

use spark_analytics_core::{
    Application, Day, Dedup, Event, EventCursor, Job, JobCursor, JobFilter, JobKey, JobRecord,
    LogReceipt, LogSnapshot, LogSource, Pruned, Receipt, Rejected, Rejection, Result, Rollup,
    Store, StoredEvent,
};

use crate::attempts::Attempts;
use crate::failure::failed;
use crate::transaction::{BEGIN, Transaction};

/// A [`Store`] in a PostgreSQL database. Clones share its connections.
///
/// Any number of stores, in any number of processes on any machines, may write to one database at once:
/// those that touch other jobs do not wait for each other.
///
/// It needs a Tokio runtime, as `sqlx` is built with it.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) dedup: Dedup,
    pub(crate) pool: PgPool,
    /// Whether the pool is the store's own, to be closed with it.
    owns_pool: bool,
    /// The number of the table `spark_meta`, from which the keys of advisory locks are made: stores in
    /// other schemas have others.
    pub(crate) meta: i64,
    pub(crate) attempts: Arc<Attempts>,
}

impl fmt::Debug for PostgresStore {
    /// The pool would tell its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("dedup", &self.dedup).finish_non_exhaustive()
    }
}

impl PostgresStore {
    pub(crate) fn new(dedup: Dedup, pool: PgPool, owns_pool: bool, meta: i64) -> Self {
        Self { dedup, pool, owns_pool, meta, attempts: Arc::default() }
    }

    /// Begins to write. Each statement sees what others have committed before it, so that what is read
    /// after its row is locked is what is written on.
    ///
    /// Rows are found by their keys, whatever the planner believes of a table's size: a plan that was made
    /// while a table was small is used when it is large.
    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction> {
        let begin = format!(
            "{BEGIN}; \
             SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
             SET LOCAL enable_mergejoin = off; SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan; \
             SET LOCAL lock_timeout = '30s'; \
             SET LOCAL idle_in_transaction_session_timeout = '60s'; \
             SELECT pg_advisory_xact_lock_shared({})",
            self.prune_lock()
        );
        Transaction::begin(&self.pool, &begin).await
    }

    /// The advisory lock that writers share and who moves the prune day has alone.
    pub(crate) const fn prune_lock(&self) -> i64 {
        self.meta << 8
    }

    /// The advisory lock of who handles the partitions of events.
    pub(crate) const fn partitions_lock(&self) -> i64 {
        self.prune_lock() + 0xff
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn dedup(&self) -> Dedup {
        self.dedup
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.take(events).await.inspect_err(|_| self.forget_numbers())
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.take_logs(logs, sources).await.inspect_err(|_| self.forget_numbers())
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
        self.give_log(app_id, attempt_id).await
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
