//! The result of reading a log.

use spark_analytics_core::log::{LogSnapshot, LogWarning};

/// Maximum number of warnings that a [`LogFile`] keeps; further ones are only counted.
pub const MAX_WARNINGS: usize = 100;

/// The facts of one event log, and what was left out of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LogFile {
    /// The facts.
    pub snapshot: LogSnapshot,
    /// What could not be read and was left out, in the order of the log: the first [`MAX_WARNINGS`].
    pub warnings: Vec<LogWarning>,
    /// Number of further warnings.
    pub warnings_left_out: u64,
    /// Number of bytes read, after decompression.
    pub bytes: u64,
    /// Number of lines read.
    pub lines: u64,
}
