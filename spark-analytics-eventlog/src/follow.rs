//! All logs of a folder, followed while they are written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::error::LogError;
use crate::locate::{Found, FoundLog, list_logs};
use crate::log_file::LogFile;
use crate::read::reader::LogReader;

/// Follows the logs of a folder, such as `spark.eventLog.dir`, for many applications at once.
///
/// [`look`](Self::look) lists them, [`read`](Self::read) reads what is new in one that
/// [`has_news`](Self::has_news), and [`taken`](Self::taken) says that it need not be given again. Each call
/// blocks; between two calls no file is open. Of a log whose application runs a [`LogReader`] is kept, of any
/// other only its size and time.
///
/// ```
/// use spark_analytics_eventlog::Follower;
///
/// # fn main() {
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/spec-3.5/log");
/// let mut follower = Follower::new(folder);
/// // Every few seconds:
/// for log in follower.look().logs {
///     if !follower.has_news(&log) {
///         continue;
///     }
///     match follower.read(&log) {
///         Ok(Some(file)) => {
///             println!("{}: {} jobs", log.name, file.snapshot.jobs.len());
///             // Once it is stored:
///             follower.taken(&log);
///         }
///         Ok(None) => {}
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # assert!(follower.look().logs.iter().all(|log| !follower.has_news(log)));
/// # }
/// ```
#[derive(Debug)]
pub struct Follower {
    folder: PathBuf,
    /// By [`FoundLog::id`].
    logs: BTreeMap<String, Followed>,
}

#[derive(Debug)]
struct Followed {
    mark: Mark,
    /// Whether nothing of what was read is left to give.
    is_taken: bool,
    /// Whether it was told that it is no event log.
    is_refused: bool,
    reader: Option<LogReader>,
}

/// What changes when a log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    is_in_progress: bool,
    parts: usize,
    size: u64,
    modified: Option<SystemTime>,
}

impl Follower {
    /// Follows the logs of a folder; it need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), logs: BTreeMap::new() }
    }

    /// Lists the folder, as [`list_logs`] does. What has vanished is forgotten, but not because the folder
    /// cannot be read just now.
    pub fn look(&mut self) -> Found {
        let found = list_logs(&self.folder);
        let listed: BTreeSet<&str> = found.logs.iter().map(FoundLog::id).collect();
        self.logs.retain(|id, _| {
            let is_unread = |name: &str| id.starts_with(name) || name.starts_with(id);
            listed.contains(&**id) || found.failed.iter().any(|failed| is_unread(&failed.name))
        });
        found
    }

    /// Whether a log that was listed just now is new, has changed, or was read and not taken.
    #[must_use]
    pub fn has_news(&self, log: &FoundLog) -> bool {
        let known = self.logs.get(log.id());
        known.is_none_or(|known| !known.is_taken || known.mark != Mark::of(log))
    }

    /// Reads what is new in a log that was listed just now, and tells what the log tells so far.
    ///
    /// `None` if that is nothing new. That goes for a log that has been renamed or deleted since, too, and for
    /// one in progress that has no application's start yet.
    ///
    /// # Errors
    /// [`LogError`] each time that reading fails, and once for each log that is no event log of an application,
    /// until it becomes one.
    pub fn read(&mut self, log: &FoundLog) -> Result<Option<LogFile>, LogError> {
        let mark = Mark::of(log);
        let before = self.logs.remove(log.id());
        let was_refused = before.as_ref().is_some_and(|before| before.is_refused);
        let was_taken = before.as_ref().is_some_and(|before| {
            before.is_taken && before.mark.is_in_progress == mark.is_in_progress
        });
        let mut reader = before.and_then(|before| before.reader).unwrap_or_default();
        let read = match reader.read(log) {
            Ok(has_read) if has_read || !was_taken => reader.log_file().map(Some),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        let reader = Some(reader).filter(|_| log.is_in_progress);
        let mut followed = Followed { mark, is_taken: true, is_refused: false, reader };
        let read = match read {
            Ok(file) => {
                followed.is_taken = file.is_none();
                Ok(file)
            }
            Err(LogError::Io { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error @ (LogError::Io { .. } | LogError::Replaced { .. })) => return Err(error),
            Err(LogError::Empty { .. } | LogError::NoApplication { .. }) if log.is_in_progress => {
                Ok(None)
            }
            Err(error) => {
                followed.is_refused = true;
                followed.reader = None;
                if was_refused { Ok(None) } else { Err(error) }
            }
        };
        self.logs.insert(log.id().to_owned(), followed);
        read
    }

    /// Says that what a log tells, as it was listed just now, has been taken: that it was stored, after
    /// [`read`](Self::read), or that it is known from earlier, instead of reading it. It has no news until it
    /// changes.
    pub fn taken(&mut self, log: &FoundLog) {
        let mark = Mark::of(log);
        let known = self.logs.entry(log.id().to_owned()).or_insert(Followed {
            mark,
            is_taken: true,
            is_refused: false,
            reader: None,
        });
        known.is_taken = true;
        known.mark = mark;
    }
}

impl Mark {
    fn of(log: &FoundLog) -> Self {
        Self {
            is_in_progress: log.is_in_progress,
            parts: log.parts.len(),
            size: log.size(),
            modified: log.parts.iter().map(|part| part.modified).max(),
        }
    }
}
