#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod blocks;
mod cursor;
mod decode;
mod environment;
mod error;
mod event;
mod executor;
mod fold;
mod indices;
mod job;
mod metrics;
mod number;
mod parse;
mod pipeline;
mod reading;
mod scan;
mod source;
mod sql;
mod stage;
mod tally;
mod task;
mod template;
mod text;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use spark_analytics_core::{LogSnapshot, LogWarning};

pub use blocks::MAX_LINE_BYTES;
pub use environment::MAX_PROPERTIES_BYTES;
pub use error::LogError;
pub use sql::MAX_PLANS_BYTES;
pub use text::MAX_TEXT_BYTES;

use blocks::Blocks;
use parse::{parse, too_long};
use pipeline::{Stop, read_on};
use reading::Reading;
use source::{Damage, Source};

/// How many warnings a [`LogFile`] keeps; the rest are counted.
pub const MAX_WARNINGS: usize = 100;

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

/// Reads an event log file, plain or compressed by any codec that Spark writes, or by gzip.
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

/// Reads an event log from a reader, as [`read_log`] does. The reader needs no buffer of its own; several
/// threads take turns at it.
///
/// `name` is the file's name or path. It is told in errors, says by `.inprogress` that the log is
/// still written, and stands in for the id of an application that has none.
///
/// # Errors
/// See [`read_log`].
pub fn read_from(reader: impl Read + Send, name: &str) -> Result<LogFile, LogError> {
    let io = |reason| LogError::Io { name: name.to_owned(), reason };
    let mut blocks = Blocks::new(Source::new(reader));
    let mut reading = Reading::default();
    match read_on(&mut blocks, &mut reading) {
        Ok(()) => {}
        Err(Stop::Io(reason)) => return Err(io(reason)),
        Err(Stop::NotALog) => return Err(LogError::NotALog { name: name.to_owned() }),
    }
    let is_in_progress = name.ends_with(IN_PROGRESS);
    if let Some((line, offset, is_too_long)) = blocks.unended_line() {
        match is_too_long {
            false => reading.add_unended(offset, parse(line), is_in_progress),
            true => reading.warn_here(offset, too_long()),
        }
    }
    match blocks.reader().damage() {
        None => {}
        Some(Damage::CutOff) if is_in_progress => {}
        Some(Damage::CutOff) => {
            let reason = "the file ends within its compressed data".to_owned();
            reading.warn_here(blocks.bytes(), reason);
        }
        Some(Damage::Corrupt(error)) => {
            let reason = format!("the compressed data is damaged, nothing is read behind: {error}");
            reading.warn_here(blocks.bytes(), reason);
        }
    }
    reading.finish(name, application_name(name), blocks.bytes())
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
