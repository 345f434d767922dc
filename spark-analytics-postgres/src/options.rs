//! Options for opening a store.

use std::time::Duration;

use spark_analytics_core::Dedup;

/// Options for opening or creating a store; see [`PostgresStore::options`](crate::PostgresStore::options).
///
/// ```no_run
/// use spark_analytics_postgres::PostgresStore;
///
/// # async fn run() -> Result<(), spark_analytics_core::Error> {
/// let store = PostgresStore::options().connections(4).open("postgres://ada@localhost/spark").await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[non_exhaustive]
pub struct PostgresOptions {
    pub(crate) dedup: Dedup,
    pub(crate) connections: u32,
    pub(crate) acquire_timeout: Duration,
}

impl PostgresOptions {
    pub(crate) const DEFAULT: Self =
        Self { dedup: Dedup::WithTask, connections: 16, acquire_timeout: Duration::from_secs(5) };

    /// The rule by which two events count as the same. An existing store must have been created with it.
    pub const fn dedup(mut self, dedup: Dedup) -> Self {
        self.dedup = dedup;
        self
    }

    /// Maximum number of connections, 16 by default. A write holds one from its beginning to its end. A pool of your
    /// own keeps its own setting.
    pub const fn connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }

    /// How long to wait for a connection, and for a server that cannot be reached; 5 s by default. A pool of your own
    /// keeps its own setting.
    pub const fn acquire_timeout(mut self, acquire_timeout: Duration) -> Self {
        self.acquire_timeout = acquire_timeout;
        self
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
