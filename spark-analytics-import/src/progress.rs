//! What importers report.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use spark_analytics_core::log::LogJob;
use spark_analytics_core::{JobResult, LogReceipt, OtherRun, Timestamp};
use spark_analytics_eventlog::{FoundLog, LogFile};

/// The state of a followed log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogState {
    /// Its application is running, and the log is still being written.
    Running,
    /// Its application has ended.
    Ended,
    /// The log was closed without an end of its application: the driver died, or the log is a part.
    NoEnd,
    /// The store has a later run of the same application id, so nothing of the log counts.
    Replaced,
    /// It is not an event log, or a folder that was already visited.
    Skipped,
    /// It cannot be read or stored.
    Failed,
}

impl LogState {
    /// Its name: `running`, `ended`, `no end`, `replaced`, `skipped` or `failed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended => "ended",
            Self::NoEnd => "no end",
            Self::Replaced => "replaced",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// What [`follow`](crate::follow()) reports.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Report<'a> {
    /// The first look has listed the folder, and reads it next.
    Started(&'a Started),
    /// A log changed, or a problem lasts.
    Log(&'a Update),
    /// A look at the folder has ended.
    Look(&'a Look),
}

/// What a follower found in its folder at first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Started {
    /// The folder, as an absolute path.
    pub folder: PathBuf,
    /// The number of possible logs in it.
    pub logs: usize,
    /// The number of those that the store has already.
    pub known: usize,
}

/// How a look at the folder went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// Why the folder cannot be read.
    pub unreadable: Option<String>,
    /// Whether the folder and those in it were listed, and everything new in readable logs was stored.
    pub is_complete: bool,
    /// The number of logs and folders that cannot be read or stored.
    pub failing: usize,
    /// The longest time from the last write to a log until it was stored, of those that this look stored; `None` in the
    /// first look.
    pub lag: Option<Duration>,
    /// The number of bytes read, as the logs are stored in files.
    pub bytes: u64,
}

impl Look {
    /// Notes that a log was stored now.
    pub(crate) fn note_lag(&mut self, log: &FoundLog) {
        let written = log.parts.iter().map(|part| part.modified).max();
        // A clock that was set back gives no lag.
        self.lag = self.lag.max(written.and_then(|written| written.elapsed().ok()));
    }
}

/// A log whose state, number of jobs or warnings changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Update {
    /// The log's path.
    pub log: String,
    /// The application, `""` if the log does not name it.
    pub app_id: String,
    /// Its attempt, `""` where Spark has none.
    pub attempt_id: String,
    /// The state of the log.
    pub state: LogState,
    /// The number of jobs in the log.
    pub jobs: usize,
    /// Why it was skipped, replaced or failed, or the number of its warnings.
    pub detail: Option<String>,
    /// The number of its jobs that failed.
    pub failed_jobs: usize,
    /// The application's name.
    pub name: String,
    /// The user it ran as.
    pub user: String,
    /// Whether it replaced another run of the application id.
    pub replaces_run: bool,
}

impl Update {
    /// A log that was read, before it is stored.
    pub(crate) fn of(log: &FoundLog, file: &LogFile) -> Self {
        let application = &file.snapshot.application;
        let warnings = file.warnings.len() as u64 + file.warnings_left_out;
        Self {
            log: log.name.clone(),
            app_id: application.app_id.clone(),
            attempt_id: application.attempt_id.clone(),
            state: match application.ended {
                true => LogState::Ended,
                false if log.is_in_progress => LogState::Running,
                false => LogState::NoEnd,
            },
            jobs: file.snapshot.jobs.len(),
            detail: (warnings > 0).then(|| format!("{warnings} {}", plural(warnings, "warning"))),
            failed_jobs: failed_jobs(&file.snapshot.jobs),
            name: application.name.clone(),
            user: application.user.clone(),
            replaces_run: false,
        }
    }

    /// A log that was skipped or failed, and why.
    pub(crate) fn problem(log: &str, state: LogState, why: &str) -> Self {
        Self {
            log: log.to_owned(),
            app_id: String::new(),
            attempt_id: String::new(),
            state,
            jobs: 0,
            detail: Some(why.to_owned()),
            failed_jobs: 0,
            name: String::new(),
            user: String::new(),
            replaces_run: false,
        }
    }

    /// Adds why the log was refused when it was to be stored, or what became of other runs.
    pub(crate) fn add(&mut self, receipt: &LogReceipt) {
        if let Some(refused) = receipt.refused {
            self.state = LogState::Skipped;
            self.detail = Some(format!("{}: {refused}", self.log));
        }
        if let Some(other) = receipt.other_run {
            self.replace(other);
        }
    }

    /// Adds what became of another run, or of this one.
    pub(crate) fn replace(&mut self, other: OtherRun) {
        match other {
            OtherRun::Kept { .. } => self.state = LogState::Replaced,
            OtherRun::Removed { .. } => self.replaces_run = true,
        }
        let said = said_of_run(other, self.jobs);
        self.detail = Some(match self.detail.take() {
            Some(detail) => format!("{said}, {detail}"),
            None => said,
        });
    }
}

/// What became of another run of an application's id, for a person; `jobs` is the number of jobs in the log that was
/// stored.
///
/// ```
/// use spark_analytics_core::OtherRun;
/// use spark_analytics_import::said_of_run;
///
/// let said = said_of_run(OtherRun::Kept { started: None }, 3);
/// assert_eq!(said, "replaced by another run of this id, and its 3 jobs are in no figure");
/// ```
pub fn said_of_run(other: OtherRun, jobs: usize) -> String {
    let started =
        |time: Option<Timestamp>| time.map(|time| format!(", started {time}")).unwrap_or_default();
    let counted = |jobs: usize| format!("{jobs} {}", plural(jobs as u64, "job"));
    let are = |jobs: usize| if jobs == 1 { "is" } else { "are" };
    match other {
        OtherRun::Kept { started: time } => format!(
            "replaced by another run of this id{}, and its {} {} in no figure",
            started(time),
            counted(jobs),
            are(jobs)
        ),
        OtherRun::Removed { started: time, jobs } => {
            format!(
                "replaces another run of this id{}, whose {} left the figures",
                started(time),
                counted(jobs)
            )
        }
    }
}

/// The number of jobs that failed.
pub fn failed_jobs(jobs: &[LogJob]) -> usize {
    let has_failed = |job: &&LogJob| JobResult::from_name(&job.job_result) == JobResult::Failed;
    jobs.iter().filter(|job| job.ended).filter(has_failed).count()
}

pub(crate) fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app_id, attempt_id, name, user, jobs, failed_jobs, .. } = self;
        let state = self.state.name();
        if let (LogState::Skipped | LogState::Failed, Some(why)) = (self.state, &self.detail) {
            return write!(f, "{state}: {why}");
        }
        write!(f, "{app_id}")?;
        if !attempt_id.is_empty() {
            write!(f, " attempt {attempt_id}")?;
        }
        match (name.as_str(), user.as_str()) {
            ("", "") => {}
            ("", user) => write!(f, " (of {user})")?,
            (name, "") => write!(f, " ({name})")?,
            (name, user) => write!(f, " ({name} of {user})")?,
        }
        write!(f, ": {jobs} {}", plural(*jobs as u64, "job"))?;
        if *failed_jobs > 0 {
            write!(f, ", {failed_jobs} failed")?;
        }
        // Its detail begins with the word.
        if self.state != LogState::Replaced {
            write!(f, ", {state}")?;
        }
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ", {detail}"))
    }
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, logs, known } = self;
        let logs_word = plural(*logs as u64, "log");
        write!(f, "following {}: {logs} {logs_word}, {known} known", folder.display())
    }
}
