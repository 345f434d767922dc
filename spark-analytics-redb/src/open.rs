//! Opening and creating.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, StorageBackend};
use spark_analytics_core::Result;

use crate::handle::{Handle, unblock};
use crate::place::{OPEN, Place, check_directory};
use crate::{RedbOptions, RedbStore};

impl RedbStore {
    /// Opens the store in a file, or creates it, with default options.
    ///
    /// # Errors
    /// As [`RedbOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path).await
    }

    /// Options to open or create a store with: the defaults, to be changed by the builder's methods.
    pub const fn options() -> RedbOptions {
        RedbOptions::DEFAULT
    }
}

impl RedbOptions {
    /// Opens the store in a file, or creates it if the file does not exist, is empty, or was left half-made by a crash or a
    /// full disk. After a crash the whole file is read and checked first.
    ///
    /// # Errors
    /// [`Error::Location`](spark_analytics_core::Error::Location) if there is no folder for the file, or the file is not a
    /// store or not accessible; [`Error::Incompatible`](spark_analytics_core::Error::Incompatible) if it was written by a
    /// newer version or created with another dedup rule;
    /// [`Error::Unavailable`](spark_analytics_core::Error::Unavailable) if it is open elsewhere;
    /// [`Error::Damaged`](spark_analytics_core::Error::Damaged);
    /// [`Error::Engine`](spark_analytics_core::Error::Engine).
    pub async fn open(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), true, Place::open_or_create).await
    }

    /// Creates a store in a new file. If that fails, the file is removed again.
    ///
    /// # Errors
    /// [`Error::Location`](spark_analytics_core::Error::Location) if the file exists already, otherwise as
    /// [`open`](Self::open).
    pub async fn create(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), true, Place::create).await
    }

    /// Opens the store in an existing file.
    ///
    /// # Errors
    /// [`Error::Location`](spark_analytics_core::Error::Location) if the file does not exist, otherwise as
    /// [`open`](Self::open).
    pub async fn open_existing(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), false, Place::open).await
    }

    /// Opens a store in storage other than a file, such as encrypted or in memory, or creates it if the storage is empty.
    ///
    /// The storage is read and written from other threads. Its `close` is called once: by
    /// [`close`](spark_analytics_core::Store::close), or with the last clone.
    ///
    /// ```
    /// use spark_analytics_core::Store;
    /// use spark_analytics_redb::RedbStore;
    ///
    /// # futures::executor::block_on(async {
    /// let memory = redb::backends::InMemoryBackend::new();
    /// let store = RedbStore::options().open_backend(memory).await?;
    /// assert!(store.rejected(None, 10).await?.is_empty());
    /// # Ok::<(), spark_analytics_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_backend(self, backend: impl StorageBackend) -> Result<RedbStore> {
        self.open_at(true, move || Ok(Place::of_backend(backend, self))).await
    }

    async fn open_by(
        self,
        path: &Path,
        may_make: bool,
        place: fn(&Path, Self) -> Result<Place>,
    ) -> Result<RedbStore> {
        let path = path.to_owned();
        let place = move || {
            check_directory(&path)?;
            place(&path, self)
        };
        self.open_at(may_make, place).await
    }

    async fn open_at(
        self,
        may_make: bool,
        place: impl FnOnce() -> Result<Place> + Send + 'static,
    ) -> Result<RedbStore> {
        let open = move || -> Result<(Place, Database)> {
            let place = place()?;
            let database = place.first_database(may_make)?;
            Ok((place, database))
        };
        let (place, database) = unblock(OPEN, open).await?;
        Ok(RedbStore { handle: Arc::new(Handle::new(place, database)) })
    }
}
