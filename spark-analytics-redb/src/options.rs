//! How to open a store.

use spark_analytics_core::{Dedup, Durability};

/// How to open or create a store; see [`RedbStore::options`](crate::RedbStore::options).
///
/// ```
/// use spark_analytics_core::Durability;
/// use spark_analytics_redb::RedbStore;
///
/// # futures::executor::block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("spark.redb");
/// let store = RedbStore::options().durability(Durability::Eventual).create(path).await?;
/// # drop(store);
/// # Ok::<(), spark_analytics_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[non_exhaustive]
pub struct RedbOptions {
    pub(crate) dedup: Dedup,
    pub(crate) durability: Durability,
    pub(crate) cache_bytes: usize,
}

impl RedbOptions {
    pub(crate) const DEFAULT: Self = Self {
        dedup: Dedup::WithTask,
        durability: Durability::Immediate,
        cache_bytes: 256 * 1024 * 1024,
    };

    /// The rule by which two events count as the same. An existing store must have been created with it.
    pub const fn dedup(mut self, dedup: Dedup) -> Self {
        self.dedup = dedup;
        self
    }

    /// What a commit waits for. With [`Durability::Eventual`] every 64th commit waits for the disk, and closing the store
    /// does: a crash of the process or an error of the disk may undo the commits since then, each as a whole.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Memory for pages of the file, in bytes; 256 MiB by default.
    pub const fn cache_bytes(mut self, cache_bytes: usize) -> Self {
        self.cache_bytes = cache_bytes;
        self
    }
}

impl Default for RedbOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
