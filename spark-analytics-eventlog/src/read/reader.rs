//! Reads whole logs, and resumes growing ones.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::LogError;
use crate::locate::{FoundLog, LogPart, find_logs};
use crate::log_file::LogFile;
use crate::read::blocks::Blocks;
use crate::read::pipeline::{Stop, read_on};
use crate::read::state::{DEFAULT_MEMORY, LogState, Refused};
use crate::source::Source;

/// Reads an event log: a file, or the folder of a rolled log; plain, or compressed with gzip or any codec that
/// Spark writes.
///
/// The same log always gives the same facts. Lines that cannot be read become warnings, and reading continues.
///
/// ```
/// use spark_analytics_eventlog::read_log;
///
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/spec-3.5/log");
/// # let path = std::path::Path::new(folder).join("app-20261123203120-0000");
/// let log = read_log(path)?;
/// assert_eq!(log.snapshot.application.app_id, "app-20261123203120-0000");
/// assert!(log.warnings.is_empty());
/// # Ok::<(), spark_analytics_eventlog::LogError>(())
/// ```
///
/// # Errors
/// [`LogError`] when the log cannot be read, or is not an event log of an application.
pub fn read_log(path: impl AsRef<Path>) -> Result<LogFile, LogError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    fs::metadata(path).map_err(|reason| LogError::Io { name: name.clone(), reason })?;
    // Trailing or doubled slashes do not change the path.
    let plain: PathBuf = path.components().collect();
    match find_logs(&plain).logs.as_slice() {
        [log] if log.name == plain.to_string_lossy() => read_found(log),
        _ => Err(LogError::NotOneLog { name }),
    }
}

/// Reads all parts of a log returned by [`find_logs`].
///
/// # Errors
/// See [`read_log`].
pub fn read_found(log: &FoundLog) -> Result<LogFile, LogError> {
    let mut reader = LogReader::default();
    reader.read(log)?;
    reader.into_log_file()
}

/// Reads an event log from a reader, as [`read_log`] does. The reader need not be buffered; several threads
/// take turns reading from it.
///
/// `name` is the name or path of the file. It is used in error messages, as the application id if the log has
/// none, and (suffix `.inprogress`) to tell that the log is still being written.
///
/// ```
/// use spark_analytics_eventlog::read_from;
///
/// let log = r#"{"Event":"SparkListenerApplicationStart","App Name":"etl","App ID":"app-1",
///     "Timestamp":1711792363000,"User":"ada"}"#.replace('\n', "");
/// let log = read_from(log.as_bytes(), "app-1.inprogress")?;
/// assert_eq!(log.snapshot.application.user, "ada");
/// # Ok::<(), spark_analytics_eventlog::LogError>(())
/// ```
///
/// # Errors
/// See [`read_log`].
pub fn read_from(reader: impl Read + Send, name: &str) -> Result<LogFile, LogError> {
    let log = FoundLog::named(name);
    let mut blocks = Blocks::starting_at(0, Source::new(reader));
    let mut reading = LogState::default();
    read_on(&mut blocks, &mut reading).map_err(|stop| error(stop, name, name))?;
    reading.end_part(&blocks, log.is_in_progress);
    reading.into_log_file(&log, blocks.bytes())
}

/// Reads a growing log: each call reads only the new bytes and parts.
///
/// The facts so far are the same as if the log had been read as a whole. Memory grows with the jobs, stage
/// attempts and executors of the log. No file is open between calls.
///
/// ```
/// use spark_analytics_eventlog::{LogReader, list_logs};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/spec-3.5/log");
/// let mut reader = LogReader::default();
/// let found = list_logs(folder);
/// if reader.read(&found.logs[0])? {
///     let log = reader.log_file()?;
///     println!("{} jobs so far", log.snapshot.jobs.len());
/// }
/// // Later, with the folder listed again:
/// assert!(!reader.read(&list_logs(folder).logs[0])?);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct LogReader {
    /// The log as of the last read.
    log: Option<FoundLog>,
    /// The part that is being read: its index among the parts of the log, and its content.
    part: Option<(usize, Blocks<Source<GrowingPart>>)>,
    reading: LogState,
    /// The most memory that its facts may take, in bytes.
    memory: Option<usize>,
    on_read: Option<OnRead>,
}

type OnRead = Arc<dyn Fn(u64) + Send + Sync>;

impl LogReader {
    /// A reader that calls `on_read` with the number of stored (compressed) bytes of each read, from the thread
    /// that read them.
    pub fn with_progress(on_read: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self { on_read: Some(Arc::new(on_read)), ..Self::default() }
    }

    /// Limits the memory that the facts of the log may take, in bytes; 1 GiB by default. A log of more facts is
    /// [`LogError::TooLarge`]. The facts are estimated, with what is needed to read on; lines and windows of codecs come
    /// on top of it.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self.restart();
        self
    }

    /// An estimate of the memory that the reader takes between two calls of [`read`](Self::read).
    pub(crate) fn held_bytes(&self) -> usize {
        let part = self.part.as_ref().map_or(0, |(_, blocks)| blocks.held_bytes());
        self.reading.bytes() + part
    }

    /// Reads what is new in a log, which must be as found just now. Returns whether there was anything new.
    ///
    /// A log that was replaced, was truncated, or lost parts before they were read is read again from its
    /// beginning. A rename at the end of its application, or a compaction of parts already read, has no effect.
    ///
    /// # Errors
    /// [`LogError::Io`] when a part cannot be read, [`LogError::NotALog`] and [`LogError::Replaced`]. After an
    /// error, the next call reads the log from its beginning.
    pub fn read(&mut self, log: &FoundLog) -> Result<bool, LogError> {
        let read = self.read_parts(log);
        if read.is_err() {
            self.restart();
        }
        read
    }

    /// The facts and warnings so far.
    ///
    /// # Errors
    /// [`LogError`] if the log has not identified its application yet.
    pub fn log_file(&self) -> Result<LogFile, LogError> {
        self.end(self.reading.clone())
    }

    /// The facts and warnings, without a copy.
    ///
    /// # Errors
    /// See [`log_file`](Self::log_file).
    pub fn into_log_file(mut self) -> Result<LogFile, LogError> {
        let reading = std::mem::take(&mut self.reading);
        self.end(reading)
    }

    fn end(&self, mut reading: LogState) -> Result<LogFile, LogError> {
        let unread = FoundLog::named("the log");
        let log = self.log.as_ref().unwrap_or(&unread);
        let mut bytes = 0;
        if let Some((at, blocks)) = &self.part {
            reading.end_part(blocks, log.is_in_progress && at + 1 == log.parts.len());
            bytes = blocks.bytes();
        }
        reading.into_log_file(log, bytes)
    }

    fn restart(&mut self) {
        let reading = LogState::new(self.memory.unwrap_or(DEFAULT_MEMORY));
        let on_read = self.on_read.take();
        *self = Self { reading, memory: self.memory, on_read, ..Self::default() };
    }

    fn read_parts(&mut self, log: &FoundLog) -> Result<bool, LogError> {
        let is_new = self.log.is_none();
        let next = match self.place_in(log) {
            Some(next) => next,
            None => {
                self.restart();
                0
            }
        };
        let mut has_read = is_new;
        if let (Some((at, blocks)), Some(part)) = (&mut self.part, log.parts.get(next)) {
            *at = next;
            let is_known = blocks.reader_mut().reader_mut().resume(part);
            if !is_known.map_err(|reason| LogError::Io { name: part.name.clone(), reason })? {
                self.restart();
                return self.read_parts(log);
            }
        }
        self.log = Some(log.clone());
        for (at, part) in log.parts.iter().enumerate().skip(next) {
            self.begin_part(at, part);
            let Some((_, blocks)) = &mut self.part else { continue };
            let before = blocks.reader().reader().at;
            let done = read_on(blocks, &mut self.reading);
            done.map_err(|stop| error(stop, &part.name, &log.name))?;
            let source = blocks.reader().reader();
            has_read |= source.at > before;
            if !source.part.still_has(source.at) {
                return Err(LogError::Replaced { name: part.name.clone() });
            }
        }
        Ok(has_read)
    }

    /// The index of the part at which to resume; `None` if this is not the log that was read.
    fn place_in(&self, log: &FoundLog) -> Option<usize> {
        let Some((at, blocks)) = &self.part else { return Some(0) };
        let before = self.log.as_ref()?;
        let current = before.parts.get(*at)?;
        let next = log.parts.iter().position(|part| part.index == current.index)?;
        let is_same = |old: &LogPart, new: &LogPart| old.id() == new.id() && new.size >= old.size;
        let goes_on = is_same(current, &log.parts[next])
            && log.parts[next].size >= blocks.reader().reader().at;
        // A compacted part may have replaced those before it.
        let older = log.parts[..next].iter().all(|part| {
            let known = before.parts[..*at].iter().find(|old| old.index == part.index);
            known.is_some_and(|old| old.is_compacted() != part.is_compacted() || is_same(old, part))
        });
        (goes_on && older).then_some(next)
    }

    /// Starts a part, after ending the current one, unless it is the current one.
    fn begin_part(&mut self, at: usize, part: &LogPart) {
        let mut offset = 0;
        if let Some((begun, blocks)) = &self.part {
            if *begun == at {
                return;
            }
            self.reading.end_part(blocks, false);
            offset = blocks.bytes();
        }
        let source = Source::new(GrowingPart::new(part, self.on_read.clone()));
        self.part = Some((at, Blocks::starting_at(offset, source)));
    }
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("log", &self.log).finish_non_exhaustive()
    }
}

/// Number of bytes before the resume offset that must match for a part to be recognised as the same one.
const KNOWN_BYTES: usize = 4 * 1024;

/// A part that may grow. It is open only during a read.
struct GrowingPart {
    part: LogPart,
    /// Bytes read.
    at: u64,
    /// The last bytes read.
    last: Vec<u8>,
    open: Option<Box<dyn Read + Send>>,
    on_read: Option<OnRead>,
}

impl GrowingPart {
    fn new(part: &LogPart, on_read: Option<OnRead>) -> Self {
        Self { part: part.clone(), at: 0, last: Vec::new(), open: None, on_read }
    }

    /// Updates the part to its current state, and opens it if it changed. Returns `false` if the bytes before the
    /// offset are not those that were read: then it is another file, even if name and inode are the same.
    fn resume(&mut self, part: &LogPart) -> io::Result<bool> {
        let has_changed = part.size > self.at || part.modified != self.part.modified;
        self.part = part.clone();
        if !has_changed || self.at == 0 {
            return Ok(true);
        }
        let mut open = self.part.open(self.at - self.last.len() as u64)?;
        let mut known = Vec::with_capacity(self.last.len());
        open.by_ref().take(self.last.len() as u64).read_to_end(&mut known)?;
        self.open = Some(open);
        Ok(known == self.last)
    }

    fn note(&mut self, read: &[u8]) {
        self.at += read.len() as u64;
        self.last.extend_from_slice(&read[read.len().saturating_sub(KNOWN_BYTES)..]);
        let too_many = self.last.len().saturating_sub(KNOWN_BYTES);
        self.last.drain(..too_many);
    }
}

impl Read for GrowingPart {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.open.is_none() {
            self.open = Some(self.part.open(self.at)?);
        }
        let read = match &mut self.open {
            Some(open) => open.read(out)?,
            None => 0,
        };
        if read == 0 {
            self.open = None;
        }
        self.note(&out[..read]);
        if let Some(on_read) = &self.on_read {
            on_read(read as u64);
        }
        Ok(read)
    }
}

fn error(stop: Stop, part: &str, log: &str) -> LogError {
    match stop {
        Stop::Io(reason) => LogError::Io { name: part.to_owned(), reason },
        Stop::Refused(Refused::NotALog) => LogError::NotALog { name: log.to_owned() },
        Stop::Refused(Refused::TooLarge(reason)) => {
            LogError::TooLarge { name: log.to_owned(), reason }
        }
        Stop::Refused(Refused::Archive(kind)) => LogError::Archive { name: log.to_owned(), kind },
        Stop::Refused(Refused::InOtherForm(form)) => {
            LogError::OtherForm { name: log.to_owned(), form }
        }
    }
}
