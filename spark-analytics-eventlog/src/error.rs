//! Why a log cannot be read.

use std::io;

use spark_analytics_core::Timestamp;

/// Why a file cannot be read as an event log. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// LogState failed.
    #[error("cannot read {name}: {reason}")]
    Io {
        /// The file.
        name: String,
        /// The cause.
        reason: io::Error,
    },
    /// The path is a folder that is not a single log.
    #[error("{name} is a folder, not a single event log; pass the logs in it individually")]
    NotOneLog {
        /// The folder.
        name: String,
    },
    /// The file was truncated or replaced while it was read.
    #[error("{name} was truncated or replaced while being read; read it again")]
    Replaced {
        /// The file.
        name: String,
    },
    /// The file is empty, or has only blank lines.
    #[error("{name} is empty")]
    Empty {
        /// The file.
        name: String,
    },
    /// The compressed data of the file is damaged or truncated before the first event.
    #[error("{name} cannot be read: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// What is damaged.
        reason: String,
    },
    /// No line at the start of the file is an event.
    #[error("{name} is not a Spark event log: no line at its start begins with {{\"Event\":…}}")]
    NotALog {
        /// The file.
        name: String,
    },
    /// The file has the events of a log in another form.
    #[error("{name} has the events of a log, but {form}")]
    OtherForm {
        /// The file.
        name: String,
        /// The form, and how to make a log of it.
        form: &'static str,
    },
    /// There are events, but the `SparkListenerApplicationStart` that identifies their application cannot be read.
    #[error("{name} cannot be read without its application: line {line}: {reason}")]
    BadApplication {
        /// The file.
        name: String,
        /// The line of the event.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is an archive, or compressed in a way that is not read.
    #[error("{name} is a {kind}, which cannot be read: unpack it, and read the logs in it")]
    Archive {
        /// The file.
        name: String,
        /// Its kind, such as `zip archive`.
        kind: &'static str,
    },
    /// The facts of the log take more memory than they may, or cost far more than its content.
    #[error("{name} is not read, because {reason}")]
    TooLarge {
        /// The file.
        name: String,
        /// What takes or costs too much.
        reason: String,
    },
    /// The application starts in the future, so that no other run of its id would count. Importers return it; reading
    /// does not.
    #[error(
        "{name} starts in the future, at {start}: a clock was wrong, that of the driver or that of this machine"
    )]
    InFuture {
        /// The file.
        name: String,
        /// When its application starts.
        start: Timestamp,
    },
    /// There are events, but no `SparkListenerApplicationStart` that identifies their application.
    #[error(
        "{name} has no SparkListenerApplicationStart, so the application of its {events} events is unknown"
    )]
    NoApplication {
        /// The file.
        name: String,
        /// Number of its events that this library reads.
        events: u64,
    },
}

impl LogError {
    /// Whether this is a damaged or unreadable event log, rather than an unrelated file found among logs.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Io { .. }
                | Self::Replaced { .. }
                | Self::Damaged { .. }
                | Self::BadApplication { .. }
                | Self::InFuture { .. }
                | Self::TooLarge { .. }
        )
    }
}
