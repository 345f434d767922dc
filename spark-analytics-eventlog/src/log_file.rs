//! The result of reading a log.

use spark_analytics_core::log::{LogSnapshot, LogWarning};

/// How many warnings a [`LogFile`] keeps; the rest are counted.
pub const MAX_WARNINGS: usize = 100;

/// What one event log file tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LogFile {
    /// The facts.
    pub snapshot: LogSnapshot,
    /// What could not be read and was left out, in the log's order: the first [`MAX_WARNINGS`].
    pub warnings: Vec<LogWarning>,
    /// How many warnings more there are.
    pub warnings_left_out: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Lines read.
    pub lines: u64,
}
