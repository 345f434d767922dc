//! Why a log gives nothing.

use std::io;

/// Why a file is not read as an event log. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// LogState failed.
    #[error("cannot read {name}: {reason}")]
    Io {
        /// The file.
        name: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The path leads to a folder that is not one log.
    #[error("{name} is a folder that is not one event log: give the logs in it one by one")]
    NotOneLog {
        /// The folder.
        name: String,
    },
    /// The file was cut or another one took its place while it was read.
    #[error("{name} was cut or replaced while it was read: read it again")]
    Replaced {
        /// The file.
        name: String,
    },
    /// Nothing is in the file, or blank lines only.
    #[error("{name} is empty")]
    Empty {
        /// The file.
        name: String,
    },
    /// The file's compressed data is damaged or cut off before the first event.
    #[error("{name} cannot be read: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No line at the file's start, or none at all, is an event.
    #[error("{name} is not a Spark event log: no line at its start begins with {{\"Event\":…}}")]
    NotALog {
        /// The file.
        name: String,
    },
    /// There are events, but no `SparkListenerApplicationStart` that says of which application.
    #[error(
        "{name} has no SparkListenerApplicationStart, so its {events} events belong to no known application"
    )]
    NoApplication {
        /// The file.
        name: String,
        /// How many events it has that this library reads.
        events: u64,
    },
}

impl LogError {
    /// Whether this may well be an event log, of which something is lost: not what lies among logs and is none.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Replaced { .. } | Self::Damaged { .. })
    }
}
