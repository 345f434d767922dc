//! Finds event logs: files, rolled logs in their own folders, and folders of many logs.

mod folder;
mod local;
mod names;
#[cfg(not(feature = "_remote"))]
#[path = "no_remote.rs"]
mod remote;
#[cfg(feature = "_remote")]
mod remote;
#[cfg(feature = "_remote")]
mod stream;

use std::ffi::OsStr;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

use spark_analytics_core::log::LogSource;

pub(crate) use folder::parts_missing;
pub(crate) use names::{app_name, is_compacted, is_in_progress};

/// An event log and its parts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FoundLog {
    /// The path of its file, or of its folder if it was rolled; for messages.
    pub name: String,
    /// The application id to use if the log has none: the name without the prefixes and suffixes that Spark
    /// adds.
    pub app_name: String,
    /// Whether its application may still write to it, according to its name or an `appstatus_….inprogress`
    /// file. A Databricks log does not record this; it counts as in progress if it has a part that has not been
    /// rolled.
    pub is_in_progress: bool,
    /// How it is stored.
    pub kind: LogKind,
    /// Its parts in the order in which they were written; at least one.
    pub parts: Vec<LogPart>,
    /// Problems in the folder of a rolled log: missing or duplicate parts, parts of other applications, or a missing
    /// `appstatus` file.
    pub warnings: Vec<String>,
    /// See [`FoundLog::source`]; the name if nothing else is known of the log.
    canonical: String,
}

/// How a log is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogKind {
    /// One file.
    File,
    /// Spark's folder `eventlog_v2_…` with parts `events_<n>_…`
    /// (`spark.eventLog.rolling.enabled`). A compacted part replaces those up to its number.
    Rolling,
    /// A Databricks folder with parts `eventlog-2021-06-14--20-00.gz`, named by their time, and a last part
    /// `eventlog`.
    Databricks,
}

/// A file of a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogPart {
    /// Its path, for messages.
    pub name: String,
    /// Its number in a rolling log of Spark; otherwise its position, from 1.
    pub index: u64,
    /// Size in bytes, as stored.
    pub size: u64,
    /// When it was last written; the epoch if the storage does not record it.
    pub modified: SystemTime,
    location: Location,
    /// Distinguishes the file from others of the same name, where the storage can.
    identity: Option<(u64, u64)>,
}

/// The logs found at a path.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use = "it also reports what cannot be read"]
pub struct Discovered {
    /// The logs, sorted by name.
    pub logs: Vec<FoundLog>,
    /// Files and folders that are not event logs or would be read twice.
    pub skipped: Vec<Skipped>,
    /// Files and folders that cannot be read.
    pub failed: Vec<Skipped>,
}

/// A file or folder that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Skipped {
    /// Its path.
    pub name: String,
    /// The reason, in a sentence that includes the path.
    pub reason: String,
}

/// Finds all logs at a path: a file, the folder of a rolled log, or a folder that contains these at any
/// depth.
///
/// Names in folders that begin with `.` or `_`, and Spark's `appstatus_…` files, are ignored. Whether a file
/// is an event log is known only once it is read. A link to a folder is followed unless that folder was
/// already visited.
///
/// With the features `s3`, `gs`, `az` and `http` the path may be a URL: `s3://bucket/key` (or `s3a://`),
/// `gs://bucket/key`, `az://container/key` (or `abfss://…`) and `http(s)://server/path`. Slashes in keys
/// separate folders. Web servers cannot list files, so their URLs name a single file. Credentials and other
/// settings come from the usual environment variables, `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_SERVICE_ACCOUNT`,
/// `AZURE_STORAGE_ACCOUNT_NAME` and so on, as the builders of the crate `object_store` document them.
///
/// ```
/// use spark_analytics_eventlog::{find_logs, read_found};
///
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/spec-3.5");
/// let found = find_logs(folder);
/// for log in &found.logs {
///     match read_found(log) {
///         Ok(file) => println!("{}: {} jobs", log.name, file.snapshot.jobs.len()),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// assert!(found.failed.is_empty());
/// ```
pub fn find_logs(path: impl AsRef<OsStr>) -> Discovered {
    find(path.as_ref(), Limits { depth: usize::MAX, files: usize::MAX })
}

/// Finds the logs of one folder, such as `spark.eventLog.dir`: files and rolled logs in it, but nothing in
/// folders below. It is meant to be called every few seconds; [`FoundLog::id`] matches logs across calls.
pub fn list_logs(folder: impl AsRef<OsStr>) -> Discovered {
    find(folder.as_ref(), Limits { depth: 1, files: usize::MAX })
}

/// Finds the logs of a folder for a follower, as [`find_logs`] does but within the limits of
/// [`Follower`](crate::Follower).
pub(crate) fn logs_to_follow(folder: &OsStr) -> Discovered {
    find(folder, Limits { depth: MAX_FOLLOWED_DEPTH, files: MAX_FOLLOWED_FILES })
}

/// Maximum number of levels of folders below a followed folder in which logs are found.
pub const MAX_FOLLOWED_DEPTH: usize = 16;

/// Maximum number of files in a followed folder and the folders below it. Folders beyond it are reported as failed.
pub const MAX_FOLLOWED_FILES: usize = 200_000;

/// How far logs are searched for.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Number of levels below the folder.
    depth: usize,
    /// Number of files.
    files: usize,
}

fn find(path: &OsStr, limits: Limits) -> Discovered {
    if let Some(url) = path.to_str().filter(|path| is_url(path)) {
        return remote::find(url, limits);
    }
    local::find(path.as_ref(), limits)
}

/// The error for a URL whose feature this build lacks.
fn needs_feature(feature: &str) -> io::Error {
    io::Error::other(format!("it needs the feature `{feature}`, which this build lacks"))
}

/// Whether [`find_logs`] treats a path as a URL: it begins with a scheme and `://`.
pub fn is_url(path: impl AsRef<OsStr>) -> bool {
    let scheme = path.as_ref().to_str().and_then(|path| path.split_once("://"));
    scheme.is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

impl FoundLog {
    /// Identifies the log while it grows and after it is renamed at its end: the path without
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

    /// The location, size and time by which an importer recognises the log, see
    /// [`LogSource`]: a local path is absolute and has no links and no `..`, so that a log has one location however
    /// it was found.
    #[must_use]
    pub fn source(&self) -> LogSource {
        let newest = self.parts.iter().map(|part| part.modified).max();
        let modified = newest.unwrap_or(SystemTime::UNIX_EPOCH).into();
        LogSource::new(&self.canonical, self.size(), modified)
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
            canonical: name.to_owned(),
        }
    }
}

impl LogPart {
    /// Identifies the part also after it is renamed at the end of the log.
    pub(crate) fn id(&self) -> (&str, Option<(u64, u64)>) {
        (names::without_in_progress(&self.name), self.identity)
    }

    /// Whether it was compacted.
    pub(crate) fn is_compacted(&self) -> bool {
        names::is_compacted(&self.name)
    }

    /// Whether it is still the same file with at least `bytes` bytes. A part that no longer exists, such as a
    /// renamed or compacted one, was read in full.
    pub(crate) fn still_has(&self, bytes: u64) -> bool {
        match &self.location {
            Location::Local(path) => local::still_has(path, self.identity, bytes),
            // An object does not change while it is read.
            #[cfg(feature = "_remote")]
            Location::Remote(..) => true,
        }
    }

    /// Opens it for reading from a byte offset, as stored. A part in an object store is read ahead on another
    /// thread, by a few MiB at most. A lost connection is re-established; if that fails, reading fails and never
    /// ends early.
    ///
    /// # Errors
    /// When it cannot be opened, for example because a compacted part has replaced it.
    pub fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        match &self.location {
            Location::Local(path) => {
                let mut file = local::open(path, self.identity)?;
                if offset > 0 {
                    file.seek(SeekFrom::Start(offset))?;
                }
                Ok(Box::new(file))
            }
            #[cfg(feature = "_remote")]
            Location::Remote(..) if offset >= self.size => Ok(Box::new(io::empty())),
            #[cfg(feature = "_remote")]
            Location::Remote(remote, path) => remote.read(path, offset),
        }
    }
}

#[derive(Clone, Debug)]
enum Location {
    Local(PathBuf),
    #[cfg(feature = "_remote")]
    Remote(std::sync::Arc<remote::Remote>, object_store::path::Path),
}

impl Discovered {
    fn skip(&mut self, name: &str, reason: &str) {
        self.skipped.push(Skipped { name: name.to_owned(), reason: format!("{name} {reason}") });
    }

    fn fail(&mut self, name: &str, error: &io::Error) {
        let reason = format!("cannot read {name}: {error}");
        self.failed.push(Skipped { name: name.to_owned(), reason });
    }

    fn sort(&mut self) {
        self.logs.sort_by(|a, b| a.name.cmp(&b.name));
        self.skipped.sort_by(|a, b| a.name.cmp(&b.name));
        self.failed.sort_by(|a, b| a.name.cmp(&b.name));
    }
}
