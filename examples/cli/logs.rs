//! Where event logs lie: files that are named, and those in folders that are.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::bail;
use indicatif::ProgressBar;
use serde::Serialize;
use spark_analytics_eventlog::{LogError, LogFile, read_from};

use crate::progress;

/// What some paths lead to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files that may be event logs, with their sizes in bytes: a folder's in the order of names.
    pub(crate) logs: Vec<(PathBuf, u64)>,
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
    /// Follows the paths. In folders, names that begin with `.` or `_` and `appstatus_*` are left alone.
    pub(crate) fn under(paths: &[PathBuf]) -> Self {
        let mut found = Self::default();
        for path in paths {
            found.follow(path);
        }
        found
    }

    /// The size of all logs, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.logs.iter().map(|(_, bytes)| bytes).sum()
    }

    fn follow(&mut self, start: &Path) {
        let mut left = vec![start.to_owned()];
        while let Some(path) = left.pop() {
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => self.logs.push((path, metadata.len())),
                Ok(metadata) if !metadata.is_dir() => {
                    self.skip(&path, "is neither a file nor a folder");
                }
                Ok(_) if is_rolling(&path) => {
                    self.skip(&path, "is a rolling event log, which this version does not read");
                }
                // A link may lead back to where it lies.
                Ok(_) if path != start && path.is_symlink() => {
                    self.skip(&path, "is a link to a folder, which is not followed");
                }
                Ok(_) => match entries(&path) {
                    Ok(paths) => left.extend(paths),
                    Err(error) => self.fail(&path, &error),
                },
                Err(error) => self.fail(&path, &error),
            }
        }
    }

    fn skip(&mut self, path: &Path, reason: &str) {
        self.skipped.push(LeftOut::new(path, format!("{} {reason}", path.display())));
    }

    fn fail(&mut self, path: &Path, error: &io::Error) {
        self.failed.push(LeftOut::new(path, format!("cannot read {}: {error}", path.display())));
    }
}

impl LeftOut {
    pub(crate) fn new(path: &Path, reason: String) -> Self {
        Self { path: path.display().to_string(), reason }
    }

    /// Says that it was skipped.
    pub(crate) fn say(&self, bar: &ProgressBar) {
        progress::say_above(bar, &format!("skipped: {}", self.reason));
    }
}

/// An error that names the first of what could not be read, if there is any.
pub(crate) fn all_read(failed: &[LeftOut]) -> anyhow::Result<()> {
    match failed {
        [] => Ok(()),
        [one] => bail!("{}", one.reason),
        [first, rest @ ..] => bail!("{} (and {} more cannot be read)", first.reason, rest.len()),
    }
}

/// Reads a log while a bar moves on.
pub(crate) fn read(path: &Path, bar: &ProgressBar) -> Result<LogFile, LogError> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => read_from(bar.wrap_read(file), &name),
        Err(reason) => Err(LogError::Io { name, reason }),
    }
}

/// Names what was left out of a log, the first few of it.
pub(crate) fn say_warnings(path: &Path, log: &LogFile, bar: &ProgressBar) {
    const SHOWN: usize = 3;
    let path = path.display();
    for warning in log.warnings.iter().take(SHOWN) {
        let line = format!("warning: {path}, line {}: {}", warning.line, warning.reason);
        progress::say_above(bar, &line);
    }
    let count = warning_count(log);
    if count > SHOWN as u64 {
        let more = count - SHOWN as u64;
        progress::say_above(bar, &format!("warning: {path}: {more} more"));
    }
}

/// How many warnings a log has, kept or not.
pub(crate) fn warning_count(log: &LogFile) -> u64 {
    log.warnings.len() as u64 + log.warnings_left_out
}

/// A folder's entries that may matter, the last name first.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(['.', '_']) && !name.starts_with("appstatus_") {
            paths.push(entry.path());
        }
    }
    paths.sort_by(|a, b| b.cmp(a));
    Ok(paths)
}

fn is_rolling(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("eventlog_v2_"))
}
