//! A store behind Redis passes the conformance tests.

use std::future::Future;
use std::sync::Arc;

use spark_analytics_conformance::{Fixture, conformance};
use spark_analytics_core::{Dedup, MemoryStore, Result, Store};
use spark_analytics_redis::RedisCached;

/// A store in memory behind an adapter whose entries do not expire during the tests.
#[derive(Debug)]
struct Behind(Dedup);

#[async_trait::async_trait]
impl Fixture for Behind {
    fn new(dedup: Dedup) -> Self {
        Self(dedup)
    }

    const IS_LASTING: bool = false;

    async fn open(&self) -> Result<Arc<dyn Store>> {
        let (url, namespace) = (crate::support::shared_url(), crate::support::namespace());
        let store = MemoryStore::new(self.0);
        let cached = RedisCached::options()
            .max_age(crate::support::LONG)
            .open(store, &url, &namespace)
            .await?;
        assert!(cached.counts().is_available);
        Ok(Arc::new(cached))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
    }
}

conformance!(redis, super::Behind);
