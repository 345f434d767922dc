//! Opening a store that may not be there yet.

use std::sync::Arc;

use spark_analytics_core::{Dedup, Error, Result, Store};

use crate::{Backoff, Place, open_store};

/// Opens the store that a URL names, waiting for it while another holds it or its server does not answer.
///
/// # Errors
/// What waiting does not mend: a URL that names no store, a file that cannot be opened, a store made
/// otherwise.
pub async fn open_when_there(url: &str, dedup: Dedup) -> Result<Arc<dyn Store>> {
    let is_file = Place::of(url)?.file().is_some();
    let mut backoff = Backoff::new();
    loop {
        match open_store(url, dedup).await {
            Err(error @ Error::Unavailable { .. }) => {
                tracing::warn!(%error, "the store cannot be opened, trying again");
            }
            Err(error @ Error::Engine { .. }) if !is_file => {
                tracing::warn!(%error, "the store cannot be opened, trying again");
            }
            opened => return opened,
        }
        backoff.wait().await;
    }
}
