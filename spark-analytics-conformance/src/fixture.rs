//! Storage that a test opens and reopens.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use spark_analytics_core::{Dedup, MemoryStore, Result, Store};

/// Storage for a single test: empty at first, and removed when dropped.
#[async_trait]
pub trait Fixture: Sized + Send + Sync + 'static {
    /// Fresh storage for a store with the given rule.
    fn new(dedup: Dedup) -> Self;

    /// Whether stored data survives closing and reopening the store; `false` for in-memory stores.
    const IS_LASTING: bool = true;

    /// Opens the storage; if it is lasting, also again after the previous store was closed.
    ///
    /// # Errors
    /// Those of the store.
    async fn open(&self) -> Result<Arc<dyn Store>>;

    /// Closes the store and reopens it, if it is lasting.
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

    /// Runs a test's future to completion; a store that needs a specific runtime provides it here.
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
