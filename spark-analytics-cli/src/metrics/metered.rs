//! A store adapter that records metrics.

use std::time::Instant;

use async_trait::async_trait;
use metrics::{counter, histogram};
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter,
    JobKey, JobRecord, LogReceipt, OtherRun, PruneScope, Pruned, PrunedLogs, Receipt, Rejected,
    Rejection, Result, Rollup, Store, StoredEvent,
};

use crate::metrics::names::{
    BATCH_EVENTS, COMMIT_SECONDS, EVENTS, LOGS, REMOVED_APPLICATIONS, STORE_ERRORS,
};

/// A [`Store`] around another that counts events by outcome, batches, the time that commits take, and
/// errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metered<S>(S);

impl<S: Store> Metered<S> {
    /// Around a store.
    pub(crate) const fn new(store: S) -> Self {
        Self(store)
    }
}

/// Counts the error, if there is one.
fn counted<T>(operation: &'static str, result: Result<T>) -> Result<T> {
    if result.is_err() {
        counter!(STORE_ERRORS, "operation" => operation).increment(1);
    }
    result
}

fn count_events(outcome: &'static str, count: usize) {
    counter!(EVENTS, "outcome" => outcome).increment(count as u64);
}

fn count_receipts(receipts: &[Receipt]) {
    let (mut recorded, mut duplicate, mut replaced, mut too_old) = (0, 0, 0, 0);
    for receipt in receipts {
        *match receipt {
            Receipt::Recorded(_) => &mut recorded,
            Receipt::Duplicate(_) => &mut duplicate,
            Receipt::Replaced(_) => &mut replaced,
            Receipt::TooOld => &mut too_old,
        } += 1;
    }
    count_events("recorded", recorded);
    count_events("duplicate", duplicate);
    count_events("replaced", replaced);
    count_events("too_old", too_old);
}

fn count_logs(receipts: &[LogReceipt]) {
    let (mut changed, mut unchanged, mut replaced, mut refused) = (0, 0, 0, 0);
    for receipt in receipts {
        *match receipt.other_run {
            _ if receipt.refused.is_some() => &mut refused,
            Some(OtherRun::Kept { .. }) => &mut replaced,
            _ if receipt.is_unchanged() => &mut unchanged,
            _ => &mut changed,
        } += 1;
    }
    for (outcome, count) in [
        ("changed", changed),
        ("unchanged", unchanged),
        ("replaced", replaced),
        ("refused", refused),
    ] {
        counter!(LOGS, "outcome" => outcome).increment(count);
    }
}

fn record_commit(of: &'static str, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    histogram!(COMMIT_SECONDS, "of" => of).record(seconds);
}

const READ: &str = "read";

#[deny(clippy::missing_trait_methods, reason = "a method that is not forwarded is not counted")]
#[async_trait]
impl<S: Store> Store for Metered<S> {
    fn dedup(&self) -> Dedup {
        self.0.dedup()
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        let (started, count) = (Instant::now(), events.len());
        let receipts = counted("ingest", self.0.ingest(events).await)?;
        record_commit("events", started);
        histogram!(BATCH_EVENTS).record(count as f64);
        count_receipts(&receipts);
        Ok(receipts)
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        let started = Instant::now();
        let receipts = counted("ingest_logs", self.0.ingest_logs(logs, sources).await)?;
        record_commit("logs", started);
        count_logs(&receipts);
        Ok(receipts)
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        counted(READ, self.0.job(key).await)
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        counted(READ, self.0.jobs(filter, after, limit).await)
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        counted(READ, self.0.rollups(from, to, user).await)
    }

    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        counted(READ, self.0.total(from, to, user).await)
    }

    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        counted(READ, self.0.events(key, after, limit).await)
    }

    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        counted(READ, self.0.applications(after, limit).await)
    }

    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        counted(READ, self.0.log(attempt).await)
    }

    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        counted(READ, self.0.facts(attempt, facts, limit).await)
    }

    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        counted(READ, self.0.log_source(location).await)
    }

    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        let count = rejections.len();
        counted("reject", self.0.reject(rejections).await)?;
        count_events("rejected", count);
        Ok(())
    }

    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        counted(READ, self.0.rejected(before, limit).await)
    }

    async fn prune(&self, before: Day) -> Result<Pruned> {
        counted("prune", self.0.prune(before).await)
    }

    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        let pruned = counted("prune_logs", self.0.prune_logs(before, scope).await)?;
        counter!(REMOVED_APPLICATIONS, "by" => "prune").increment(pruned.applications);
        Ok(pruned)
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        let forgotten = counted("forget", self.0.forget(app_id, attempt_id).await)?;
        counter!(REMOVED_APPLICATIONS, "by" => "forget").increment(forgotten.attempts);
        Ok(forgotten)
    }

    async fn check(&self) -> Result<()> {
        counted("check", self.0.check().await)
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}
