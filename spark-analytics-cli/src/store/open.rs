//! Opening the store that `--store` names.

use std::sync::Arc;

use crate::store::by_url::{Place, open_store, without_password};
use anyhow::{Context as _, bail};
use spark_analytics_core::{Error, Store};

use crate::flags::Shared;

/// Opens the store, making it where it is not there.
pub(crate) async fn open_or_create(shared: &Shared) -> anyhow::Result<Arc<dyn Store>> {
    match open_store(&shared.store, shared.dedup).await {
        // This one names the store and says that it cannot be opened.
        Err(error @ (Error::Location { .. } | Error::Incompatible { .. })) => Err(error.into()),
        opened => opened
            .with_context(|| format!("cannot open the store {}", without_password(&shared.store))),
    }
}

/// Opens a store that is there: who only reads makes no file.
pub(crate) async fn existing(shared: &Shared) -> anyhow::Result<Arc<dyn Store>> {
    if let Some(path) = Place::of(&shared.store)?.file()
        && !path.exists()
    {
        bail!(
            "there is no database {}: `spark-analytics import PATH` or `spark-analytics ingest FILE` makes one, \
             --store names another",
            path.display()
        );
    }
    open_or_create(shared).await
}
