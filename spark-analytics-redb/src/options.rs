//! How a store is made or opened.

use spark_analytics_core::Dedup;

/// How a store is made or opened.
///
/// ```
/// use spark_analytics_redb::{Durability, RedbOptions};
///
/// # futures::executor::block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("spark.redb");
/// let options = RedbOptions { durability: Durability::Eventual, ..RedbOptions::default() };
/// let store = options.open_or_create(path).await?;
/// # Ok::<(), spark_analytics_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RedbOptions {
    /// The rule by which two events are the same. A file keeps the one it was created with.
    pub dedup: Dedup,
    /// When what was written is durable.
    pub durability: Durability,
    /// Memory for pages of the file, in bytes; 256 MiB by default.
    pub cache_bytes: usize,
}

impl Default for RedbOptions {
    fn default() -> Self {
        Self {
            dedup: Dedup::default(),
            durability: Durability::default(),
            cache_bytes: 256 * 1024 * 1024,
        }
    }
}

/// When what was written is durable. Either way the file is never in between two commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// When the writing call returns.
    #[default]
    Immediate,
    /// With every 64th commit and when the store is closed: a crash or an error of the disk may take
    /// back the last commits, each of them whole. Faster where commits are small.
    Eventual,
}
