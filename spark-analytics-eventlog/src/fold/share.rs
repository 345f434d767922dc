//! The tasks that the jobs of a stage attempt have in common.

use spark_analytics_core::TaskTotals;

use crate::fold::job::{Jobs, Run};
use crate::fold::tally::StageTally;
use crate::fold::task::note_kill;

/// Tasks of a stage attempt that its jobs have in common. They are added to each job only when that can be seen, so that
/// tasks of a stage of many jobs cost no more than those of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    pub(crate) events: u64,
    pub(crate) active: i64,
    pub(crate) tasks: TaskTotals,
    pub(crate) longest: Option<i64>,
    /// Partitions that succeeded, in any order.
    pub(crate) succeeded: Vec<i64>,
}

impl Share {
    /// Adds tasks that were killed for no reason.
    pub(crate) fn add(&mut self, tasks: &StageTally) {
        self.events += tasks.events;
        self.active += tasks.active;
        self.tasks += &tasks.tasks;
        self.longest = self.longest.max(tasks.longest);
        self.succeeded.extend_from_slice(&tasks.succeeded);
    }
}

/// What a job counts of tasks.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    events: u64,
    active: i64,
    tasks: &'a TaskTotals,
    longest: Option<i64>,
    /// In ascending order.
    succeeded: &'a [i64],
}

impl<'a> From<&'a Share> for Part<'a> {
    fn from(share: &'a Share) -> Self {
        let Share { events, active, tasks, longest, succeeded } = share;
        Self { events: *events, active: *active, tasks, longest: *longest, succeeded }
    }
}

impl<'a> From<&'a StageTally> for Part<'a> {
    fn from(tally: &'a StageTally) -> Self {
        let StageTally { events, active, tasks, longest, succeeded, .. } = tally;
        Self { events: *events, active: *active, tasks, longest: *longest, succeeded }
    }
}

impl Jobs {
    /// Adds tasks of a stage to each of some runs.
    pub(crate) fn add_tasks(&mut self, runs: &[Run], stage_id: i64, part: Part<'_>) {
        for run in runs {
            let Some(job) = self.get(*run) else { continue };
            job.fact.events += part.events;
            job.fact.active_tasks += part.active;
            job.fact.tasks += part.tasks;
            job.fact.longest_task_ms = job.fact.longest_task_ms.max(part.longest);
            let words = job.indices.words();
            job.fact.completed_indices += job.indices.insert_all(stage_id, part.succeeded);
            let grown = job.indices.words() - words;
            self.words += grown;
        }
    }

    /// Counts killed tasks under their reasons.
    pub(crate) fn add_kills(&mut self, runs: &[Run], reasons: &[String]) {
        for run in runs {
            let Some(job) = self.get(*run) else { continue };
            let summary = &mut job.fact.killed_tasks_summary;
            let bytes: usize = reasons.iter().map(|reason| note_kill(summary, reason)).sum();
            self.reason_bytes += bytes;
        }
    }
}
