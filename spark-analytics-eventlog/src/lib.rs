#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod decode;
mod error;
mod event;
mod executor;
mod fold;
mod indices;
mod job;
mod lines;
mod metrics;
mod source;
mod stage;
mod task;
mod text;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use spark_analytics_core::{LogSnapshot, LogWarning};

pub use error::LogError;
pub use lines::MAX_LINE_BYTES;
pub use text::MAX_TEXT_BYTES;

use decode::decode;
use fold::Fold;
use lines::{Line, Lines};
use source::{Damage, Opened, Source};

/// How many warnings a [`LogFile`] keeps; the rest are counted.
pub const MAX_WARNINGS: usize = 100;

/// How many lines without an event a file may start with and still be an event log.
const MAX_LINES_WITHOUT_EVENT: u64 = 64;

/// What one event log file tells.
#[derive(Clone, Debug)]
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

/// Reads an event log file, plain or zstd.
///
/// The same file always gives the same facts. What cannot be read in it becomes a warning, and
/// reading goes on.
///
/// # Errors
/// [`LogError`] when the file cannot be read, or is no event log that tells of an application.
pub fn read_log(path: impl AsRef<Path>) -> Result<LogFile, LogError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let open = || {
        let file = File::open(path)?;
        file.metadata().map(|metadata| (file, metadata.is_dir()))
    };
    match open() {
        Ok((_, true)) => Err(LogError::Directory { name }),
        Ok((file, false)) => read_from(file, &name),
        Err(reason) => Err(LogError::Io { name, reason }),
    }
}

/// Reads an event log from a reader, as [`read_log`] does. The reader needs no buffer of its own.
///
/// `name` is the file's name or path. It is told in errors, says by `.inprogress` that the log is
/// still written, and stands in for the id of an application that has none.
///
/// # Errors
/// See [`read_log`].
pub fn read_from(reader: impl Read, name: &str) -> Result<LogFile, LogError> {
    let io = |reason| LogError::Io { name: name.to_owned(), reason };
    let source = match Source::open(reader).map_err(io)? {
        Opened::Readable(source) => source,
        Opened::Unreadable(codec) => return Err(LogError::Codec { name: name.to_owned(), codec }),
    };
    let mut lines = Lines::new(source);
    let mut reading = Reading::new(name);
    while let Some(line) = lines.next().map_err(io)? {
        reading.take(&line)?;
    }
    if let Some(damage) = lines.reader().damage() {
        reading.warn_of_damage(damage, lines.bytes(), lines.count());
    }
    reading.finish(lines.bytes(), lines.count())
}

/// A log while it is read.
struct Reading<'a> {
    name: &'a str,
    is_in_progress: bool,
    fold: Fold,
    /// Whether a line was an event, of whatever class.
    has_event: bool,
    lines_without_event: u64,
    warnings: Vec<LogWarning>,
    warnings_left_out: u64,
}

impl<'a> Reading<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            is_in_progress: name.ends_with(IN_PROGRESS),
            fold: Fold::new(),
            has_event: false,
            lines_without_event: 0,
            warnings: Vec::new(),
            warnings_left_out: 0,
        }
    }

    fn take(&mut self, line: &Line<'_>) -> Result<(), LogError> {
        let bytes = line.bytes.trim_ascii();
        if bytes.is_empty() && !line.is_too_long {
            return Ok(());
        }
        let read = if line.is_too_long {
            Err(format!("the line is longer than {MAX_LINE_BYTES} bytes"))
        } else {
            decode(bytes)
        };
        self.has_event |= read.is_ok() || bytes.starts_with(b"{\"Event\":");
        let left_out = match read {
            Ok(None) => None,
            Ok(Some(event)) => self.fold.apply(event).err(),
            // The driver is still at it.
            Err(_) if self.is_in_progress && !line.is_terminated && self.has_event => None,
            Err(reason) => Some(reason),
        };
        if let Some(reason) = left_out {
            self.warn(line.offset, line.number, reason);
        }
        self.lines_without_event += u64::from(!self.has_event);
        if self.lines_without_event > MAX_LINES_WITHOUT_EVENT {
            return Err(self.not_a_log());
        }
        Ok(())
    }

    fn warn_of_damage(&mut self, damage: &Damage, offset: u64, line: u64) {
        match damage {
            Damage::CutOff if self.is_in_progress => {}
            Damage::CutOff => {
                self.warn(offset, line, "the file ends within its compressed data".to_owned());
            }
            Damage::Corrupt(error) => {
                let reason =
                    format!("the compressed data is damaged, nothing is read behind: {error}");
                self.warn(offset, line, reason);
            }
        }
    }

    fn warn(&mut self, offset: u64, line: u64, reason: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(LogWarning { offset, line, reason });
        } else {
            self.warnings_left_out += 1;
        }
    }

    fn finish(self, bytes: u64, lines: u64) -> Result<LogFile, LogError> {
        if !self.has_event && self.warnings.is_empty() {
            return Err(LogError::Empty { name: self.name.to_owned() });
        }
        if !self.has_event {
            return Err(self.not_a_log());
        }
        if !self.fold.has_application() {
            let (name, events) = (self.name.to_owned(), self.fold.events());
            return Err(LogError::NoApplication { name, events });
        }
        Ok(LogFile {
            snapshot: self.fold.into_snapshot(application_name(self.name)),
            warnings: self.warnings,
            warnings_left_out: self.warnings_left_out,
            bytes,
            lines,
        })
    }

    fn not_a_log(&self) -> LogError {
        LogError::NotALog { name: self.name.to_owned() }
    }
}

const IN_PROGRESS: &str = ".inprogress";
const CODEC_SUFFIXES: [&str; 7] = [".zstd", ".zst", ".lz4", ".snappy", ".lzf", ".gz", ".compact"];

/// The application's id in a log's name.
fn application_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.strip_suffix(IN_PROGRESS).unwrap_or(name);
    let suffix = CODEC_SUFFIXES.iter().find(|suffix| name.ends_with(**suffix));
    suffix.and_then(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
