//! How sums of 128 bits and histograms are kept in columns.

use spark_analytics_core::{Histogram, TaskTotals};

use crate::rows::Rows;

/// The columns of [`TaskTotals`], in the order of [`task_columns`] and `Columns::tasks`.
macro_rules! task_columns {
    () => {
        "tasks_succeeded, tasks_failed, tasks_killed, task_duration_ms, task_lost_ms, run_time_ms, \
         cpu_time_ns, gc_time_ms, input_bytes, output_bytes, shuffle_read_bytes, \
         shuffle_write_bytes, memory_spilled_bytes, disk_spilled_bytes, task_durations"
    };
}
pub(crate) use task_columns;

/// The columns of [`task_columns`] that single events change, in the order of [`Rows::event_tasks`]
/// and `Columns::event_tasks`.
macro_rules! event_task_columns {
    () => {
        "tasks_succeeded, tasks_failed, task_duration_ms, task_lost_ms, task_durations"
    };
}
pub(crate) use event_task_columns;

/// The sums of a job's or a roll-up's tasks, in the order of their columns.
pub(crate) const fn of_tasks(tasks: &TaskTotals) -> [i128; 11] {
    [
        tasks.duration_ms,
        tasks.lost_ms,
        tasks.run_time_ms,
        tasks.cpu_time_ns,
        tasks.gc_time_ms,
        tasks.input_bytes,
        tasks.output_bytes,
        tasks.shuffle_read_bytes,
        tasks.shuffle_write_bytes,
        tasks.memory_spilled_bytes,
        tasks.disk_spilled_bytes,
    ]
}

/// See [`of_tasks`].
pub(crate) const fn of_tasks_mut(tasks: &mut TaskTotals) -> [&mut i128; 11] {
    [
        &mut tasks.duration_ms,
        &mut tasks.lost_ms,
        &mut tasks.run_time_ms,
        &mut tasks.cpu_time_ns,
        &mut tasks.gc_time_ms,
        &mut tasks.input_bytes,
        &mut tasks.output_bytes,
        &mut tasks.shuffle_read_bytes,
        &mut tasks.shuffle_write_bytes,
        &mut tasks.memory_spilled_bytes,
        &mut tasks.disk_spilled_bytes,
    ]
}

/// A sum as its own column holds it.
pub(crate) fn narrow(sum: i128) -> i64 {
    sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// All sums of a row, if one of them does not fit its own column.
pub(crate) fn wide(sums: &[i128]) -> Option<String> {
    let fits = |sum: &i128| i64::try_from(*sum).is_ok();
    if sums.iter().all(fits) {
        return None;
    }
    let sums: Vec<String> = sums.iter().map(i128::to_string).collect();
    Some(sums.join(" "))
}

pub(crate) fn histogram(histogram: &Histogram) -> postcard::Result<Vec<u8>> {
    postcard::to_stdvec(histogram)
}

impl Rows {
    /// Adds the columns of [`event_task_columns`].
    pub(crate) fn event_tasks<'t>(
        self,
        tasks: impl Iterator<Item = &'t TaskTotals> + Clone,
    ) -> Self {
        self.column(tasks.clone().map(|tasks| tasks.succeeded))
            .column(tasks.clone().map(|tasks| tasks.failed))
            .column(tasks.clone().map(|tasks| narrow(tasks.duration_ms)))
            .column(tasks.clone().map(|tasks| narrow(tasks.lost_ms)))
            .fallible(tasks.map(|tasks| histogram(&tasks.durations)))
    }

    /// Adds the columns of [`task_columns`].
    pub(crate) fn tasks<'t>(self, tasks: impl Iterator<Item = &'t TaskTotals> + Clone) -> Self {
        let counts = self
            .column(tasks.clone().map(|tasks| tasks.succeeded))
            .column(tasks.clone().map(|tasks| tasks.failed))
            .column(tasks.clone().map(|tasks| tasks.killed));
        let sums: Vec<[i128; 11]> = tasks.clone().map(of_tasks).collect();
        let all =
            (0..11).fold(counts, |rows, at| rows.column(sums.iter().map(|sums| narrow(sums[at]))));
        all.fallible(tasks.map(|tasks| histogram(&tasks.durations)))
    }
}
