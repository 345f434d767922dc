//! Returning free space of a store's file to the file system.

use anyhow::bail;
use spark_analytics_core::Dedup;
#[cfg(feature = "redb")]
use spark_analytics_redb::RedbStore;
#[cfg(feature = "sqlite")]
use spark_analytics_sqlite::SqliteStore;

#[cfg(any(feature = "sqlite", feature = "redb"))]
use crate::store::by_url::Place;

/// Rewrites the file of a store that is not open here.
///
/// # Errors
/// If the store has no file, or that fails.
pub(crate) async fn compact(url: &str, dedup: Dedup) -> anyhow::Result<()> {
    #[cfg(any(feature = "sqlite", feature = "redb"))]
    {
        use spark_analytics_core::Store as _;

        match Place::of(url)? {
            #[cfg(feature = "sqlite")]
            Place::Sqlite(path) => {
                let store = SqliteStore::options().dedup(dedup).open_existing(path).await?;
                store.compact().await?;
                return Ok(store.close().await?);
            }
            #[cfg(feature = "redb")]
            Place::Redb(path) => {
                let store = RedbStore::options().dedup(dedup).open_existing(path).await?;
                store.compact().await?;
                return Ok(store.close().await?);
            }
            _ => {}
        }
    }
    let _ = (url, dedup);
    bail!(
        "--compact is for files; PostgreSQL uses the space again after autovacuum, and VACUUM FULL returns it; \
         everything was pruned"
    )
}
