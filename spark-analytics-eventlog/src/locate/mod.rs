//! Where event logs lie: files, rolled logs in folders of their own, and folders of many of them.

mod folder;
mod local;
mod names;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

pub(crate) use names::{app_name, is_in_progress};

/// An event log and its parts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FoundLog {
    /// Its path, for messages: that of the file, or of the folder if it was rolled.
    pub name: String,
    /// What stands in for the application's id where the log has none: the name without Spark's
    /// prefixes and suffixes.
    pub app_name: String,
    /// Whether its application may still write it, as the name or an `appstatus_….inprogress` says.
    /// Of Databricks' logs this is not known; those with a part that was not rolled yet may.
    pub is_in_progress: bool,
    /// How it is stored.
    pub kind: LogKind,
    /// Its parts in the order in which they were written; one at least.
    pub parts: Vec<LogPart>,
    /// What is amiss in the folder of a rolled log: parts that are missing or there twice, no
    /// `appstatus` file.
    pub warnings: Vec<String>,
}

/// How a log is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogKind {
    /// One file.
    File,
    /// Spark's folder `eventlog_v2_…` with parts `events_<n>_…`
    /// (`spark.eventLog.rolling.enabled`). A compacted part replaces those up to its number.
    Rolling,
    /// Databricks' folder with parts `eventlog-2021-06-14--20-00.gz`, named by the time, and then
    /// `eventlog`.
    Databricks,
}

/// A file of a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogPart {
    /// Its path, for messages.
    pub name: String,
    /// Spark's number of a part of a rolling log; else its place, from 1.
    pub index: u64,
    /// Bytes, as stored.
    pub size: u64,
    /// When it was last written; the epoch if the storage does not tell.
    pub modified: SystemTime,
    location: Location,
    /// What tells the file from others of its name, where the storage does.
    identity: Option<(u64, u64)>,
}

/// What a path leads to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Found {
    /// The logs, in the order of their names.
    pub logs: Vec<FoundLog>,
    /// What is not read, though it was looked at.
    pub skipped: Vec<LeftOut>,
    /// What cannot be read.
    pub failed: Vec<LeftOut>,
}

/// What was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// Its path.
    pub name: String,
    /// A sentence that names it.
    pub reason: String,
}

/// Finds all logs at a path: a file, a folder that is a rolled log, or a folder of any of these at any
/// depth.
///
/// In folders, what begins with `.` or `_` and Spark's `appstatus_…` files are left alone. Whether a file
/// is an event log shows only when it is read. A link to a folder is followed unless that folder has been
/// seen already.
pub fn find_logs(path: impl AsRef<OsStr>) -> Found {
    local::find(path.as_ref().as_ref(), usize::MAX)
}

/// Finds the logs of one folder, such as `spark.eventLog.dir`, for whoever looks again every few
/// seconds: files and rolled logs in it, but nothing in other folders below it.
///
/// [`FoundLog::id`] tells which log of an earlier look is which now.
pub fn list_logs(folder: impl AsRef<OsStr>) -> Found {
    local::find(folder.as_ref().as_ref(), 1)
}

impl FoundLog {
    /// What stays the same while the log grows and when its end renames it: the path without
    /// `.inprogress`.
    #[must_use]
    pub fn id(&self) -> &str {
        names::without_in_progress(&self.name)
    }

    /// Bytes of all parts, as stored.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    /// The log in a file of this name, of which only the name is known.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            app_name: app_name(name).to_owned(),
            is_in_progress: is_in_progress(name),
            kind: LogKind::File,
            parts: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl LogPart {
    /// What stays the same when its end renames it.
    pub(crate) fn id(&self) -> (&str, Option<(u64, u64)>) {
        (names::without_in_progress(&self.name), self.identity)
    }

    /// Whether it was compacted.
    pub(crate) fn is_compacted(&self) -> bool {
        names::is_compacted(&self.name)
    }

    /// Whether it is still the same file and has as many bytes as were read of it. One that is gone, such
    /// as a renamed or compacted one, was read as it was.
    pub(crate) fn still_has(&self, bytes: u64) -> bool {
        match &self.location {
            Location::Local(path) => local::still_has(path, self.identity, bytes),
        }
    }

    /// Opens it for reading from a byte on, as stored.
    ///
    /// # Errors
    /// When it cannot be opened, such as one that a compacted part has replaced meanwhile.
    pub fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        match &self.location {
            Location::Local(path) => {
                let mut file = File::open(path)?;
                if offset > 0 {
                    file.seek(SeekFrom::Start(offset))?;
                }
                Ok(Box::new(file))
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Location {
    Local(PathBuf),
}

impl Found {
    fn skip(&mut self, name: &str, reason: &str) {
        self.skipped.push(LeftOut { name: name.to_owned(), reason: format!("{name} {reason}") });
    }

    fn fail(&mut self, name: &str, error: &io::Error) {
        let reason = format!("cannot read {name}: {error}");
        self.failed.push(LeftOut { name: name.to_owned(), reason });
    }

    fn sort(&mut self) {
        self.logs.sort_by(|a, b| a.name.cmp(&b.name));
        self.skipped.sort_by(|a, b| a.name.cmp(&b.name));
        self.failed.sort_by(|a, b| a.name.cmp(&b.name));
    }
}
