//! Figures with the names, nesting and rounding of the HTTP API, and the columns of tables.

use serde::Serialize;
use spark_analytics_core::figures::TotalFigures;
use spark_analytics_core::{Day, Rollup};

use crate::output::Columns;

/// The jobs that ended on a day.
#[derive(Debug, Serialize)]
pub(crate) struct DayView {
    date: String,
    #[serde(flatten)]
    totals: TotalFigures,
}

/// The columns of a job's figures.
pub(crate) const JOB_COLUMNS: Columns = Columns {
    all: &[
        "job_id",
        "user",
        "start_time",
        "end_time",
        "duration_seconds",
        "task_count",
        "failed_tasks",
        "success_rate",
        "job_result",
        "app_id",
        "attempt_id",
        "killed_tasks",
        "source",
        "task_time_seconds",
        "parallelism",
        "skew",
        "task_duration_ms.p50",
        "task_duration_ms.p95",
        "task_duration_ms.p99",
        "task_duration_ms.max",
        "lost_time_seconds",
        "run_time_seconds",
        "cpu_time_seconds",
        "gc_time_seconds",
        "gc_share",
        "input_bytes",
        "output_bytes",
        "shuffle_read_bytes",
        "shuffle_write_bytes",
        "memory_spilled_bytes",
        "disk_spilled_bytes",
        "num_tasks",
        "app_name",
        "name",
        "description",
        "job_group",
        "sql_execution_id",
        "failure_message",
        "cancelled",
    ],
    table: &[
        "app_id",
        "attempt_id",
        "app_name",
        "job_id",
        "description|name",
        "user",
        "end_time",
        "duration_seconds",
        "task_count",
        "failed_tasks",
        "success_rate",
        "job_result",
        "failure_message",
    ],
};

/// The columns of failed jobs.
pub(crate) const FAILURE_COLUMNS: Columns = Columns {
    all: JOB_COLUMNS.all,
    table: &[
        "end_time",
        "app_id",
        "attempt_id",
        "app_name",
        "job_id",
        "description|name",
        "user",
        "duration_seconds",
        "cancelled",
        "failure_message",
    ],
};

impl DayView {
    pub(crate) const COLUMNS: Columns = Columns {
        all: &[
            "date",
            "total_jobs",
            "avg_duration_seconds",
            "avg_success_rate",
            "failed_jobs",
            "unknown_jobs",
            "job_duration_seconds.p50",
            "job_duration_seconds.p95",
            "job_duration_seconds.p99",
            "job_duration_seconds.max",
            "tasks.task_count",
            "tasks.failed_tasks",
            "tasks.killed_tasks",
            "tasks.task_time_seconds",
            "tasks.lost_time_seconds",
            "tasks.run_time_seconds",
            "tasks.cpu_time_seconds",
            "tasks.gc_time_seconds",
            "tasks.input_bytes",
            "tasks.output_bytes",
            "tasks.shuffle_read_bytes",
            "tasks.shuffle_write_bytes",
            "tasks.memory_spilled_bytes",
            "tasks.disk_spilled_bytes",
            "tasks.task_duration_ms.p50",
            "tasks.task_duration_ms.p95",
            "tasks.task_duration_ms.p99",
            "tasks.task_duration_ms.max",
            "tasks.skew",
            "tasks.gc_share",
            "jobs_with_tasks",
            "impossible_durations",
        ],
        table: &[
            "date",
            "total_jobs",
            "failed_jobs",
            "avg_duration_seconds",
            "avg_success_rate",
            "tasks.task_count",
            "tasks.failed_tasks",
            "tasks.killed_tasks",
        ],
    };

    /// The columns for roll-ups: in a table, impossible durations have one if there are some.
    pub(crate) const fn columns(total: &Rollup) -> Columns {
        const WITH_IMPOSSIBLE: &[&str] = &[
            "date",
            "total_jobs",
            "failed_jobs",
            "avg_duration_seconds",
            "impossible_durations",
            "avg_success_rate",
            "tasks.task_count",
            "tasks.failed_tasks",
            "tasks.killed_tasks",
        ];
        match total.impossible_durations {
            0 => Self::COLUMNS,
            _ => Columns { all: Self::COLUMNS.all, table: WITH_IMPOSSIBLE },
        }
    }

    pub(crate) fn new(day: Day, rollup: &Rollup) -> Self {
        Self { date: day.to_string(), totals: rollup.into() }
    }

    /// The last line of a table of days.
    pub(crate) fn total(rollup: &Rollup) -> Self {
        Self { date: "total".to_owned(), totals: rollup.into() }
    }
}
