//! Opening a store that may not be available yet.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use spark_analytics_amqp::Backoff;
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Error, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter,
    JobKey, JobRecord, LogReceipt, PruneScope, Pruned, PrunedLogs, Receipt, Rejected, Rejection,
    Result, Rollup, Store, StoredEvent,
};

use crate::store::by_url::{HowToOpen, Place};

/// Opens the store that a URL names, and waits while another process has it open or its server does not answer.
///
/// # Errors
/// Errors that waiting does not cure: a URL that names no store, a file that cannot be opened, a store that was created
/// with other settings.
pub(crate) async fn open_when_there(url: &str, how: HowToOpen) -> Result<Arc<dyn Store>> {
    open_reporting(url, how, |error| {
        tracing::warn!(%error, "the store cannot be opened, trying again");
    })
    .await
}

async fn open_reporting(
    url: &str,
    how: HowToOpen,
    report: impl Fn(&Error),
) -> Result<Arc<dyn Store>> {
    let is_file = Place::of(url)?.file().is_some();
    let mut backoff = Backoff::new();
    loop {
        match how.open(url, true).await {
            Err(error @ Error::Unavailable { .. }) => report(&error),
            Err(error @ Error::Engine { .. }) if !is_file => report(&error),
            opened => return opened,
        }
        backoff.wait().await;
    }
}

/// A [`Store`] that is opened in the background: until it is, all calls fail with [`Error::Unavailable`] and the
/// reason.
#[derive(Debug)]
pub(crate) struct OpenedLater {
    dedup: Dedup,
    store: OnceLock<Arc<dyn Store>>,
    why_not: Mutex<String>,
}

impl OpenedLater {
    /// Begins to open the store that a URL names. Needs a tokio runtime.
    ///
    /// # Errors
    /// If it names no store. Other errors that waiting does not cure are logged, and returned by all calls.
    pub(crate) fn open(url: String, how: HowToOpen) -> Result<Arc<Self>> {
        Place::of(&url)?;
        let why_not = Mutex::new("it is being opened".to_owned());
        let later = Arc::new(Self { dedup: how.dedup, store: OnceLock::new(), why_not });
        let opening = Arc::clone(&later);
        tokio::spawn(async move {
            let report = |error: &Error| {
                tracing::warn!(%error, "the store cannot be opened, trying again");
                opening.set_reason(error);
            };
            match open_reporting(&url, how, report).await {
                Ok(store) => {
                    let _ = opening.store.set(store);
                    tracing::info!("the store is open");
                }
                Err(error) => {
                    tracing::error!(%error, "the store cannot be opened");
                    opening.set_reason(&error);
                }
            }
        });
        Ok(later)
    }

    fn set_reason(&self, why_not: &Error) {
        *self.why_not.lock().unwrap_or_else(PoisonError::into_inner) = why_not.to_string();
    }

    fn opened(&self) -> Result<&Arc<dyn Store>> {
        self.store.get().ok_or_else(|| {
            let why_not = self.why_not.lock().unwrap_or_else(PoisonError::into_inner);
            Error::unavailable("configured", why_not.as_str())
        })
    }
}

#[deny(clippy::missing_trait_methods, reason = "every method waits for the store")]
#[async_trait]
impl Store for OpenedLater {
    fn dedup(&self) -> Dedup {
        self.dedup
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.opened()?.ingest(events).await
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.opened()?.ingest_logs(logs, sources).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        self.opened()?.job(key).await
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        self.opened()?.jobs(filter, after, limit).await
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        self.opened()?.rollups(from, to, user).await
    }

    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        self.opened()?.total(from, to, user).await
    }

    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        self.opened()?.events(key, after, limit).await
    }

    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        self.opened()?.applications(after, limit).await
    }

    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        self.opened()?.log(attempt).await
    }

    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        self.opened()?.facts(attempt, facts, limit).await
    }

    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        self.opened()?.log_source(location).await
    }

    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        self.opened()?.reject(rejections).await
    }

    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        self.opened()?.rejected(before, limit).await
    }

    async fn prune(&self, before: Day) -> Result<Pruned> {
        self.opened()?.prune(before).await
    }

    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        self.opened()?.prune_logs(before, scope).await
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        self.opened()?.forget(app_id, attempt_id).await
    }

    async fn check(&self) -> Result<()> {
        self.opened()?.check().await
    }

    async fn close(&self) -> Result<()> {
        match self.store.get() {
            Some(store) => store.close().await,
            None => Ok(()),
        }
    }
}
