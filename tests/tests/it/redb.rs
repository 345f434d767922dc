//! The conformance suite on redb.

use std::sync::Arc;

use spark_analytics_conformance::{Fixture, conformance};
use spark_analytics_core::{Dedup, Result, Store};
use spark_analytics_redb::RedbStore;
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
        let options = RedbStore::options().dedup(self.1);
        Ok(Arc::new(options.open(self.0.path().join("store.redb")).await?))
    }
}

conformance!(file, super::InFile);
