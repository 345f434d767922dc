//! Opening the store that `--store` names.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use spark_analytics_core::{Error, Store};

use crate::flags::Shared;
use crate::store::by_url::{Place, open_store, without_password};

/// Opens the store, or creates it.
pub(crate) async fn open_or_create(shared: &Shared) -> anyhow::Result<Arc<dyn Store>> {
    match open_store(&shared.store, shared.dedup).await {
        // This error names the store already.
        Err(error @ Error::Incompatible(_)) => Err(error.into()),
        opened => opened
            .with_context(|| format!("cannot open the store {}", without_password(&shared.store))),
    }
}

/// Opens an existing store: a command that only reads creates no file.
pub(crate) async fn existing(shared: &Shared) -> anyhow::Result<Arc<dyn Store>> {
    if let Some(path) = Place::of(&shared.store)?.file()
        && !path.exists()
    {
        bail!(
            "there is no database {}: create one with `spark-analytics import PATH` or `spark-analytics ingest \
             FILE`, or name another with --store",
            path.display()
        );
    }
    open_or_create(shared).await
}
