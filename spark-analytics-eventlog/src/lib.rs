#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod blocks;
mod cursor;
mod decode;
mod environment;
mod error;
mod event;
mod exclusion;
mod executor;
mod fold;
mod follow;
mod indices;
mod job;
mod locate;
mod metrics;
mod number;
mod parse;
mod pipeline;
mod reader;
mod reading;
mod scan;
mod source;
mod sql;
mod stage;
mod tally;
mod task;
mod template;
mod text;

use spark_analytics_core::{LogSnapshot, LogWarning};

pub use blocks::MAX_LINE_BYTES;
pub use environment::MAX_PROPERTIES_BYTES;
pub use error::LogError;
pub use follow::Follower;
pub use locate::{Found, FoundLog, LeftOut, LogKind, LogPart, find_logs, is_url, list_logs};
pub use reader::{LogReader, read_found, read_from, read_log};
pub use sql::MAX_PLANS_BYTES;
pub use text::MAX_TEXT_BYTES;

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
