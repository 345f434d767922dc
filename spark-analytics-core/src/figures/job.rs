//! A job as stores keep it, and its figures.

use serde::{Deserialize, Serialize};

use crate::event::limits::MAX_DURATION_MS;
use crate::figures::fold::JobFold;
use crate::figures::labels::JobLabels;
use crate::figures::result::JobResult;
use crate::figures::tasks::TaskTotals;
use crate::identity::JobKey;
use crate::log::LogJob;
use crate::time::Timestamp;

/// Everything that a store holds about a job: the fold of its single events, and the facts of an event log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobRecord {
    /// The fold of its single events.
    pub events: JobFold,
    /// Its facts from an event log.
    pub log: Option<Box<LogJob>>,
}

/// The figures of a job whose start and end are known, see [`JobRecord::figures`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// Which job.
    pub key: JobKey,
    /// The user of its start.
    pub user: String,
    /// When it started.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// How it ended.
    pub result: JobResult,
    /// Its tasks.
    pub tasks: TaskTotals,
    /// Where the figures come from.
    pub source: FigureSource,
    /// Tasks as Spark counts them, each once however often it is attempted, skipped ones included; `None` if
    /// unknown, as from single events.
    pub num_tasks: Option<i64>,
    /// The duration of the longest task in ms; `None` without tasks, or if unknown, as from single events.
    pub longest_task_ms: Option<i64>,
    /// What people call it; `None` if no event log reports the job.
    pub labels: Option<Box<JobLabels>>,
}

/// Where a job's figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureSource {
    /// Single events.
    Events,
    /// An event log, which takes precedence over single events once it has the job's start and end.
    Log,
}

impl FigureSource {
    /// Its name in stores: `events` or `log`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Log => "log",
        }
    }
}

/// A text that names neither source of figures.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("unknown source `{0}`; known are `events` and `log`")]
pub struct UnknownSource(String);

impl TryFrom<&str> for FigureSource {
    type Error = UnknownSource;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        [Self::Events, Self::Log]
            .into_iter()
            .find(|source| source.name() == name)
            .ok_or_else(|| UnknownSource(name.to_owned()))
    }
}

impl JobRecord {
    /// The figures in force: the log's once it has the job's start and end, otherwise those of single
    /// events. `None` while neither has both.
    pub fn figures(&self, key: &JobKey) -> Option<Job> {
        let labels = self.log.as_deref().map(|log| Box::new(log.into()));
        Some(Job { labels, ..self.unlabelled(key)? })
    }

    /// The figures without labels, which roll-ups do not need.
    pub(crate) fn unlabelled(&self, key: &JobKey) -> Option<Job> {
        let from_log = self.log.as_ref().and_then(|log| {
            Some(Job {
                key: key.clone(),
                user: log.user.clone(),
                start: log.submission_time?,
                end: log.completion_time.filter(|_| log.ended)?,
                result: log.result(),
                tasks: log.tasks.clone(),
                source: FigureSource::Log,
                num_tasks: Some(log.num_tasks),
                longest_task_ms: log.longest_task_ms,
                labels: None,
            })
        });
        from_log.or_else(|| {
            let (start, end) = (self.events.start.as_ref()?, self.events.end.as_ref()?);
            Some(Job {
                key: key.clone(),
                user: start.user.clone(),
                start: start.timestamp,
                end: end.timestamp,
                result: JobResult::from_name(&end.job_result),
                tasks: self.events.tasks.clone(),
                source: FigureSource::Events,
                num_tasks: None,
                longest_task_ms: None,
                labels: None,
            })
        })
    }

    /// Whether nothing is known about the job.
    pub fn is_empty(&self) -> bool {
        self.log.is_none() && self.events.is_empty()
    }
}

impl Job {
    /// From start to end, in µs; negative if the clock was set back.
    pub const fn duration_us(&self) -> i64 {
        self.end.as_micros().saturating_sub(self.start.as_micros())
    }

    /// The duration in µs, if it is possible: not below 0, and at most a leap year, which is also the longest duration
    /// that an event may report for a task. Anything else comes from a clock that was set, not from a job
    /// that ran; averages and distributions leave it out.
    pub fn possible_duration_us(&self) -> Option<i64> {
        Some(self.duration_us()).filter(|us| (0..=MAX_DURATION_MS * 1_000).contains(us))
    }

    /// Whether any of its tasks succeeded or failed.
    pub const fn has_tasks(&self) -> bool {
        self.tasks.succeeded != 0 || self.tasks.failed != 0
    }

    /// From start to end, in seconds.
    pub const fn duration_seconds(&self) -> f64 {
        self.duration_us() as f64 / 1e6
    }

    /// Percentage of tasks that succeeded, 0 without tasks.
    pub const fn success_rate(&self) -> f64 {
        percent(self.tasks.succeeded, self.tasks.task_count())
    }

    /// The average number of tasks running at the same time: task time over duration. `None` if the
    /// job took no time.
    pub fn parallelism(&self) -> Option<f64> {
        (self.duration_us() > 0)
            .then(|| self.tasks.duration_ms as f64 * 1e3 / self.duration_us() as f64)
    }

    /// How much longer slow tasks take, see [`TaskTotals::skew`].
    pub fn skew(&self) -> Option<f64> {
        self.tasks.skew()
    }
}

/// `part` as a percentage of `whole`; 0 if `whole` is 0.
pub(crate) const fn percent(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}
