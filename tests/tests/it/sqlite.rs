//! The conformance suite on SQLite, in a file and in memory.

use std::future::Future;
use std::sync::Arc;

use spark_analytics_conformance::{Fixture, conformance};
use spark_analytics_core::{Dedup, Result, Store};
use spark_analytics_sqlite::SqliteStore;
use tempfile::TempDir;

/// A file in its own temporary folder.
#[derive(Debug)]
pub(crate) struct InFile(TempDir, Dedup);

#[async_trait::async_trait]
impl Fixture for InFile {
    fn new(dedup: Dedup) -> Self {
        Self(TempDir::new().unwrap(), dedup)
    }

    async fn open(&self) -> Result<Arc<dyn Store>> {
        let options = SqliteStore::options().dedup(self.1);
        Ok(Arc::new(options.open(self.0.path().join("store.db")).await?))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        on_tokio(future)
    }
}

/// A database that is dropped with its store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InMemory(Dedup);

#[async_trait::async_trait]
impl Fixture for InMemory {
    fn new(dedup: Dedup) -> Self {
        Self(dedup)
    }

    const IS_LASTING: bool = false;

    async fn open(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(SqliteStore::options().dedup(self.0).open_in_memory().await?))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        on_tokio(future)
    }
}

fn on_tokio<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

conformance!(file, super::InFile);
conformance!(memory, super::InMemory);
