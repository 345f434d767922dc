//! Finding and reading event logs: named files and rolled logs, and those in named folders.

use std::path::{Path, PathBuf};

use anyhow::bail;
use indicatif::ProgressBar;
use serde::Serialize;
use spark_analytics_eventlog::{FoundLog, LogError, LogFile, LogReader, find_logs};

use crate::flags::missing_feature;
use crate::output::progress;
use crate::store::by_url::without_password;

/// The event logs at some paths.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Possible event logs, those of a folder ordered by name.
    pub(crate) logs: Vec<FoundLog>,
    /// Files and folders that are not event logs.
    pub(crate) skipped: Vec<LeftOut>,
    /// Files and folders that cannot be read.
    pub(crate) failed: Vec<LeftOut>,
}

/// A path that was left out, and the reason: a sentence that names the path.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) path: String,
    pub(crate) reason: String,
    /// Whether it is a file that has nothing to do with event logs.
    #[serde(skip)]
    pub(crate) is_other_file: bool,
}

impl Found {
    /// Finds the logs at some paths.
    pub(crate) fn under(paths: &[PathBuf]) -> Self {
        let mut all = Self::default();
        for path in paths {
            if let Some(why) = not_built_in(path) {
                let path = without_password(&path.to_string_lossy());
                let reason = format!("cannot read {path}: {why}");
                all.failed.push(LeftOut { path, reason, is_other_file: false });
                continue;
            }
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
        Self { path: left_out.name, reason: left_out.reason, is_other_file: false }
    }
}

impl LeftOut {
    pub(crate) fn new(log: &FoundLog, error: &LogError) -> Self {
        let is_other_file = matches!(error, LogError::NotALog { .. } | LogError::Empty { .. });
        Self { path: log.name.clone(), reason: error.to_string(), is_other_file }
    }

    /// Reports that it was skipped.
    pub(crate) fn say(&self, bar: &ProgressBar) {
        progress::say_above(bar, &format!("skipped: {}", self.reason));
    }
}

/// Why this build cannot read a URL, if it lacks the feature for it.
fn not_built_in(path: &Path) -> Option<String> {
    let (scheme, _) = path.to_str()?.split_once("://")?;
    let (feature, is_built_in) = match scheme {
        "s3" | "s3a" => ("s3", cfg!(feature = "s3")),
        "gs" => ("gs", cfg!(feature = "gs")),
        "az" | "azure" | "abfs" | "abfss" | "adl" => ("az", cfg!(feature = "az")),
        "http" | "https" => ("http", cfg!(feature = "http")),
        _ => return None,
    };
    (!is_built_in).then(|| missing_feature(&format!("`{scheme}://`"), feature))
}

/// An error that names the logs and folders that could not be read, if there are any.
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

/// Reads a log and advances a bar.
pub(crate) fn read(log: &FoundLog, memory: usize, bar: &ProgressBar) -> Result<LogFile, LogError> {
    let bar = bar.clone();
    let mut reader = LogReader::with_progress(move |bytes| bar.inc(bytes)).memory(memory);
    reader.read(log)?;
    reader.into_log_file()
}

/// Reports the first few warnings of a log.
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

/// The number of warnings of a log, kept or not.
pub(crate) fn warning_count(log: &LogFile) -> u64 {
    log.warnings.len() as u64 + log.warnings_left_out
}
