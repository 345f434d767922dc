//! What the example programs share: opening the store that a URL names.
#![forbid(unsafe_code)]

use std::sync::Arc;

use spark_analytics_core::{Dedup, Error, MemoryStore, Result, Store};
use spark_analytics_redb::RedbOptions;
use spark_analytics_sqlite::{SqliteOptions, SqliteStore};

/// Opens the store that a URL names: `sqlite:PATH`, `redb:PATH` or `memory:`.
///
/// # Errors
/// [`Error::Incompatible`] for a URL of another kind; else what the store says.
pub async fn open_store(url: &str, dedup: Dedup) -> Result<Arc<dyn Store>> {
    match url.split_once(':') {
        Some(("memory", "")) => Ok(Arc::new(MemoryStore::new(dedup))),
        Some(("sqlite", path)) => {
            let options = SqliteOptions { dedup, ..SqliteOptions::default() };
            Ok(Arc::new(SqliteStore::open_with(path, options).await?))
        }
        Some(("redb", path)) => {
            let options = RedbOptions { dedup, ..RedbOptions::default() };
            Ok(Arc::new(options.open_or_create(path).await?))
        }
        _ => Err(Error::Incompatible(format!(
            "`{url}` names no store; use sqlite:PATH, redb:PATH or memory:"
        ))),
    }
}

/// The Rust of the first page, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
