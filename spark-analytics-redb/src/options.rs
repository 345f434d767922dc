//! How a store is made or opened.

use std::path::Path;
use std::sync::Arc;

use spark_analytics_core::{Dedup, Result};

use crate::shared::{OPEN, Shared, unblock};
use crate::{RedbStore, open};

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
    /// With every 64th commit and when the store is closed: a crash may take back the last
    /// commits, each of them whole. Faster where commits are small.
    Eventual,
}

impl RedbOptions {
    /// Makes a new file.
    ///
    /// # Errors
    /// [`Error::Incompatible`](spark_analytics_core::Error::Incompatible) if there is a file
    /// already or no directory for it; [`Error::Engine`](spark_analytics_core::Error::Engine).
    pub async fn create(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), open::create).await
    }

    /// Opens an existing file. After a crash all of it is read and checked first.
    ///
    /// # Errors
    /// [`Error::Incompatible`](spark_analytics_core::Error::Incompatible) if there is none, if it
    /// is no store, of a newer version or created with another rule;
    /// [`Error::Unavailable`](spark_analytics_core::Error::Unavailable) if it is open elsewhere;
    /// [`Error::Damaged`](spark_analytics_core::Error::Damaged);
    /// [`Error::Engine`](spark_analytics_core::Error::Engine).
    pub async fn open(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), open::open).await
    }

    /// Opens a file, or makes it if it does not exist or is empty.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_or_create(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), open::open_or_create).await
    }

    async fn open_by(
        self,
        path: &Path,
        open: fn(&Path, Self) -> Result<redb::Database>,
    ) -> Result<RedbStore> {
        let path = path.to_owned();
        let database = unblock(OPEN, move || open(&path, self)).await?;
        Ok(RedbStore { shared: Arc::new(Shared::new(database, self)) })
    }
}
