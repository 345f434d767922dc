//! Totals over the tasks of a job, a stage, an application or a day.

use serde::{Deserialize, Serialize};

use crate::figures::histogram::Histogram;

/// Counts, sums and the distribution of durations over distinct tasks.
///
/// It is a commutative group: `+=` and `-=` are exact and undo each other, so that a corrected
/// task can be subtracted again. Sums are wide enough for all real tasks; absurd numbers beyond
/// that wrap around, which keeps the group exact.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskTotals {
    /// Tasks that succeeded.
    pub succeeded: i64,
    /// Tasks that failed.
    pub failed: i64,
    /// Tasks that were killed, or denied their commit; known from event logs only.
    pub killed: i64,
    /// Sum of task durations from launch to finish, in ms.
    pub duration_ms: i128,
    /// The part of `duration_ms` spent in failed and killed tasks, in ms.
    pub lost_ms: i128,
    /// Sum of executor run time, in ms; known from event logs only, as are all sums below.
    pub run_time_ms: i128,
    /// Sum of executor CPU time, in ns.
    pub cpu_time_ns: i128,
    /// Sum of JVM garbage collection time, in ms.
    pub gc_time_ms: i128,
    /// Bytes read from storage.
    pub input_bytes: i128,
    /// Bytes written to storage.
    pub output_bytes: i128,
    /// Bytes read from shuffles, local and remote.
    pub shuffle_read_bytes: i128,
    /// Bytes written to shuffles.
    pub shuffle_write_bytes: i128,
    /// Bytes spilled from memory, deserialized size.
    pub memory_spilled_bytes: i128,
    /// Bytes spilled to disk, serialized size.
    pub disk_spilled_bytes: i128,
    /// Distribution of task durations, in ms.
    pub durations: Histogram,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskOutcome {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was killed, or denied its commit.
    Killed,
}

impl TaskTotals {
    /// Counts one task with its outcome and duration in ms.
    pub fn record(&mut self, outcome: TaskOutcome, duration_ms: i64) {
        self.change(outcome, duration_ms, 1);
        self.durations.record(duration_ms);
    }

    /// Counts many tasks, each with its outcome and duration in ms, faster than one by one.
    pub fn record_all(&mut self, tasks: impl IntoIterator<Item = (TaskOutcome, i64)>) {
        let tasks = tasks.into_iter().inspect(|(outcome, ms)| self.change(*outcome, *ms, 1));
        let durations: Histogram = tasks.map(|(_, duration_ms)| duration_ms).collect();
        self.durations += &durations;
    }

    /// Undoes [`record`](Self::record) with the same arguments.
    pub fn unrecord(&mut self, outcome: TaskOutcome, duration_ms: i64) {
        self.change(outcome, duration_ms, -1);
        self.durations.unrecord(duration_ms);
    }

    /// Tasks that succeeded or failed; killed tasks do not count.
    pub const fn task_count(&self) -> i64 {
        self.succeeded.wrapping_add(self.failed)
    }

    /// Share of tasks that succeeded in parts per billion, rounded to the nearest; 0 without tasks.
    pub const fn success_rate_ppb(&self) -> i64 {
        let tasks = self.succeeded as i128 + self.failed as i128;
        if tasks == 0 {
            return 0;
        }
        ((self.succeeded as i128 * 2_000_000_000 + tasks) / (2 * tasks)) as i64
    }

    /// How much longer the slow tasks take: the 99th percentile of task durations over the median.
    /// `None` if [`task_count`](Self::task_count) or the median is 0.
    pub fn skew(&self) -> Option<f64> {
        if self.task_count() == 0 {
            return None;
        }
        let median = self.durations.quantile(50, 100).filter(|median| *median > 0)?;
        Some(self.durations.quantile(99, 100)? as f64 / median as f64)
    }

    /// The percentage of run time spent in garbage collection; `None` without run time, which is
    /// known from event logs only.
    pub fn gc_share(&self) -> Option<f64> {
        (self.run_time_ms > 0).then(|| 100.0 * self.gc_time_ms as f64 / self.run_time_ms as f64)
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn change(&mut self, outcome: TaskOutcome, duration_ms: i64, by: i64) {
        let duration = i128::from(duration_ms) * i128::from(by);
        match outcome {
            TaskOutcome::Succeeded => self.succeeded = self.succeeded.wrapping_add(by),
            TaskOutcome::Failed => self.failed = self.failed.wrapping_add(by),
            TaskOutcome::Killed => self.killed = self.killed.wrapping_add(by),
        }
        self.duration_ms = self.duration_ms.wrapping_add(duration);
        if outcome != TaskOutcome::Succeeded {
            self.lost_ms = self.lost_ms.wrapping_add(duration);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::json::TaskFigures;

    #[test]
    fn killed_tasks_alone_have_no_quantiles() {
        let mut tasks = TaskTotals::default();
        tasks.record(TaskOutcome::Killed, 100);
        let figures = TaskFigures::of(&tasks, Some(100));
        assert_eq!((figures.task_count, figures.killed_tasks), (0, 1));
        assert_eq!((figures.task_duration_ms, figures.skew, tasks.skew()), (None, None, None));
        tasks.record(TaskOutcome::Failed, 100);
        assert!(TaskFigures::of(&tasks, Some(100)).task_duration_ms.is_some());
    }
}

group! {
    TaskTotals: wrapping [
        succeeded, failed, killed, duration_ms, lost_ms, run_time_ms, cpu_time_ns, gc_time_ms, input_bytes, output_bytes,
        shuffle_read_bytes, shuffle_write_bytes, memory_spilled_bytes, disk_spilled_bytes,
    ], groups [durations]
}
