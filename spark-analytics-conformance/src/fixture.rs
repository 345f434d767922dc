//! Storage that a test opens, and opens again.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use spark_analytics_core::{Dedup, MemoryStore, Result, Store};

/// Storage of a test's own, empty at first, gone when it is dropped.
#[async_trait]
pub trait Fixture: Sized + Send + Sync + 'static {
    /// Fresh storage for a store of the rule.
    fn new(dedup: Dedup) -> Self;

    /// Whether what was stored is there after the store was closed and opened again; `false` for
    /// one that lives in memory alone.
    const IS_LASTING: bool = true;

    /// Opens the storage; where it is lasting, again after the store opened before was closed.
    ///
    /// # Errors
    /// Those of the store.
    async fn open(&self) -> Result<Arc<dyn Store>>;

    /// Closes the store and opens it again, where it is lasting.
    ///
    /// # Panics
    /// If it does not close or open.
    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        if !Self::IS_LASTING {
            return store;
        }
        store.close().await.expect("closes");
        drop(store);
        self.open().await.expect("opens again")
    }

    /// Runs a test's future to its end; a store that needs a certain runtime brings it here.
    fn block_on<F: Future>(future: F) -> F::Output {
        futures::executor::block_on(future)
    }
}

/// Fresh storage for a [`MemoryStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InMemory(Dedup);

#[async_trait]
impl Fixture for InMemory {
    fn new(dedup: Dedup) -> Self {
        Self(dedup)
    }

    const IS_LASTING: bool = false;

    async fn open(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(MemoryStore::new(self.0)))
    }
}
