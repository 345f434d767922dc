//! The cache in Redis that the programs on one store share.

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

    /// The same for all: each store has a database of Redis of its own, which the URL names.
    const NAMESPACE: &str = "spark-analytics";

    /// A cache in Redis, if one is used. Clones are the same.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct SharedCache(Arc<OnceLock<InRedis>>);

    type InRedis = RedisCached<Metered<Arc<dyn Store>>>;

    impl SharedCache {
        /// A store behind the Redis of a URL, or else as it is; on tokio. A Redis that is away is no error.
        ///
        /// # Errors
        /// [`Error::Incompatible`] if the URL is none of Redis.
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

        /// Tells what it has counted, see [`METRICS`](crate::prometheus::METRICS).
        pub(crate) fn count(&self) {
            let Some(cached) = self.0.get() else { return };
            let Counts { hits, misses, bypassed, errors, flushes, is_available, .. } =
                cached.counts();
            for (result, count) in [("hit", hits), ("miss", misses), ("bypassed", bypassed)] {
                let labels = [("cache", "redis"), ("result", result)];
                counter!("spark_analytics_cache_requests_total", &labels).absolute(count);
            }
            counter!("spark_analytics_redis_errors_total").absolute(errors);
            counter!("spark_analytics_redis_flushes_total").absolute(flushes);
            gauge!("spark_analytics_redis_available").set(if is_available { 1.0 } else { 0.0 });
        }
    }
}
