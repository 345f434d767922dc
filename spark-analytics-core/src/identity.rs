//! Which job an event belongs to, and when two events are the same.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::{Day, Timestamp};

/// A job: Spark numbers jobs from 0 in each attempt of each application.
///
/// `app_id` and `attempt_id` are `""` for single events without them. The order is by
/// application, attempt, job.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobKey {
    /// The application's id, such as `application_1711792363000_0042`, or `""`.
    pub app_id: String,
    /// The application's attempt, such as `1`, or `""` where Spark has none.
    pub attempt_id: String,
    /// The job's number, from 0.
    pub job_id: i64,
}

impl JobKey {
    /// A job without an application.
    pub const fn new(job_id: i64) -> Self {
        Self { app_id: String::new(), attempt_id: String::new(), job_id }
    }

    /// A job of one attempt of an application.
    pub fn in_app(app_id: impl Into<String>, attempt_id: impl Into<String>, job_id: i64) -> Self {
        Self { app_id: app_id.into(), attempt_id: attempt_id.into(), job_id }
    }
}

impl From<i64> for JobKey {
    fn from(job_id: i64) -> Self {
        Self::new(job_id)
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {}", self.job_id)?;
        if !self.app_id.is_empty() {
            write!(f, " of application {}", self.app_id)?;
        }
        if !self.attempt_id.is_empty() {
            write!(f, " attempt {}", self.attempt_id)?;
        }
        Ok(())
    }
}

/// An application's attempt: the unit that an event log describes.
///
/// The order is by application, then attempt; both compare as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The application's id, such as `application_1711792363000_0042`.
    pub app_id: String,
    /// The attempt, such as `1`, or `""` where Spark has none.
    pub attempt_id: String,
}

impl AttemptKey {
    /// An attempt of an application.
    pub fn new(app_id: impl Into<String>, attempt_id: impl Into<String>) -> Self {
        Self { app_id: app_id.into(), attempt_id: attempt_id.into() }
    }
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "application {}", self.app_id)?;
        if !self.attempt_id.is_empty() {
            write!(f, " attempt {}", self.attempt_id)?;
        }
        Ok(())
    }
}

/// The rule by which two events are the same. A store is created with one and keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dedup {
    /// Job, type, timestamp and, for a task's end, task id: the default, because tasks of one job
    /// can end in the same millisecond.
    #[default]
    WithTask,
    /// Job, type and timestamp alone.
    JobTypeTimestamp,
}

impl Dedup {
    /// The rule's name in stores and on command lines: `task` or `time`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WithTask => "task",
            Self::JobTypeTimestamp => "time",
        }
    }
}

impl fmt::Display for Dedup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is not the name of a [`Dedup`] rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("unknown dedup rule `{0}`; use `task` or `time`")]
pub struct ParseDedupError(String);

impl FromStr for Dedup {
    type Err = ParseDedupError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "task" => Ok(Self::WithTask),
            "time" => Ok(Self::JobTypeTimestamp),
            other => Err(ParseDedupError(other.to_owned())),
        }
    }
}

/// The three types of events that figures are computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A job started.
    JobStart,
    /// A task of a job ended.
    TaskEnd,
    /// A job ended.
    JobEnd,
}

impl EventType {
    /// All types, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::JobStart, Self::TaskEnd, Self::JobEnd];

    /// Spark's name of the type, as in the wire format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JobStart => "SparkListenerJobStart",
            Self::TaskEnd => "SparkListenerTaskEnd",
            Self::JobEnd => "SparkListenerJobEnd",
        }
    }

    /// A number for stores: 0, 1, 2.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type of a code, `None` for an unknown one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The identity of an event within its job.
///
/// The order, by time first, is the one in which a store lists a job's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId<'a> {
    /// The event's timestamp.
    pub timestamp: Timestamp,
    /// The event's type.
    pub event_type: EventType,
    /// The task's id if the store's rule includes it, otherwise `""`.
    pub task: &'a str,
}

/// The key of a daily roll-up: of one user, or of all users together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// The UTC day on which the jobs ended.
    pub day: Day,
    /// The user of the jobs; `None` for all users together.
    pub user: Option<String>,
}
