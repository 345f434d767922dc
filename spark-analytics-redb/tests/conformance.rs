//! The conformance suite and the laws on the store in a redb file.

use std::sync::Arc;

use async_trait::async_trait;
use spark_analytics_core::{Dedup, Result, Store};
use spark_analytics_redb::RedbOptions;
use spark_analytics_tests::{Fixture, conformance};
use tempfile::TempDir;

struct InFile {
    folder: TempDir,
    options: RedbOptions,
}

#[async_trait]
impl Fixture for InFile {
    fn new(dedup: Dedup) -> Self {
        let options = RedbOptions { dedup, ..RedbOptions::default() };
        Self { folder: tempfile::tempdir().expect("a folder"), options }
    }

    async fn open(&self) -> Result<Arc<dyn Store>> {
        let path = self.folder.path().join("store.redb");
        Ok(Arc::new(self.options.open_or_create(path).await?))
    }
}

conformance!(redb, crate::InFile);
