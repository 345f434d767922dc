//! The adapter and its reads.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use redis::{Client, IntoConnectionInfo};
use spark_analytics_core::log::{Application, LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Error, Event, EventCursor, Facts, Forgotten, Job, JobCursor, JobFilter,
    JobKey, JobRecord, LocationCause, LogReceipt, PruneScope, Pruned, PrunedLogs, Receipt,
    Rejected, Rejection, Result, Rollup, Store, StoredEvent,
};

use crate::counts::Counts;
use crate::link::{Link, Purpose};
use crate::options::RedisOptions;
use crate::scripts::Scripts;
use crate::{days, touched, value};

/// A [`Store`] that wraps another and caches its jobs and roll-ups in Redis, for all processes that use the same
/// store and the same namespace.
///
/// A job is cached until a write touches it; the roll-ups of a day are cached until a write touches a job that
/// ends, or used to end, on that day. Both expire after the age limit. Lists, events, and the stages and executors of
/// logs are always read from the store.
///
/// Clones share the connection and the counts. It must be used within the Tokio runtime in which it was connected;
/// that runtime needs time and I/O enabled.
#[derive(Clone)]
pub struct RedisCached<S> {
    pub(crate) store: S,
    pub(crate) link: Arc<Link>,
    pub(crate) scripts: Arc<Scripts>,
    /// The lifetime of entries in ms, as an argument of the scripts.
    pub(crate) life_ms: Arc<str>,
}

impl<S: fmt::Debug> fmt::Debug for RedisCached<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCached").field("store", &self.store).finish_non_exhaustive()
    }
}

impl RedisCached<()> {
    /// The default options, to be changed with the builder's methods.
    pub const fn options() -> RedisOptions {
        RedisOptions::DEFAULT
    }
}

impl RedisOptions {
    /// Wraps a store in a cache, kept in the Redis at a URL such as `redis://[[user]:password@]host[:port][/db]`, or
    /// `rediss://…` for TLS.
    ///
    /// All processes that write to one store must use the same namespace, and no other store may use it. An unreachable
    /// Redis is not an error: the cache is used as soon as Redis can be reached.
    ///
    /// # Errors
    /// [`Error::Location`] if the URL is not a Redis URL.
    pub async fn open<S: Store>(
        self,
        store: S,
        url: &str,
        namespace: &str,
    ) -> Result<RedisCached<S>> {
        // The text of the error may contain parts of the URL, and thus of its password.
        let unusable = |_| {
            Error::location(LocationCause::Invalid,
                "not a Redis URL; expected redis://[[user]:password@]host[:port][/db], or rediss:// \
                 for TLS"
                    .to_owned(),
            )
        };
        let info = url.into_connection_info().map_err(unusable)?;
        if matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. }) {
            // An error means that the process has already chosen a provider.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = Client::open(info).map_err(unusable)?;
        // In a cluster the braces keep all keys in one slot, which the scripts require.
        let epoch = format!("{{spark-analytics:1:{namespace}}}");
        Ok(RedisCached {
            store,
            link: Link::connect(client, epoch).await,
            scripts: Arc::new(Scripts::new()),
            life_ms: self.max_age.as_millis().clamp(1, u128::from(u32::MAX)).to_string().into(),
        })
    }
}

impl<S: Store> RedisCached<S> {
    /// Wraps a store in a cache with default options; see [`RedisOptions::open`].
    ///
    /// # Errors
    /// As [`RedisOptions::open`].
    pub async fn open(store: S, url: &str, namespace: &str) -> Result<Self> {
        RedisOptions::DEFAULT.open(store, url, namespace).await
    }

    /// The wrapped store.
    pub const fn inner(&self) -> &S {
        &self.store
    }

    /// The counts so far. The call is cheap.
    pub fn counts(&self) -> Counts {
        self.link.counters.snapshot(self.link.is_available())
    }

    async fn fill_job(&self, epoch: &[u8], name: &str, token: &[u8], record: Option<&JobRecord>) {
        let Some(value) = value::encode_job(record) else { return };
        let args = [epoch, name.as_bytes(), token, &value];
        if self.link.call(Purpose::Read, &self.scripts.fill_job, &args).await == Some(false) {
            self.link.counters.refused.add(1);
        }
    }
}

// An omitted method would use the trait's default instead of the inner store's method.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Store> Store for RedisCached<S> {
    fn dedup(&self) -> Dedup {
        self.store.dedup()
    }

    async fn ingest(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        let touched = touched::by_events(&events);
        self.write(touched, BTreeSet::new(), self.store.ingest(events)).await
    }

    async fn ingest_logs(
        &self,
        logs: Vec<LogSnapshot>,
        sources: Vec<LogSource>,
    ) -> Result<Vec<LogReceipt>> {
        let (mut touched, mut apps) = (touched::Touched::new(), BTreeSet::new());
        for log in &logs {
            touched::add_log(&mut touched, log);
            apps.insert(log.application.key());
        }
        self.write(touched, apps, self.store.ingest_logs(logs, sources)).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        let counters = &self.link.counters;
        let name = touched::job_name(key);
        let args = [self.life_ms.as_bytes(), name.as_bytes()];
        let found: Option<(Vec<u8>, Vec<u8>, Option<Vec<u8>>)> =
            self.link.call(Purpose::Read, &self.scripts.look_up_job, &args).await;
        let Some((epoch, token, held)) = found else {
            counters.bypassed.add(1);
            return self.store.job(key).await;
        };
        if let Some(record) = held.as_deref().and_then(value::decode_job) {
            counters.hits.add(1);
            return Ok(record);
        }
        counters.misses.add(1);
        let record = self.store.job(key).await?;
        if !token.is_empty() {
            self.fill_job(&epoch, &name, &token, record.as_ref()).await;
        }
        Ok(record)
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
        if days::are_cached(from, to) {
            self.read_days(from, to, user).await
        } else {
            self.store.rollups(from, to, user).await
        }
    }

    async fn total(&self, from: Day, to: Day, user: Option<&str>) -> Result<Rollup> {
        if !days::are_cached(from, to) {
            return self.store.total(from, to, user).await;
        }
        let mut total = Rollup::default();
        for (_, rollup) in self.read_days(from, to, user).await? {
            total += &rollup;
        }
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
        match scope {
            // No facts but jobs are kept here.
            PruneScope::Facts => self.store.prune_logs(before, scope).await,
            PruneScope::Jobs => self.write_all(self.store.prune_logs(before, scope)).await,
        }
    }

    async fn forget(&self, app_id: &str, attempt_id: Option<&str>) -> Result<Forgotten> {
        self.write_all(self.store.forget(app_id, attempt_id)).await
    }

    async fn check(&self) -> Result<()> {
        self.store.check().await
    }

    async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}
