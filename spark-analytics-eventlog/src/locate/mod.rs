//! Where event logs lie: files, rolled logs in folders of their own, and folders of many of them.

mod folder;
mod local;
mod names;
#[cfg(feature = "_remote")]
mod remote;
#[cfg(feature = "_remote")]
mod stream;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

use spark_analytics_core::log::LogSource;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[must_use = "it tells, too, what cannot be read"]
pub struct Found {
    /// The logs, in the order of their names.
    pub logs: Vec<FoundLog>,
    /// What is not read, though it was looked at.
    pub skipped: Vec<LeftOut>,
    /// What cannot be read.
    pub failed: Vec<LeftOut>,
}

/// What was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
///
/// With the features `s3`, `gs`, `az` and `http` a URL stands for a path: `s3://bucket/key` (or `s3a://`),
/// `gs://bucket/key`, `az://container/key` (or `abfss://…`) and `http(s)://server/path`. Slashes in keys make
/// folders; a web server has no listing, so its URL is that of one file. Credentials and the like come from the
/// usual environment variables, `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_SERVICE_ACCOUNT`,
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
pub fn find_logs(path: impl AsRef<OsStr>) -> Found {
    find(path.as_ref(), usize::MAX)
}

/// Finds the logs of one folder, such as `spark.eventLog.dir`, for whoever looks again every few
/// seconds: files and rolled logs in it, but nothing in other folders below it.
///
/// [`FoundLog::id`] tells which log of an earlier look is which now.
pub fn list_logs(folder: impl AsRef<OsStr>) -> Found {
    find(folder.as_ref(), 1)
}

fn find(path: &OsStr, depth: usize) -> Found {
    let url = path.to_str().filter(|path| is_url(path));
    #[cfg(feature = "_remote")]
    if let Some(url) = url {
        return remote::find(url, depth);
    }
    #[cfg(not(feature = "_remote"))]
    if let Some(url) = url {
        let mut found = Found::default();
        let reason = "this program was built without the features that read URLs";
        found.fail(url, &io::Error::other(reason));
        return found;
    }
    local::find(path.as_ref(), depth)
}

/// Whether [`find_logs`] takes a path for a URL.
pub fn is_url(path: impl AsRef<OsStr>) -> bool {
    let scheme = path.as_ref().to_str().and_then(|path| path.split_once("://"));
    scheme.is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
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

    /// The location, size and time by which an importer recognises the log, see
    /// [`LogSource`]: a local path is made absolute.
    #[must_use]
    pub fn source(&self) -> LogSource {
        let newest = self.parts.iter().map(|part| part.modified).max();
        let absolute = std::path::absolute(&self.name).ok().filter(|_| !is_url(&self.name));
        let location =
            absolute.map_or_else(|| self.name.clone(), |path| path.display().to_string());
        LogSource {
            location,
            size: self.size(),
            modified: newest.unwrap_or(SystemTime::UNIX_EPOCH).into(),
        }
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
            // What is stored under a key does not change while it is read.
            #[cfg(feature = "_remote")]
            Location::Remote(..) => true,
        }
    }

    /// Opens it for reading from a byte on, as stored. In an object store it is then read ahead on another thread, a few MiB at
    /// most; a connection that is cut is made again, and if that fails it is an error and no shorter part.
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
