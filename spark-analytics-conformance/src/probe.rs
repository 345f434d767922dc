//! A store that lets a test observe, delay or fail the calls to another.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter,
    JobKey, JobRecord, LogReceipt, PruneScope, Pruned, PrunedLogs, Receipt, Rejected, Rejection,
    Result, Rollup, Store, StoredEvent,
};

/// A call of a [`Store`] method, with the arguments that tests look at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Call<'a> {
    /// [`Store::ingest`]
    Ingest(&'a [Event]),
    /// [`Store::ingest_logs`]
    IngestLogs(&'a [LogSnapshot], &'a [LogSource]),
    /// [`Store::job`]
    Job(&'a JobKey),
    /// [`Store::jobs`]
    Jobs(&'a JobFilter),
    /// [`Store::rollups`]
    Rollups(Day, Day, Option<&'a str>),
    /// [`Store::total`]
    Total(Day, Day, Option<&'a str>),
    /// [`Store::events`]
    Events(&'a JobKey),
    /// [`Store::applications`]
    Applications(Option<&'a AttemptKey>),
    /// [`Store::log`]
    Log(&'a AttemptKey),
    /// [`Store::facts`]
    Facts(&'a AttemptKey, &'a Facts),
    /// [`Store::log_source`]
    LogSource(&'a str),
    /// [`Store::reject`]
    Reject(&'a [Rejection]),
    /// [`Store::rejected`]
    Rejected,
    /// [`Store::prune`]
    Prune(Day),
    /// [`Store::prune_logs`]
    PruneLogs(Day, PruneScope),
    /// [`Store::forget`]
    Forget(&'a str, Option<&'a str>),
    /// [`Store::check`]
    Check,
    /// [`Store::close`]
    Close,
}

/// Whether a [`Probe`]'s closure is called before or after the store's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// The store has not been called yet. An error is returned without calling it.
    Before,
    /// The store has returned, successfully or not. An error replaces its result.
    After,
}

type Observe = dyn Fn(When, Call<'_>) -> BoxFuture<'static, Result<()>> + Send + Sync;

/// A store that calls a closure before and after each call to another store, and awaits the future
/// that the closure returns. Clones share both.
///
/// ```
/// use futures::FutureExt;
/// use spark_analytics_conformance::{Call, Probe, When};
/// use spark_analytics_core::{Error, MemoryStore, Store};
///
/// let store = Probe::new(MemoryStore::default(), |when, call| {
///     let fails = matches!((when, call), (When::Before, Call::Ingest(_)));
///     let result = if fails { Err(Error::engine("probe", "ingest", "a test")) } else { Ok(()) };
///     std::future::ready(result).boxed()
/// });
/// # futures::executor::block_on(async {
/// assert!(store.ingest(vec![]).await.is_err());
/// assert!(store.check().await.is_ok());
/// # });
/// ```
#[derive(Clone)]
pub struct Probe<S> {
    store: S,
    observe: Arc<Observe>,
}

impl<S: fmt::Debug> fmt::Debug for Probe<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("store", &self.store).finish_non_exhaustive()
    }
}

impl<S: Store> Probe<S> {
    /// A store around `store` that calls `observe` before and after each call.
    pub fn new(
        store: S,
        observe: impl Fn(When, Call<'_>) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        Self { store, observe: Arc::new(observe) }
    }

    /// The wrapped store.
    pub const fn inner(&self) -> &S {
        &self.store
    }

    async fn before(&self, call: Call<'_>) -> Result<()> {
        let future = (self.observe)(When::Before, call);
        future.await
    }

    async fn after(&self, call: Call<'_>) -> Result<()> {
        let future = (self.observe)(When::After, call);
        future.await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Store> Store for Probe<S> {
    fn dedup(&self) -> Dedup {
        self.store.dedup()
    }
    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.before(Call::Ingest(&events)).await?;
        let given = events.clone();
        let result = self.store.ingest(events).await;
        self.after(Call::Ingest(&given)).await?;
        result
    }
    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        self.before(Call::IngestLogs(&logs, &sources)).await?;
        let given = (logs.clone(), sources.clone());
        let result = self.store.ingest_logs(logs, sources).await;
        self.after(Call::IngestLogs(&given.0, &given.1)).await?;
        result
    }
    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        self.before(Call::Job(key)).await?;
        let result = self.store.job(key).await;
        self.after(Call::Job(key)).await?;
        result
    }
    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        self.before(Call::Jobs(filter)).await?;
        let result = self.store.jobs(filter, after, limit).await;
        self.after(Call::Jobs(filter)).await?;
        result
    }
    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        self.before(Call::Rollups(from, to, user)).await?;
        let result = self.store.rollups(from, to, user).await;
        self.after(Call::Rollups(from, to, user)).await?;
        result
    }
    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        self.before(Call::Total(from, to, user)).await?;
        let result = self.store.total(from, to, user).await;
        self.after(Call::Total(from, to, user)).await?;
        result
    }
    async fn events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        self.before(Call::Events(key)).await?;
        let result = self.store.events(key, after, limit).await;
        self.after(Call::Events(key)).await?;
        result
    }
    async fn applications(
        &self,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        self.before(Call::Applications(after)).await?;
        let result = self.store.applications(after, limit).await;
        self.after(Call::Applications(after)).await?;
        result
    }
    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        self.before(Call::Log(attempt)).await?;
        let result = self.store.log(attempt).await;
        self.after(Call::Log(attempt)).await?;
        result
    }
    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        self.before(Call::Facts(attempt, facts)).await?;
        let result = self.store.facts(attempt, facts, limit).await;
        self.after(Call::Facts(attempt, facts)).await?;
        result
    }
    async fn log_source(&self, location: &str) -> Result<Option<LogSource>> {
        self.before(Call::LogSource(location)).await?;
        let result = self.store.log_source(location).await;
        self.after(Call::LogSource(location)).await?;
        result
    }
    async fn reject(&self, rejections: Vec<Rejection>) -> Result<()> {
        self.before(Call::Reject(&rejections)).await?;
        let given = rejections.clone();
        let result = self.store.reject(rejections).await;
        self.after(Call::Reject(&given)).await?;
        result
    }
    async fn rejected(&self, before: Option<i64>, limit: usize) -> Result<Vec<Rejected>> {
        self.before(Call::Rejected).await?;
        let result = self.store.rejected(before, limit).await;
        self.after(Call::Rejected).await?;
        result
    }
    async fn prune(&self, before: Day) -> Result<Pruned> {
        self.before(Call::Prune(before)).await?;
        let result = self.store.prune(before).await;
        self.after(Call::Prune(before)).await?;
        result
    }
    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        self.before(Call::PruneLogs(before, scope)).await?;
        let result = self.store.prune_logs(before, scope).await;
        self.after(Call::PruneLogs(before, scope)).await?;
        result
    }
    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        self.before(Call::Forget(app_id, attempt_id)).await?;
        let result = self.store.forget(app_id, attempt_id).await;
        self.after(Call::Forget(app_id, attempt_id)).await?;
        result
    }
    async fn check(&self) -> Result<()> {
        self.before(Call::Check).await?;
        let result = self.store.check().await;
        self.after(Call::Check).await?;
        result
    }
    async fn close(&self) -> Result<()> {
        self.before(Call::Close).await?;
        let result = self.store.close().await;
        self.after(Call::Close).await?;
        result
    }
}
