//! Opening the store that `--store` names.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use spark_analytics_core::{Error, Store};

use crate::flags::Shared;
use crate::store::by_url::{Place, without_password};

/// Opens the store, or creates it.
pub(crate) async fn open_or_create(shared: &Shared) -> anyhow::Result<Arc<dyn Store>> {
    open(shared, true).await
}

/// Opens an existing store: a command that only reads creates none.
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
    open(shared, false).await
}

async fn open(shared: &Shared, may_create: bool) -> anyhow::Result<Arc<dyn Store>> {
    match shared.how_to_open().open(&shared.store, may_create).await {
        // This error names the store already.
        Err(error @ (Error::Location { .. } | Error::Incompatible { .. })) => Err(error.into()),
        opened => opened
            .with_context(|| format!("cannot open the store {}", without_password(&shared.store))),
    }
}
