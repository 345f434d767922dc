//! How to connect to a store.

use std::time::Duration;

use spark_analytics_core::Dedup;

/// How to connect to a store.
///
/// ```
/// use spark_analytics_postgres::PostgresOptions;
///
/// let options = PostgresOptions { connections: 4, ..PostgresOptions::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PostgresOptions {
    /// The rule by which the store counts two events as the same. One that exists must have been
    /// created with it.
    pub dedup: Dedup,
    /// The most connections at once, 16 by default. A write uses one from its beginning to its end.
    pub connections: u32,
    /// How long to wait for a connection, and for the server while it cannot be reached; 5 s by
    /// default.
    pub acquire_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { dedup: Dedup::default(), connections: 16, acquire_timeout: Duration::from_secs(5) }
    }
}
