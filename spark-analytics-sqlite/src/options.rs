//! How to open a store.

use std::time::Duration;

use spark_analytics_core::{Dedup, Durability};

/// How to open or create a store; see [`SqliteStore::options`](crate::SqliteStore::options).
///
/// ```
/// use spark_analytics_core::Durability;
/// use spark_analytics_sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("analytics.db");
/// let store = SqliteStore::options().durability(Durability::Eventual).create(&path).await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[non_exhaustive]
pub struct SqliteOptions {
    pub(crate) dedup: Dedup,
    pub(crate) durability: Durability,
    pub(crate) busy_timeout: Duration,
    pub(crate) cache_bytes: usize,
}

impl SqliteOptions {
    pub(crate) const DEFAULT: Self = Self {
        dedup: Dedup::WithTask,
        durability: Durability::Immediate,
        busy_timeout: Duration::from_secs(5),
        cache_bytes: 192 << 20,
    };

    /// The rule by which two events count as the same. An existing store must have been created with it.
    pub const fn dedup(mut self, dedup: Dedup) -> Self {
        self.dedup = dedup;
        self
    }

    /// What a commit waits for. With [`Durability::Eventual`] the last commits survive the end of the process, but
    /// perhaps not a loss of power. A pool of your own keeps its own setting.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long to wait while another process writes, 5 s by default. A pool of your own keeps its own setting.
    pub const fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// Maximum memory for pages of the file, 192 MiB by default: two thirds of it for writing, the rest for reading. A
    /// pool of your own keeps its own setting.
    pub const fn cache_bytes(mut self, cache_bytes: usize) -> Self {
        self.cache_bytes = cache_bytes;
        self
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
