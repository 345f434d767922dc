//! Where event logs lie: files and rolled logs that are named, and those in folders that are.

use std::path::PathBuf;

use anyhow::bail;
use indicatif::ProgressBar;
use serde::Serialize;
use spark_analytics_eventlog::{FoundLog, LogError, LogFile, LogReader, find_logs};

use crate::output::progress;

/// What some paths lead to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What may be event logs: a folder's in the order of names.
    pub(crate) logs: Vec<FoundLog>,
    /// What is not read.
    pub(crate) skipped: Vec<LeftOut>,
    /// What cannot be read.
    pub(crate) failed: Vec<LeftOut>,
}

/// What was left out, and why: a sentence that names it.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    path: String,
    reason: String,
}

impl Found {
    /// Follows the paths.
    pub(crate) fn under(paths: &[PathBuf]) -> Self {
        let mut all = Self::default();
        for path in paths {
            let found = find_logs(path);
            all.logs.extend(found.logs);
            all.skipped.extend(found.skipped.into_iter().map(LeftOut::from));
            all.failed.extend(found.failed.into_iter().map(LeftOut::from));
        }
        all
    }

    /// The size of all logs, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.logs.iter().map(FoundLog::size).sum()
    }
}

impl From<spark_analytics_eventlog::Skipped> for LeftOut {
    fn from(left_out: spark_analytics_eventlog::Skipped) -> Self {
        Self { path: left_out.name, reason: left_out.reason }
    }
}

impl LeftOut {
    pub(crate) fn new(log: &FoundLog, error: &LogError) -> Self {
        Self { path: log.name.clone(), reason: error.to_string() }
    }

    /// Says that it was skipped.
    pub(crate) fn say(&self, bar: &ProgressBar) {
        progress::say_above(bar, &format!("skipped: {}", self.reason));
    }
}

/// An error that names what could not be read, if there is any.
pub(crate) fn all_read(failed: &[LeftOut]) -> anyhow::Result<()> {
    match failed {
        [] => Ok(()),
        [one] => bail!("{}", one.reason),
        several => {
            let reasons: String =
                several.iter().map(|failed| format!("\n  {}", failed.reason)).collect();
            bail!("{} logs or folders cannot be read:{reasons}", several.len())
        }
    }
}

/// Reads a log while a bar moves on.
pub(crate) fn read(log: &FoundLog, bar: &ProgressBar) -> Result<LogFile, LogError> {
    let bar = bar.clone();
    let mut reader = LogReader::with_progress(move |bytes| bar.inc(bytes));
    reader.read(log)?;
    reader.into_log_file()
}

/// Names what was left out of a log, the first few of it.
pub(crate) fn say_warnings(name: &str, log: &LogFile, bar: &ProgressBar) {
    const SHOWN: usize = 3;
    for warning in log.warnings.iter().take(SHOWN) {
        let place = match warning.line {
            0 => String::new(),
            line => format!(", line {line}"),
        };
        progress::say_above(bar, &format!("warning: {name}{place}: {}", warning.reason));
    }
    let count = warning_count(log);
    if count > SHOWN as u64 {
        let more = count - SHOWN as u64;
        progress::say_above(bar, &format!("warning: {name}: {more} more"));
    }
}

/// How many warnings a log has, kept or not.
pub(crate) fn warning_count(log: &LogFile) -> u64 {
    log.warnings.len() as u64 + log.warnings_left_out
}
