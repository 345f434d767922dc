//! The contract, each method one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use spark_analytics_core::backend::{Batch, OldApplications};
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter,
    JobKey, JobRecord, LogReceipt, PruneScope, Pruned, PrunedLogs, Receipt, Rejected, Rejection,
    Result, Rollup, Store, StoredEvent,
};

use crate::handle::Handle;
use crate::{read, write};

/// A [`Store`] in one redb file. Clones share it.
///
/// Reads see the last commit and never wait; writers take turns. The work is done on separate
/// threads (crate `blocking`), so any async runtime will do. One process at a time can have the
/// file open. [`close`](Store::close) releases it even while clones exist: their calls return
/// [`Error::Engine`](spark_analytics_core::Error::Engine) from then on.
///
/// After a disk error the next call reopens the file, which reads and checks all of it as after a crash, so the store
/// works again once the cause is removed. With [`Durability::Eventual`](spark_analytics_core::Durability::Eventual) it
/// does not, because acknowledged batches may have been lost: open the store again.
#[derive(Clone, Debug)]
pub struct RedbStore {
    pub(crate) handle: Arc<Handle>,
}

impl RedbStore {
    /// Compacts the file and returns free space to the file system. It takes about as long as copying the file, and
    /// all other calls wait for it. Returns whether anything was moved.
    ///
    /// # Errors
    /// [`Error::Engine`](spark_analytics_core::Error::Engine).
    pub async fn compact(&self) -> Result<bool> {
        self.handle.compact().await
    }
}

#[async_trait]
impl Store for RedbStore {
    fn dedup(&self) -> Dedup {
        self.handle.dedup
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let dedup = self.handle.dedup;
        let ingest = move |t: &_| write::events::ingest(t, Batch::new(events, dedup), dedup);
        self.handle.write("ingest events", ingest).await
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.handle.write("ingest logs", move |t| write::logs::ingest_logs(t, logs, &sources)).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        let key = key.clone();
        self.handle.read("read a job", move |t| read::jobs::job(t, &key)).await
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        let (filter, after) = (filter.clone(), after.cloned());
        let read = move |t: &_| read::jobs::jobs(t, &filter, after.as_ref(), limit);
        self.handle.read("list jobs", read).await
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        let user = user.map(str::to_owned);
        let read = move |t: &_| read::rollups::rollups(t, from, to, user.as_deref());
        self.handle.read("read roll-ups", read).await
    }

    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        let user = user.map(str::to_owned);
        let read = move |t: &_| read::rollups::total(t, from, to, user.as_deref());
        self.handle.read("read roll-ups", read).await
    }

    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        let (key, after) = (key.clone(), after.cloned());
        let read = move |t: &_| read::events::events(t, &key, after.as_ref(), limit);
        self.handle.read("list events", read).await
    }

    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        let after = after.cloned();
        let read = move |t: &_| read::logs::applications(t, after.as_ref(), limit);
        self.handle.read("list applications", read).await
    }

    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        let attempt = attempt.clone();
        self.handle.read("read a log", move |t| read::logs::log(t, &attempt)).await
    }

    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        let (attempt, facts) = (attempt.clone(), facts.clone());
        let read = move |t: &_| read::facts::facts(t, &attempt, &facts, limit);
        self.handle.read("read facts of a log", read).await
    }

    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        let location = location.to_owned();
        self.handle
            .read("read the location of a log", move |t| read::logs::log_source(t, &location))
            .await
    }

    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        if rejections.is_empty() {
            return Ok(());
        }
        self.handle
            .write("store rejected input", move |t| write::rejected::reject(t, &rejections))
            .await
    }

    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        let read = move |t: &_| read::rejected::rejected(t, before, limit);
        self.handle.read("list rejected input", read).await
    }

    async fn prune(&self, before: Day) -> Result<Pruned> {
        const ACTION: &str = "prune";
        let before = self.handle.write(ACTION, move |t| write::prune::move_day(t, before)).await?;
        let (mut events, mut next) = (0, Some(0));
        while let Some(first) = next {
            let remove = move |t: &_| write::prune::remove_events(t, before, first);
            let removed = self.handle.write(ACTION, remove).await?;
            events += removed.events;
            next = removed.next;
        }
        Ok(Pruned { events, before })
    }

    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        const ACTION: &str = "prune logs";
        let day = self.handle.write(ACTION, move |t| write::removal::move_day(t, before)).await?;
        let (mut pruned, mut old) = (PrunedLogs::new(day), OldApplications::new(before, scope));
        loop {
            let attempts = old.next(self).await?;
            if attempts.is_empty() {
                return Ok(pruned);
            }
            let prune =
                move |t: &_| write::removal::prune_logs(t, &attempts, before, scope, pruned);
            pruned = self.handle.write(ACTION, prune).await?;
        }
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        if app_id.is_empty() {
            return Ok(Forgotten::default());
        }
        let (app_id, attempt_id) = (app_id.to_owned(), attempt_id.map(str::to_owned));
        let forget = move |t: &_| write::removal::forget(t, &app_id, attempt_id.as_deref());
        self.handle.write("forget an application", forget).await
    }

    async fn check(&self) -> Result<()> {
        self.handle.read("answer", |t| read::jobs::job(t, &JobKey::new(0))).await.map(drop)
    }

    async fn close(&self) -> Result<()> {
        self.handle.close().await
    }
}
