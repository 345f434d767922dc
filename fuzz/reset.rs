//! A store that is reset for each input.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter, JobKey, JobRecord,
    LogReceipt, MemoryStore, PruneScope, Pruned, PrunedLogs, Receipt, Rejected, Rejection, Result, Rollup, Store,
    StoredEvent,
};

use crate::held;

/// A store in memory that can be reset to its initial content while a router uses it.
#[derive(Debug)]
pub(crate) struct Reset(RwLock<Option<Arc<MemoryStore>>>);

impl Reset {
    pub(crate) fn new() -> Self {
        Self(RwLock::default())
    }

    /// Resets the content to the events and the log of [`held`].
    pub(crate) async fn reset(&self, log: &LogSnapshot) {
        let store = MemoryStore::default();
        store.ingest(held::events()).await.expect("memory takes them");
        store.ingest_logs(vec![log.clone()], Vec::new()).await.expect("memory takes it");
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(store));
    }

    /// Whether it has never been [`reset`](Self::reset).
    pub(crate) fn is_new(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn store(&self) -> Arc<MemoryStore> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }
}

#[async_trait]
impl Store for Reset {
    fn dedup(&self) -> Dedup {
        Dedup::default()
    }
    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.store().ingest(events).await
    }
    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.store().ingest_logs(logs, sources).await
    }
    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        self.store().job(key).await
    }
    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        self.store().jobs(filter, after, limit).await
    }
    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        self.store().rollups(from, to, user).await
    }
    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        self.store().total(from, to, user).await
    }
    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        self.store().events(key, after, limit).await
    }
    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        self.store().applications(after, limit).await
    }
    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        self.store().log(attempt).await
    }

    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        self.store().facts(attempt, facts, limit).await
    }
    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        self.store().log_source(location).await
    }
    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        self.store().reject(rejections).await
    }
    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        self.store().rejected(before, limit).await
    }
    async fn prune(&self, before: Day) -> Result<Pruned> {
        self.store().prune(before).await
    }
    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        self.store().prune_logs(before, scope).await
    }
    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        self.store().forget(app_id, attempt_id).await
    }
    async fn check(&self) -> Result<()> {
        self.store().check().await
    }
}
