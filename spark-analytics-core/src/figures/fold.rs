//! What a job's single events add up to, in whatever order they come.

use serde::{Deserialize, Serialize};

use crate::event::{Content, Detail, Event};
use crate::figures::tasks::TaskTotals;
use crate::time::Timestamp;

/// The state of a job made of single events: the earliest start and the latest end, which are
/// joins, and the task totals, which are a group.
///
/// Adding events in any order, and merging folds of disjoint sets of events, gives the same fold.
/// Which events are distinct is for [`plan`](crate::plan()) to say: a fold counts each it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobFold {
    /// The earliest start; of two at one instant the one with the greater content.
    pub start: Option<Start>,
    /// The latest end; of two at one instant the one with the greater content.
    pub end: Option<End>,
    /// The tasks.
    pub tasks: TaskTotals,
}

/// A job's start as an event tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Start {
    /// When.
    pub timestamp: Timestamp,
    /// Whose job it is.
    pub user: String,
}

/// A job's end as an event tells it. Its order is by time, then by the event's content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub timestamp: Timestamp,
    /// The user whom the event names.
    pub user: String,
    /// The completion time that the event names.
    pub completion_time: Timestamp,
    /// The result as Spark names it.
    pub job_result: String,
}

impl JobFold {
    /// Adds an event of the job.
    pub fn add(&mut self, event: &Event) {
        let Content { user, detail } = event.content();
        let timestamp = event.timestamp();
        match detail {
            Detail::JobStart => self.join_start(&Start { timestamp, user: user.clone() }),
            Detail::JobEnd { completion_time, job_result } => self.join_end(&End {
                timestamp,
                user: user.clone(),
                completion_time: *completion_time,
                job_result: job_result.clone(),
            }),
            Detail::TaskEnd { .. } => {
                if let Some((outcome, duration_ms)) = detail.task() {
                    self.tasks.record(outcome, duration_ms);
                }
            }
        }
    }

    /// Puts `new` in the place of `old`, an event of the same identity whose content is less.
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

    fn join_start(&mut self, start: &Start) {
        let wins = self.start.as_ref().is_none_or(|held| {
            (start.timestamp, std::cmp::Reverse(&start.user))
                < (held.timestamp, std::cmp::Reverse(&held.user))
        });
        if wins {
            self.start = Some(start.clone());
        }
    }

    fn join_end(&mut self, end: &End) {
        if self.end.as_ref().is_none_or(|held| end > held) {
            self.end = Some(end.clone());
        }
    }
}
