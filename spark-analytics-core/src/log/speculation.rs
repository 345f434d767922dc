//! Speculative tasks: copies that Spark starts of slow tasks.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// The speculative tasks of a stage attempt; names and rules are those of the History Server's
/// `speculationSummary`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(default)]
#[non_exhaustive]
pub struct Speculation {
    /// Tasks started.
    pub num_tasks: i64,
    /// Tasks running.
    pub active_tasks: i64,
    /// Tasks that succeeded.
    pub completed_tasks: i64,
    /// Tasks that failed.
    pub failed_tasks: i64,
    /// Tasks that were killed.
    pub killed_tasks: i64,
}

impl Speculation {
    /// Whether there was no speculative task.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign<&Self> for Speculation {
    fn add_assign(&mut self, other: &Self) {
        self.num_tasks = self.num_tasks.wrapping_add(other.num_tasks);
        self.active_tasks = self.active_tasks.wrapping_add(other.active_tasks);
        self.completed_tasks = self.completed_tasks.wrapping_add(other.completed_tasks);
        self.failed_tasks = self.failed_tasks.wrapping_add(other.failed_tasks);
        self.killed_tasks = self.killed_tasks.wrapping_add(other.killed_tasks);
    }
}
