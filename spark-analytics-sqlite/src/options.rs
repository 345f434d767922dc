//! How to open a store.

use std::time::Duration;

use spark_analytics_core::Dedup;

/// How to open a store.
///
/// ```
/// use spark_analytics_sqlite::{SqliteOptions, Synchronous};
///
/// let options = SqliteOptions { synchronous: Synchronous::Normal, ..SqliteOptions::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SqliteOptions {
    /// The rule by which the store counts two events as the same. One that exists must have been
    /// created with it.
    pub dedup: Dedup,
    /// What a commit waits for.
    pub synchronous: Synchronous,
    /// How long to wait while another process writes; 5 s by default.
    pub busy_timeout: Duration,
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Synchronous {
    /// Until the disk has it: what was acknowledged survives a loss of power.
    #[default]
    Full,
    /// Until the operating system has it: it survives the end of the process, but a loss of power may
    /// take the last commits. The file stays sound.
    Normal,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            dedup: Dedup::default(),
            synchronous: Synchronous::default(),
            busy_timeout: Duration::from_secs(5),
        }
    }
}
