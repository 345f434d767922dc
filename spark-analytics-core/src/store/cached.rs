//! A store adapter that caches reads.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::error::Result;
use crate::event::Event;
use crate::figures::job::{Job, JobRecord};
use crate::figures::rollup::Rollup;
use crate::identity::{AttemptKey, Dedup, JobKey};
use crate::log::{Application, LogSnapshot, LogSource};
use crate::rejected::{Rejected, Rejection};
use crate::store::{
    EventCursor, Forgotten, JobCursor, JobFilter, LogReceipt, PruneScope, Pruned, PrunedLogs,
    Receipt, Store, StoredEvent,
};
use crate::time::Day;

/// A [`Store`] that wraps another and caches jobs, first pages of job lists, and roll-ups in a bounded map.
///
/// Writes through it are visible immediately; writes of other handles or processes may stay
/// invisible until the age limit. Clones share the map.
///
/// The age of entries is measured with the monotonic clock.
///
/// ```
/// use std::time::Duration;
///
/// use spark_analytics_core::{Cached, JobKey, MemoryStore, Store};
///
/// # futures::executor::block_on(async {
/// let store = Cached::with_limits(MemoryStore::default(), 1_000, Duration::from_secs(60));
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
    lists: Shelf<(JobFilter, usize), Arc<[Job]>>,
    rollups: Shelf<Range, Arc<[(Day, Rollup)]>>,
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
    /// Caches up to 10,000 jobs and about a hundred lists and roll-ups for up to 1 s.
    pub fn new(store: S) -> Self {
        Self::with_limits(store, 10_000, Duration::from_secs(1))
    }

    /// Caches about `jobs` jobs and a hundredth as many lists (of at most 1,001 jobs) and roll-ups,
    /// all for up to `age`. Both numbers are rounded up to multiples of 64.
    pub fn with_limits(store: S, jobs: usize, age: Duration) -> Self {
        let shared = Shared {
            jobs: Shelf::new(jobs, age),
            lists: Shelf::new(jobs / 100, age),
            rollups: Shelf::new(jobs / 100, age),
        };
        Self { store, shared: Arc::new(shared) }
    }

    /// The wrapped store.
    pub const fn inner(&self) -> &S {
        &self.store
    }

    /// Hits and misses so far. The call is cheap.
    pub fn counts(&self) -> CacheCounts {
        let Shared { jobs, lists, rollups } = &*self.shared;
        let mut counts = CacheCounts::default();
        for lookups in [&jobs.lookups, &lists.lookups, &rollups.lookups] {
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
        if after.is_some() || limit > LONGEST_LIST {
            return self.store.jobs(filter, after, limit).await;
        }
        let key = (filter.clone(), limit);
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

/// Number of shards of a shelf; a write to one shard does not affect reads of the others.
const PARTS: usize = 64;

/// A bounded map with an age limit that never stores a value read before a concurrent write.
struct Shelf<K, V> {
    age: Duration,
    part_capacity: usize,
    hasher: RandomState,
    lookups: Lookups,
    parts: Vec<Mutex<Part<K, V>>>,
}

#[derive(Default)]
struct Lookups {
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Part<K, V> {
    /// Counts the writes that touched the part.
    version: u64,
    entries: HashMap<K, (Instant, V)>,
}

/// A miss that may fill the entry unless a write has touched its part since.
struct Read {
    version: u64,
    since: Instant,
}

impl<K, V> fmt::Debug for Shelf<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("age", &self.age).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Shelf<K, V> {
    fn new(capacity: usize, age: Duration) -> Self {
        let part = || Mutex::new(Part { version: 0, entries: HashMap::new() });
        Self {
            age,
            part_capacity: capacity.div_ceil(PARTS),
            hasher: RandomState::new(),
            lookups: Lookups::default(),
            parts: (0..PARTS).map(|_| part()).collect(),
        }
    }

    fn look_up(&self, key: &K) -> Result<V, Read> {
        let part = self.part(key);
        let since = Instant::now();
        match part.entries.get(key) {
            Some((read_at, value)) if since.duration_since(*read_at) < self.age => {
                self.lookups.hits.fetch_add(1, Ordering::Relaxed);
                Ok(value.clone())
            }
            _ => {
                self.lookups.misses.fetch_add(1, Ordering::Relaxed);
                Err(Read { version: part.version, since })
            }
        }
    }

    fn fill(&self, read: Read, key: K, value: V) {
        let mut part = self.part(&key);
        if part.version != read.version || self.part_capacity == 0 {
            return;
        }
        if part.entries.len() >= self.part_capacity && !part.entries.contains_key(&key) {
            let (age, now) = (self.age, Instant::now());
            part.entries.retain(|_, (read_at, _)| now.duration_since(*read_at) < age);
            if part.entries.len() >= self.part_capacity {
                // Any entry will do as the one to evict.
                let victim = part.entries.keys().next().cloned();
                victim.and_then(|victim| part.entries.remove(&victim));
            }
        }
        part.entries.insert(key, (read.since, value));
    }

    fn forget(&self, key: &K) {
        let mut part = self.part(key);
        part.version += 1;
        part.entries.remove(key);
    }

    fn forget_all(&self) {
        for part in &self.parts {
            let mut part = lock(part);
            part.version += 1;
            part.entries.clear();
        }
    }

    fn part(&self, key: &K) -> MutexGuard<'_, Part<K, V>> {
        lock(&self.parts[self.hasher.hash_one(key) as usize % PARTS])
    }
}

/// Code that holds the lock cannot panic, so a poisoned lock can be used.
fn lock<K, V>(part: &Mutex<Part<K, V>>) -> MutexGuard<'_, Part<K, V>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
