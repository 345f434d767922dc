//! The cache in Redis that all programs on a store share.

use std::sync::Arc;

use spark_analytics_core::Store;

use crate::metrics::metered::Metered;

#[cfg(feature = "redis")]
pub(crate) use with_redis::SharedCache;
#[cfg(not(feature = "redis"))]
pub(crate) use without_redis::SharedCache;

#[cfg(not(feature = "redis"))]
mod without_redis {
    use super::{Arc, Metered, Store};

    /// No cache: this build lacks Redis.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct SharedCache(());

    impl SharedCache {
        /// The store as it is.
        ///
        /// # Errors
        /// If a Redis is named.
        #[allow(clippy::unused_async, reason = "it is async where Redis is built in")]
        pub(crate) async fn around(
            &self,
            store: Metered<Arc<dyn Store>>,
            url: Option<&str>,
        ) -> anyhow::Result<Arc<dyn Store>> {
            if url.is_some() {
                anyhow::bail!(crate::flags::missing_feature("--redis", "redis"));
            }
            Ok(Arc::new(store))
        }

        /// There is nothing to count.
        pub(crate) const fn count(&self) {}
    }
}

#[cfg(feature = "redis")]
mod with_redis {
    use std::sync::OnceLock;

    use metrics::{counter, gauge};
    use spark_analytics_core::{Error, Result};
    use spark_analytics_redis::{Counts, RedisCached};

    use super::{Arc, Metered, Store};
    use crate::metrics::names::{CACHE_REQUESTS, REDIS_AVAILABLE, REDIS_ERRORS, REDIS_FLUSHES};

    /// The same for all: each store has its own Redis database, which the URL names.
    const NAMESPACE: &str = "spark-analytics";

    /// A cache in Redis, if one is used. Clones are the same.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct SharedCache(Arc<OnceLock<InRedis>>);

    type InRedis = RedisCached<Metered<Arc<dyn Store>>>;

    impl SharedCache {
        /// The store behind the cache at a URL, or as it is if there is none. Needs a tokio runtime. A Redis that
        /// cannot be reached is not an error.
        ///
        /// # Errors
        /// If the URL is not a Redis URL.
        pub(crate) async fn around(
            &self,
            store: Metered<Arc<dyn Store>>,
            url: Option<&str>,
        ) -> Result<Arc<dyn Store>> {
            let Some(url) = url else { return Ok(Arc::new(store)) };
            let cached =
                RedisCached::open(store, url, NAMESPACE).await.map_err(|error| match error {
                    Error::Incompatible(reason) => {
                        Error::Incompatible(format!("--redis: {reason}"))
                    }
                    error => error,
                })?;
            Ok(Arc::new(self.0.get_or_init(|| cached).clone()))
        }

        /// Publishes its counts as metrics.
        pub(crate) fn count(&self) {
            let Some(cached) = self.0.get() else { return };
            let Counts { hits, misses, bypassed, errors, flushes, is_available, .. } =
                cached.counts();
            for (result, count) in [("hit", hits), ("miss", misses), ("bypassed", bypassed)] {
                let labels = [("cache", "redis"), ("result", result)];
                counter!(CACHE_REQUESTS, &labels).absolute(count);
            }
            counter!(REDIS_ERRORS).absolute(errors);
            counter!(REDIS_FLUSHES).absolute(flushes);
            gauge!(REDIS_AVAILABLE).set(if is_available { 1.0 } else { 0.0 });
        }
    }
}
