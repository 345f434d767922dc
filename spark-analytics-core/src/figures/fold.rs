//! The state of a job from single events, independent of their order.

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventContent, EventDetail};
use crate::figures::tasks::TaskTotals;
use crate::time::Timestamp;

/// The state of a job from its single events: the earliest start and the latest end, which are
/// joins, and the task totals, which are a group.
///
/// Adding events in any order, and merging folds of disjoint sets of events, gives the same fold.
/// [`plan`](crate::backend::plan()) decides which events are distinct; a fold counts every event added.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobFold {
    /// The earliest start; if two are at the same instant, the one with the greater content.
    pub start: Option<JobStart>,
    /// The latest end; if two are at the same instant, the one with the greater content.
    pub end: Option<JobEnd>,
    /// The tasks.
    pub tasks: TaskTotals,
}

/// A job's start, as reported by an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobStart {
    /// When it happened.
    pub timestamp: Timestamp,
    /// The user of the job.
    pub user: String,
}

/// A job's end, as reported by an event. Its order is by time, then by the event's content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobEnd {
    /// When it happened.
    pub timestamp: Timestamp,
    /// The user in the event.
    pub user: String,
    /// The completion time in the event.
    pub completion_time: Timestamp,
    /// The result as Spark names it.
    pub job_result: String,
}

impl JobFold {
    /// Adds an event of the job.
    pub fn add(&mut self, event: &Event) {
        let EventContent { user, detail } = event.content();
        let timestamp = event.timestamp();
        match detail {
            EventDetail::JobStart => self.join_start(&JobStart { timestamp, user: user.clone() }),
            EventDetail::JobEnd { completion_time, job_result } => self.join_end(&JobEnd {
                timestamp,
                user: user.clone(),
                completion_time: *completion_time,
                job_result: job_result.clone(),
            }),
            EventDetail::TaskEnd { .. } => {
                if let Some((outcome, duration_ms)) = detail.task() {
                    self.tasks.record(outcome, duration_ms);
                }
            }
        }
    }

    /// Replaces `old` with `new`, an event of the same identity with greater content.
    pub fn replace(&mut self, old: &Event, new: &Event) {
        if let Some((outcome, duration_ms)) = old.content().detail.task() {
            self.tasks.unrecord(outcome, duration_ms);
        }
        self.add(new);
    }

    /// Adds a fold of other events of the same job.
    pub fn merge(&mut self, other: &Self) {
        if let Some(start) = &other.start {
            self.join_start(start);
        }
        if let Some(end) = &other.end {
            self.join_end(end);
        }
        self.tasks += &other.tasks;
    }

    /// Whether no event was added.
    pub fn is_empty(&self) -> bool {
        self.start.is_none() && self.end.is_none() && self.tasks.is_empty()
    }

    fn join_start(&mut self, start: &JobStart) {
        let wins = self.start.as_ref().is_none_or(|held| {
            (start.timestamp, std::cmp::Reverse(&start.user))
                < (held.timestamp, std::cmp::Reverse(&held.user))
        });
        if wins {
            self.start = Some(start.clone());
        }
    }

    fn join_end(&mut self, end: &JobEnd) {
        if self.end.as_ref().is_none_or(|held| end > held) {
            self.end = Some(end.clone());
        }
    }
}
