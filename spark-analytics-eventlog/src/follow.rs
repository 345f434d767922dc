//! Follows all logs of a folder while they are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::error::LogError;
use crate::locate::{Discovered, FoundLog, logs_to_follow};
#[cfg(doc)]
use crate::locate::{MAX_FOLLOWED_DEPTH, MAX_FOLLOWED_FILES};
use crate::log_file::LogFile;
use crate::read::reader::LogReader;

/// Follows all logs of a folder, such as `spark.eventLog.dir`, while applications write them.
///
/// [`poll`](Self::poll) lists the logs, [`read`](Self::read) reads the new events of one that
/// [`has_changes`](Self::has_changes), and [`mark_ingested`](Self::mark_ingested) records that its facts were
/// stored. Each call blocks; no file is open between calls. The follower keeps a [`LogReader`] for each log in
/// progress, and only the size and time of any other.
///
/// ```
/// use spark_analytics_eventlog::{Follower, Polled};
///
/// # fn main() {
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/spec-3.5/log");
/// let mut follower = Follower::new(folder);
/// // Every few seconds:
/// for log in follower.poll().logs {
///     if !follower.has_changes(&log) {
///         continue;
///     }
///     match follower.read(&log) {
///         Ok(Polled::Read(file)) => {
///             println!("{}: {} jobs", log.name, file.snapshot.jobs.len());
///             // Once it is stored:
///             follower.mark_ingested(&log);
///         }
///         Ok(_) => {}
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # assert!(follower.poll().logs.iter().all(|log| !follower.has_changes(log)));
/// # }
/// ```
pub struct Follower {
    folder: PathBuf,
    /// By [`FoundLog::id`].
    logs: BTreeMap<String, Followed>,
    /// The most memory that the readers of all logs may take between two polls, in bytes.
    memory: usize,
    /// What they take.
    held_bytes: usize,
    on_read: OnRead,
}

/// The memory that the readers of a follower may take unless it is set: 1 GiB.
const DEFAULT_MEMORY: usize = 1 << 30;

/// After how long without a change a reader is dropped.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// Only the readers of logs up to this size are, in bytes: such a log is read from its beginning in no time.
const MAX_IDLE_BYTES: u64 = 8 << 20;

type OnRead = Arc<dyn Fn(u64) + Send + Sync>;

/// The result of [`Follower::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one for each log that is read")]
pub enum Polled {
    /// The facts of the log so far, to be stored.
    Read(LogFile),
    /// The log has no new event since it was marked as ingested.
    Unchanged,
    /// The log was renamed or deleted since it was listed.
    Gone,
    /// The log is in progress and has no start of an application yet.
    NotStarted,
    /// The file is not an event log of an application, or its facts take too much memory, which an earlier call reported
    /// as an error.
    NotALog,
}

#[derive(Debug)]
struct Followed {
    mark: Mark,
    /// Whether all facts that were read have been stored.
    is_ingested: bool,
    /// Whether an error reported that it is not an event log.
    is_reported: bool,
    /// Whether it takes or costs too much. It is not read again before its application has ended.
    is_too_large: bool,
    reader: Option<LogReader>,
    /// What the reader takes.
    held_bytes: usize,
    /// When the reader read last.
    read_at: Instant,
}

/// What changes whenever a log changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    is_in_progress: bool,
    parts: usize,
    size: u64,
    modified: Option<SystemTime>,
}

impl Followed {
    /// Whether it was too large and is still the same log, in progress.
    const fn still_is_too_large(&self, now: &Mark) -> bool {
        self.is_too_large && now.is_in_progress && now.size >= self.mark.size
    }
}

impl Follower {
    /// A follower of a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_progress(folder, |_| {})
    }

    /// A follower that calls `on_read` with the number of stored (compressed) bytes of each read, from the thread
    /// that read them.
    pub fn with_progress(
        folder: impl Into<PathBuf>,
        on_read: impl Fn(u64) + Send + Sync + 'static,
    ) -> Self {
        Self {
            folder: folder.into(),
            logs: BTreeMap::new(),
            memory: DEFAULT_MEMORY,
            held_bytes: 0,
            on_read: Arc::new(on_read),
        }
    }

    /// Limits the memory that the facts of a log may take, in bytes, and that which the readers of all logs in progress
    /// keep together; 1 GiB by default. A log of more facts is [`LogError::TooLarge`]. Beyond it, the largest readers of
    /// other logs are dropped, and these logs are read from the beginning when they change: first those of one part,
    /// because compaction may have removed what the reader of several parts has read.
    #[must_use]
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Lists the folder, as [`find_logs`](crate::find_logs) does, down to [`MAX_FOLLOWED_DEPTH`] folders below it and
    /// up to [`MAX_FOLLOWED_FILES`] files. Logs that have disappeared are forgotten, unless a folder
    /// could not be read. The reader of a log of one part and at most 8 MiB that has not changed for 10 minutes is
    /// dropped; the log is read from the beginning when it changes.
    pub fn poll(&mut self) -> Discovered {
        let found = logs_to_follow(self.folder.as_os_str());
        let listed: BTreeSet<&str> = found.logs.iter().map(FoundLog::id).collect();
        self.logs.retain(|id, _| {
            let is_unread = |name: &str| id.starts_with(name) || name.starts_with(id);
            listed.contains(&**id) || found.failed.iter().any(|failed| is_unread(&failed.name))
        });
        self.drop_idle_readers(Instant::now());
        self.held_bytes = self.logs.values().map(|log| log.held_bytes).sum();
        found
    }

    fn drop_idle_readers(&mut self, now: Instant) {
        for log in self.logs.values_mut() {
            // Compaction may have removed what the reader of several parts has read.
            let is_short = log.mark.parts == 1 && log.mark.size <= MAX_IDLE_BYTES;
            if is_short && now.saturating_duration_since(log.read_at) >= IDLE {
                (log.reader, log.held_bytes) = (None, 0);
            }
        }
    }

    /// Whether a log as listed by the last poll is new, has changed, or was read but not marked as ingested.
    #[must_use]
    pub fn has_changes(&self, log: &FoundLog) -> bool {
        let known = self.logs.get(log.id());
        known.is_none_or(|known| !known.is_ingested || known.mark != Mark::of(log))
    }

    /// Reads the new events of a log as listed by the last poll, and returns all its facts so far.
    ///
    /// # Errors
    /// [`LogError`] whenever reading fails. A file that is not an event log of an application is reported once;
    /// later calls return [`Polled::NotALog`] until it becomes one.
    pub fn read(&mut self, log: &FoundLog) -> Result<Polled, LogError> {
        let mark = Mark::of(log);
        let before = self.take(log);
        if let Some(before) = before.as_ref().filter(|before| before.still_is_too_large(&mark)) {
            let followed = Followed { mark, is_ingested: true, reader: None, ..*before };
            self.put(log, followed);
            return Ok(Polled::NotALog);
        }
        let was_reported = before.as_ref().is_some_and(|before| before.is_reported);
        let was_ingested = before.as_ref().is_some_and(|before| {
            before.is_ingested && before.mark.is_in_progress == mark.is_in_progress
        });
        let mut reader = before.and_then(|before| before.reader).unwrap_or_else(|| {
            let on_read = Arc::clone(&self.on_read);
            LogReader::with_progress(move |bytes| on_read(bytes)).memory(self.memory)
        });
        let read = match reader.read(log) {
            Ok(has_read) if has_read || !was_ingested => reader.log_file().map(Polled::Read),
            Ok(_) => Ok(Polled::Unchanged),
            Err(error) => Err(error),
        };
        let reader = Some(reader).filter(|_| log.is_in_progress);
        let held_bytes = reader.as_ref().map_or(0, LogReader::held_bytes);
        let mut followed = Followed {
            mark,
            is_ingested: true,
            is_reported: false,
            is_too_large: matches!(read, Err(LogError::TooLarge { .. })),
            reader,
            held_bytes,
            read_at: Instant::now(),
        };
        let read = match read {
            Ok(polled) => {
                followed.is_ingested = !matches!(polled, Polled::Read(_));
                Ok(polled)
            }
            Err(LogError::Io { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => {
                return Ok(Polled::Gone);
            }
            Err(error @ (LogError::Io { .. } | LogError::Replaced { .. })) => return Err(error),
            Err(LogError::Empty { .. } | LogError::NoApplication { .. }) if log.is_in_progress => {
                Ok(Polled::NotStarted)
            }
            Err(error) => {
                followed.is_reported = true;
                (followed.reader, followed.held_bytes) = (None, 0);
                if was_reported { Ok(Polled::NotALog) } else { Err(error) }
            }
        };
        self.put(log, followed);
        read
    }

    fn put(&mut self, log: &FoundLog, followed: Followed) {
        self.held_bytes += followed.held_bytes;
        self.logs.insert(log.id().to_owned(), followed);
        if self.held_bytes > self.memory {
            self.drop_readers(log.id());
        }
    }

    fn take(&mut self, log: &FoundLog) -> Option<Followed> {
        let followed = self.logs.remove(log.id())?;
        self.held_bytes -= followed.held_bytes;
        Some(followed)
    }

    /// Drops the largest readers but that of one log until the others take three quarters of what they may, so that this
    /// is rare.
    fn drop_readers(&mut self, but: &str) {
        let readers = self.logs.iter_mut().filter(|(id, log)| log.reader.is_some() && *id != but);
        let mut readers: Vec<&mut Followed> = readers.map(|(_, log)| log).collect();
        readers.sort_unstable_by_key(|log| (log.mark.parts == 1, log.held_bytes));
        while self.held_bytes > self.memory / 4 * 3
            && let Some(largest) = readers.pop()
        {
            self.held_bytes -= largest.held_bytes;
            (largest.reader, largest.held_bytes) = (None, 0);
        }
    }

    /// Records that the facts of a log, as listed by the last poll, are stored: after [`read`](Self::read), or
    /// instead of it if they were stored earlier. The log has no changes until it is written again.
    pub fn mark_ingested(&mut self, log: &FoundLog) {
        let mark = Mark::of(log);
        let known = self.logs.entry(log.id().to_owned()).or_insert(Followed {
            mark,
            is_ingested: true,
            is_reported: false,
            is_too_large: false,
            reader: None,
            held_bytes: 0,
            read_at: Instant::now(),
        });
        known.is_ingested = true;
        known.mark = mark;
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, logs, .. } = self;
        f.debug_struct("Follower")
            .field("folder", folder)
            .field("logs", logs)
            .finish_non_exhaustive()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn readers_of_idle_logs_are_dropped_and_their_logs_read_again_when_they_change() {
        const START: &str = "{\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"a\",\"App ID\":\"a\",\
                             \"Timestamp\":1711793500000,\"User\":\"ada\"}\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.inprogress");
        fs::write(&path, START).unwrap();
        let mut follower = Follower::new(folder.path());
        let look = |follower: &mut Follower| {
            let log = follower.poll().logs.remove(0);
            let has_changes = follower.has_changes(&log);
            let read = follower.read(&log).unwrap();
            follower.mark_ingested(&log);
            (has_changes, read)
        };
        let has_reader = |follower: &Follower| follower.logs.values().any(|l| l.reader.is_some());
        assert!(matches!(look(&mut follower), (true, Polled::Read(_))));
        follower.drop_idle_readers(Instant::now() + IDLE / 2);
        assert!(has_reader(&follower));
        follower.drop_idle_readers(Instant::now() + IDLE);
        assert!(!has_reader(&follower));
        let log = follower.poll().logs.remove(0);
        assert!(!follower.has_changes(&log));

        let end = "{\"Event\":\"SparkListenerApplicationEnd\",\"Timestamp\":1711793600000}\n";
        fs::write(&path, [START, end].concat()).unwrap();
        let (has_changes, Polled::Read(file)) = look(&mut follower) else { panic!("not read") };
        assert!(has_changes && file.snapshot.application.ended && has_reader(&follower));
        assert_eq!(file.snapshot.application.events, 2);
    }
}
