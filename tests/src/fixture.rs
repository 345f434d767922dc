//! Storage that a test opens, and opens again.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use spark_analytics_core::{Dedup, MemoryStore, Result, Store};

/// Storage of a test's own, empty at first, gone when it is dropped.
#[async_trait]
pub trait Fixture: Sized + Send + 'static {
    /// Fresh storage for a store of the rule.
    fn new(dedup: Dedup) -> Self;

    /// Opens the storage. It is called again to open what is there already; the store that was opened
    /// before has been closed and dropped then. A store that lives in memory alone returns
    /// itself.
    ///
    /// # Errors
    /// Those of the store.
    async fn open(&self) -> Result<Arc<dyn Store>>;

    /// Runs a test's future to its end; a store that needs a certain runtime brings it here.
    fn block_on<F: Future>(future: F) -> F::Output {
        futures::executor::block_on(future)
    }
}

/// Fresh storage for a [`MemoryStore`].
#[derive(Debug)]
pub struct InMemory(MemoryStore);

#[async_trait]
impl Fixture for InMemory {
    fn new(dedup: Dedup) -> Self {
        Self(MemoryStore::new(dedup))
    }

    async fn open(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.0.clone()))
    }
}
