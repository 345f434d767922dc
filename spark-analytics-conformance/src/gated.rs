//! A store whose batches wait until they are let through.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;
use spark_analytics_core::{
    Application, Day, Dedup, Error, Event, EventCursor, Job, JobCursor, JobFilter, JobKey,
    JobRecord, LogReceipt, LogSnapshot, LogSource, MemoryStore, Pruned, Receipt, Rejected,
    Rejection, Result, Rollup, Store, StoredEvent,
};

/// A [`MemoryStore`] that a test can hold up, to see what callers do meanwhile: batches before they
/// are taken, and reads of a job, if wanted, before they are answered.
#[derive(Clone, Debug, Default)]
pub struct Gated {
    store: MemoryStore,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    /// Batches that may still pass.
    open_for: Mutex<(usize, Vec<Waker>)>,
    /// The sizes of the batches that have arrived.
    arrived: Mutex<Vec<usize>>,
    failures: AtomicUsize,
    holds_reads: AtomicBool,
}

impl Gated {
    /// A store behind a closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets that many more batches through.
    pub fn let_through(&self, batches: usize) {
        let mut open_for = self.gate.open_for.lock().unwrap_or_else(PoisonError::into_inner);
        open_for.0 = open_for.0.saturating_add(batches);
        open_for.1.drain(..).for_each(Waker::wake);
    }

    /// Makes that many of the batches to come fail once they are let through.
    pub fn fail_next(&self, batches: usize) {
        self.gate.failures.store(batches, Ordering::SeqCst);
    }

    /// Makes reads of a job wait at the gate with what they have read.
    pub fn hold_reads(&self, holds: bool) {
        self.gate.holds_reads.store(holds, Ordering::SeqCst);
    }

    /// The sizes of the batches that have arrived at the gate.
    pub fn arrived(&self) -> Vec<usize> {
        self.gate.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn pass(&self) {
        std::future::poll_fn(|context| {
            let mut open_for = self.gate.open_for.lock().unwrap_or_else(PoisonError::into_inner);
            if open_for.0 == 0 {
                open_for.1.push(context.waker().clone());
                return Poll::Pending;
            }
            open_for.0 -= 1;
            Poll::Ready(())
        })
        .await;
    }
}

#[async_trait]
impl Store for Gated {
    fn dedup(&self) -> Dedup {
        self.store.dedup()
    }
    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.gate.arrived.lock().unwrap_or_else(PoisonError::into_inner).push(events.len());
        self.pass().await;
        let failures = &self.gate.failures;
        let fails = failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match fails {
            Ok(_) => Err(Error::engine("gated", "take a batch", "it was told to fail")),
            Err(_) => self.store.ingest(events).await,
        }
    }
    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.store.ingest_logs(logs, sources).await
    }
    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        let record = self.store.job(key).await;
        if self.gate.holds_reads.load(Ordering::SeqCst) {
            self.pass().await;
        }
        record
    }
    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        self.store.jobs(filter, after, limit).await
    }
    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        self.store.rollups(from, to, user).await
    }
    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        self.store.events(key, after, limit).await
    }
    async fn applications(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        self.store.applications(after, limit).await
    }
    async fn log(&self, app_id: &str, attempt_id: &str) -> Result<Option<LogSnapshot>> {
        self.store.log(app_id, attempt_id).await
    }
    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        self.store.log_source(location).await
    }
    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        self.store.reject(rejections).await
    }
    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        self.store.rejected(before, limit).await
    }
    async fn prune(&self, before: Day) -> Result<Pruned> {
        self.store.prune(before).await
    }
    async fn check(&self) -> Result<()> {
        self.store.check().await
    }
}
