//! Opening and creating.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, StorageBackend};
use spark_analytics_core::Result;

use crate::handle::{Handle, unblock};
use crate::place::{OPEN, Place, check_directory};
use crate::{RedbOptions, RedbStore};

impl RedbStore {
    /// Makes a new file, with the default options. See [`RedbOptions::create`].
    ///
    /// # Errors
    /// As there.
    pub async fn create(path: impl AsRef<Path>) -> Result<Self> {
        RedbOptions::default().create(path).await
    }

    /// Opens an existing file, with the default options. See [`RedbOptions::open`].
    ///
    /// # Errors
    /// As there.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        RedbOptions::default().open(path).await
    }

    /// Opens a file or makes it, with the default options. See [`RedbOptions::open_or_create`].
    ///
    /// # Errors
    /// As there.
    pub async fn open_or_create(path: impl AsRef<Path>) -> Result<Self> {
        RedbOptions::default().open_or_create(path).await
    }
}

impl RedbOptions {
    /// Makes a new file, and removes it again if no store could be made in it.
    ///
    /// # Errors
    /// [`Error::Incompatible`](spark_analytics_core::Error::Incompatible) if there is a file
    /// already or no directory for it; [`Error::Engine`](spark_analytics_core::Error::Engine).
    pub async fn create(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), true, Place::create).await
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
        self.open_by(path.as_ref(), false, Place::open).await
    }

    /// Opens a file, or makes it if it does not exist, is empty, or was left half-made by a crash or a full disk.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_or_create(self, path: impl AsRef<Path>) -> Result<RedbStore> {
        self.open_by(path.as_ref(), true, Place::open_or_create).await
    }

    /// Opens a store that lies elsewhere than in a file, such as encrypted or in memory, or makes it if
    /// the storage is empty.
    ///
    /// The storage is read and written from other threads. Its `close` is called once: by [`close`](spark_analytics_core::Store::close), or with
    /// the last clone.
    ///
    /// ```
    /// use spark_analytics_core::Store;
    /// use spark_analytics_redb::RedbOptions;
    ///
    /// # futures::executor::block_on(async {
    /// let memory = redb::backends::InMemoryBackend::new();
    /// let store = RedbOptions::default().open_backend(memory).await?;
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
