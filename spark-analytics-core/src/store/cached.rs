//! A store adapter that caches reads.

mod shelf;
mod weight;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::event::Event;
use crate::figures::job::{Job, JobRecord};
use crate::figures::rollup::Rollup;
use crate::identity::{AttemptKey, Dedup, JobKey};
use crate::log::{Application, LogSnapshot, LogSource};
use crate::rejected::{Rejected, Rejection};
use crate::store::facts::Facts;
use crate::store::{
    EventCursor, Forgotten, JobCursor, JobFilter, LogReceipt, PruneScope, Pruned, PrunedLogs,
    Receipt, Store, StoredEvent,
};
use crate::time::Day;
use shelf::Shelf;

/// A [`Store`] that wraps another and caches jobs, pages of job lists, and roll-ups, within a limit of bytes.
///
/// Writes through it are visible immediately; writes of other handles or processes may stay
/// invisible until the age limit. Clones share the map.
///
/// The age of entries is measured with the monotonic clock. Entries over age are dropped by later reads, and by
/// [`sweep`](Self::sweep).
///
/// ```
/// use std::time::Duration;
///
/// use spark_analytics_core::{Cached, JobKey, MemoryStore, Store};
///
/// # futures::executor::block_on(async {
/// let store = Cached::with_limits(MemoryStore::default(), 1 << 20, Duration::from_secs(60));
/// for _ in 0..3 {
///     assert_eq!(store.job(&JobKey::new(7)).await?, None);
/// }
/// assert_eq!((store.counts().misses, store.counts().hits), (1, 2));
/// # Ok::<(), spark_analytics_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Cached<S> {
    store: S,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    jobs: Shelf<JobKey, Option<Arc<JobRecord>>>,
    lists: Shelf<(JobFilter, Option<JobCursor>, usize), Arc<[Job]>>,
    rollups: Shelf<Range, Arc<[(Day, Rollup)]>>,
    totals: Shelf<Range, Arc<Rollup>>,
}

/// Hits and misses of a [`Cached`] and its clones since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CacheCounts {
    /// Reads answered from the cache.
    pub hits: u64,
    /// Cacheable reads that the store answered.
    pub misses: u64,
}

/// A range of days, and the user if the roll-ups of one user are requested.
type Range = (Day, Day, Option<String>);

impl<S: Store> Cached<S> {
    /// Caches up to 64 MiB for up to 1 s.
    pub fn new(store: S) -> Self {
        Self::with_limits(store, 64 << 20, Duration::from_secs(1))
    }

    /// Caches up to `bytes` for up to `age`: half of them of jobs, a quarter of lists, an eighth each of roll-ups and of
    /// totals. What would take an eighth of its part is not cached, nor are lists of more than 1,001 jobs.
    pub fn with_limits(store: S, bytes: usize, age: Duration) -> Self {
        let shared = Shared {
            jobs: Shelf::new(bytes / 2, age),
            lists: Shelf::new(bytes / 4, age),
            rollups: Shelf::new(bytes / 8, age),
            totals: Shelf::new(bytes / 8, age),
        };
        Self { store, shared: Arc::new(shared) }
    }

    /// Drops all entries that are over age. Call it from time to time where memory matters: without it, they stay until
    /// later reads take their place.
    pub fn sweep(&self) {
        let Shared { jobs, lists, rollups, totals } = &*self.shared;
        jobs.sweep();
        lists.sweep();
        rollups.sweep();
        totals.sweep();
    }

    /// The bytes that all entries take, which include their keys.
    pub fn held_bytes(&self) -> usize {
        let Shared { jobs, lists, rollups, totals } = &*self.shared;
        jobs.held() + lists.held() + rollups.held() + totals.held()
    }

    /// The wrapped store.
    pub const fn inner(&self) -> &S {
        &self.store
    }

    /// Hits and misses so far. The call is cheap.
    pub fn counts(&self) -> CacheCounts {
        let Shared { jobs, lists, rollups, totals } = &*self.shared;
        let mut counts = CacheCounts::default();
        for lookups in [&jobs.lookups, &lists.lookups, &rollups.lookups, &totals.lookups] {
            counts.hits += lookups.hits.load(Ordering::Relaxed);
            counts.misses += lookups.misses.load(Ordering::Relaxed);
        }
        counts
    }
}

/// Invalidates entries when a write ends in any way, including by dropping its future.
struct Stale<'a> {
    shared: &'a Shared,
    /// `None` for all jobs.
    jobs: Option<Vec<JobKey>>,
}

impl Drop for Stale<'_> {
    fn drop(&mut self) {
        match &self.jobs {
            Some(jobs) => jobs.iter().for_each(|key| self.shared.jobs.forget(key)),
            None => self.shared.jobs.forget_all(),
        }
        self.shared.lists.forget_all();
        self.shared.rollups.forget_all();
        self.shared.totals.forget_all();
    }
}

// An omitted method would use the trait's default instead of the inner store's method.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Store> Store for Cached<S> {
    fn dedup(&self) -> Dedup {
        self.store.dedup()
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        let mut jobs: Vec<JobKey> = events.iter().map(|event| event.job().clone()).collect();
        jobs.sort_unstable();
        jobs.dedup();
        let _stale = Stale { shared: &self.shared, jobs: Some(jobs) };
        self.store.ingest(events).await
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        let _stale = Stale { shared: &self.shared, jobs: None };
        self.store.ingest_logs(logs, sources).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        let read = match self.shared.jobs.look_up(key) {
            Ok(held) => return Ok(held.map(|record| (*record).clone())),
            Err(read) => read,
        };
        let record = self.store.job(key).await?;
        self.shared.jobs.fill(read, key.clone(), record.clone().map(Arc::new));
        Ok(record)
    }

    async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        if limit > LONGEST_LIST {
            return self.store.jobs(filter, after, limit).await;
        }
        let key = (filter.clone(), after.cloned(), limit);
        let read = match self.shared.lists.look_up(&key) {
            Ok(held) => return Ok(held.to_vec()),
            Err(read) => read,
        };
        let jobs = self.store.jobs(filter, after, limit).await?;
        self.shared.lists.fill(read, key, jobs.clone().into());
        Ok(jobs)
    }

    async fn rollups(&self, from: Day, to: Day, user: Option<&str>) -> Result<Vec<(Day, Rollup)>> {
        let key = (from, to, user.map(str::to_owned));
        let read = match self.shared.rollups.look_up(&key) {
            Ok(held) => return Ok(held.to_vec()),
            Err(read) => read,
        };
        let rollups = self.store.rollups(from, to, user).await?;
        self.shared.rollups.fill(read, key, rollups.clone().into());
        Ok(rollups)
    }

    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        let key = (from, to, user.map(str::to_owned));
        let read = match self.shared.totals.look_up(&key) {
            Ok(held) => return Ok((*held).clone()),
            Err(read) => read,
        };
        let total = self.store.total(from, to, user).await?;
        self.shared.totals.fill(read, key, Arc::new(total.clone()));
        Ok(total)
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
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> Result<Vec<Application>> {
        self.store.applications(after, limit).await
    }

    async fn log(&self, attempt: &AttemptKey) -> Result<Option<LogSnapshot>> {
        self.store.log(attempt).await
    }

    async fn facts(
        &self,
        attempt: &AttemptKey,
        facts: &Facts,
        limit: usize,
    ) -> Result<Option<LogSnapshot>> {
        self.store.facts(attempt, facts, limit).await
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

    async fn prune_logs(&self, before: Day, scope: PruneScope) -> Result<PrunedLogs> {
        // Without their jobs, only facts that are not cached change.
        let _stale =
            (scope == PruneScope::Jobs).then(|| Stale { shared: &self.shared, jobs: None });
        self.store.prune_logs(before, scope).await
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        let _stale = Stale { shared: &self.shared, jobs: None };
        self.store.forget(app_id, attempt_id).await
    }

    async fn check(&self) -> Result<()> {
        self.store.check().await
    }

    async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}

/// Maximum length of a cached list: a page of 1,000 and one more, which shows that there is a next page.
const LONGEST_LIST: usize = 1_001;
