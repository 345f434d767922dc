//! The reports of importers about each log.

use std::fmt;

use serde::Serialize;

/// The state of a followed log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogState {
    /// Its application is running, and the log is still being written.
    Running,
    /// Its application has ended, or the log was closed.
    Ended,
    /// It is not an event log, or it is in a folder that is not searched.
    Skipped,
    /// It cannot be read or stored.
    Failed,
}

impl LogState {
    /// Its name: `running`, `ended`, `skipped` or `failed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
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
    /// Why it was skipped or failed, or the number of its warnings.
    pub detail: Option<String>,
}

impl Update {
    /// A log that was skipped or failed, and why.
    pub(crate) fn problem(log: &str, state: LogState, why: &str) -> Self {
        Self {
            log: log.to_owned(),
            app_id: String::new(),
            attempt_id: String::new(),
            state,
            jobs: 0,
            detail: Some(why.to_owned()),
        }
    }
}

pub(crate) fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.name();
        match (self.state, &self.detail) {
            (LogState::Skipped | LogState::Failed, Some(why)) => write!(f, "{state}: {why}"),
            (_, detail) => {
                let attempt = if self.attempt_id.is_empty() { "" } else { " attempt " };
                let jobs = plural(self.jobs as u64, "job");
                write!(
                    f,
                    "{}{attempt}{}: {} {jobs}, {state}",
                    self.app_id, self.attempt_id, self.jobs
                )?;
                detail.as_ref().map_or(Ok(()), |detail| write!(f, ", {detail}"))
            }
        }
    }
}
