//! Totals of the task starts and ends between two other events.
//!
//! They depend only on the task lines themselves and not on their order, so any thread can compute them without
//! the state of the application. [`Fold`](crate::fold::Fold) adds them to that state.

use std::borrow::Cow;

use spark_analytics_core::log::Speculation;
use spark_analytics_core::{TaskOutcome, TaskTotals};

use crate::wire::event::{TaskEndReason, TaskInfo};
use crate::wire::lenient::StageKey;
use crate::wire::metrics::{Peaks, Sums, TaskMetrics};

/// Tasks that started and ended.
#[derive(Debug, Default)]
pub(crate) struct Tally<'a> {
    pub(crate) events: u64,
    /// The latest launch or finish, in ms since the epoch.
    pub(crate) latest: i64,
    /// The id of each task that started (`true`) or ended, in order.
    pub(crate) running: Vec<(i64, bool)>,
    pub(crate) stages: Vec<StageTally>,
    pub(crate) executors: Vec<ExecutorTally<'a>>,
    /// The indices of the stage and the executor of the last task.
    last_stage: usize,
    last_executor: usize,
}

/// Tasks of one stage attempt.
#[derive(Debug)]
pub(crate) struct StageTally {
    pub(crate) key: StageKey,
    pub(crate) events: u64,
    /// Number started minus number ended.
    pub(crate) active: i64,
    /// The earliest launch of one that started, in ms.
    pub(crate) launched: Option<i64>,
    /// Outcome and duration in ms of each that ended; [`Tally::close`] moves them into `tasks`.
    ended: Vec<(TaskOutcome, i64)>,
    /// Totals of those that ended.
    pub(crate) tasks: TaskTotals,
    /// The duration in ms of the longest that ended, once the tally is closed.
    pub(crate) longest: Option<i64>,
    /// Changes of the numbers of speculative ones.
    pub(crate) speculation: Speculation,
    /// Metrics of those that ended.
    pub(crate) sums: Sums,
    /// Partitions that succeeded, in ascending order once the tally is closed.
    pub(crate) succeeded: Vec<i64>,
    /// The reasons for which tasks were killed, in order.
    pub(crate) kills: Vec<String>,
    /// Peaks reported by those that ended.
    pub(crate) peaks: Peaks,
}

/// Tasks on one executor.
#[derive(Debug)]
pub(crate) struct ExecutorTally<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) events: u64,
    pub(crate) active: i64,
    pub(crate) started: i64,
    pub(crate) completed: i64,
    pub(crate) failed: i64,
    pub(crate) duration: i64,
    pub(crate) gc_time: i64,
    pub(crate) input_bytes: i64,
    pub(crate) shuffle_read: i64,
    pub(crate) shuffle_write: i64,
    pub(crate) peaks: Peaks,
}

impl<'a> Tally<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.events == 0
    }

    pub(crate) fn start(&mut self, stage: StageKey, task: &TaskInfo<'a>) {
        self.events += 1;
        self.latest = self.latest.max(task.launch_time);
        self.running.push((task.id, true));
        let stage = self.stage(stage);
        stage.events += 1;
        stage.active += 1;
        let launched = stage.launched.map_or(task.launch_time, |first| first.min(task.launch_time));
        stage.launched = Some(launched);
        if task.speculative {
            stage.speculation.num_tasks += 1;
            stage.speculation.active_tasks += 1;
        }
        let executor = self.executor(&task.executor_id.0);
        executor.events += 1;
        executor.active += 1;
        executor.started += 1;
    }

    /// Adds the end of a task whose id the log does not record.
    pub(crate) const fn end_of_unknown(&mut self) {
        self.events += 1;
    }

    pub(crate) fn end(
        &mut self,
        stage: StageKey,
        task: &TaskInfo<'a>,
        reason: &TaskEndReason<'_>,
        metrics: Option<&TaskMetrics>,
        peaks: Option<&Peaks>,
    ) {
        self.events += 1;
        self.latest = self.latest.max(task.finish_time);
        self.running.push((task.id, false));
        let outcome = reason.outcome();
        let is_resubmitted = reason.is_resubmitted();
        let ended = i64::from(!is_resubmitted);
        let duration = task.duration_ms();

        let stage = self.stage(stage);
        stage.events += 1;
        stage.active -= ended;
        stage.ended.push((outcome, duration));
        if let Some(metrics) = metrics {
            metrics.add_to(&mut stage.tasks);
            stage.sums.add(metrics);
        }
        match outcome {
            TaskOutcome::Succeeded => stage.succeeded.push(task.index),
            TaskOutcome::Killed => stage.kills.push(reason.kill_summary()),
            TaskOutcome::Failed => {}
        }
        if task.speculative {
            stage.speculation.active_tasks -= ended;
            match outcome {
                TaskOutcome::Succeeded => stage.speculation.completed_tasks += 1,
                TaskOutcome::Failed => stage.speculation.failed_tasks += 1,
                TaskOutcome::Killed => stage.speculation.killed_tasks += 1,
            }
        }
        let peaks = peaks.unwrap_or(&Peaks::NONE);
        stage.peaks.raise(peaks);

        let executor = self.executor(&task.executor_id.0);
        executor.events += 1;
        executor.active -= ended;
        match outcome {
            TaskOutcome::Succeeded => executor.completed += 1,
            TaskOutcome::Failed => executor.failed += 1,
            TaskOutcome::Killed => {}
        }
        let add = |sum: &mut i64, value: i64| *sum = sum.wrapping_add(value);
        if !is_resubmitted {
            add(&mut executor.duration, task.signed_duration_ms());
        }
        if let Some(metrics) = metrics.filter(|_| !is_resubmitted) {
            add(&mut executor.gc_time, metrics.gc_time);
            add(&mut executor.input_bytes, metrics.input_bytes());
            add(&mut executor.shuffle_read, metrics.shuffle_read_bytes());
            add(&mut executor.shuffle_write, metrics.shuffle_write_bytes());
        }
        executor.peaks.raise(peaks);
    }

    /// Finishes the work that is cheaper for many tasks together.
    pub(crate) fn close(&mut self) {
        for stage in &mut self.stages {
            stage.longest = stage.ended.iter().map(|(_, duration)| *duration).max();
            stage.tasks.record_all(std::mem::take(&mut stage.ended));
            stage.succeeded.sort_unstable();
        }
    }

    fn stage(&mut self, key: StageKey) -> &mut StageTally {
        if self.stages.get(self.last_stage).is_none_or(|stage| stage.key != key) {
            let known = self.stages.iter().position(|stage| stage.key == key);
            self.last_stage = known.unwrap_or_else(|| {
                self.stages.push(StageTally::new(key));
                self.stages.len() - 1
            });
        }
        &mut self.stages[self.last_stage]
    }

    fn executor(&mut self, id: &Cow<'a, str>) -> &mut ExecutorTally<'a> {
        if self.executors.get(self.last_executor).is_none_or(|executor| executor.id != *id) {
            let known = self.executors.iter().position(|executor| executor.id == *id);
            self.last_executor = known.unwrap_or_else(|| {
                self.executors.push(ExecutorTally::new(id.clone()));
                self.executors.len() - 1
            });
        }
        &mut self.executors[self.last_executor]
    }
}

impl StageTally {
    /// Whether tasks ended.
    pub(crate) const fn has_ends(&self) -> bool {
        !self.tasks.durations.is_empty()
    }

    fn new(key: StageKey) -> Self {
        Self {
            key,
            events: 0,
            active: 0,
            launched: None,
            ended: Vec::new(),
            tasks: TaskTotals::default(),
            longest: None,
            speculation: Speculation::default(),
            sums: Sums::default(),
            succeeded: Vec::new(),
            kills: Vec::new(),
            peaks: Peaks::UNREPORTED,
        }
    }
}

impl<'a> ExecutorTally<'a> {
    const fn new(id: Cow<'a, str>) -> Self {
        Self {
            id,
            events: 0,
            active: 0,
            started: 0,
            completed: 0,
            failed: 0,
            duration: 0,
            gc_time: 0,
            input_bytes: 0,
            shuffle_read: 0,
            shuffle_write: 0,
            peaks: Peaks::UNREPORTED,
        }
    }
}
