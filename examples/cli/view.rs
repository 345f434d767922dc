//! Figures as they are written out: names as in the HTTP API, seconds and percent with two decimals.

use serde::Serialize;
use spark_analytics_core::{Day, Job, Rollup};

use crate::output::Columns;

/// A job.
#[derive(Debug, Serialize)]
pub(crate) struct JobView {
    job_id: i64,
    user: String,
    start_time: String,
    end_time: String,
    duration_seconds: f64,
    task_count: i64,
    failed_tasks: i64,
    success_rate: f64,
    job_result: String,
    app_id: String,
    attempt_id: String,
    killed_tasks: i64,
}

impl JobView {
    pub(crate) const COLUMNS: Columns = Columns {
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
        ],
        table: &[
            "app_id",
            "attempt_id",
            "job_id",
            "user",
            "end_time",
            "duration_seconds",
            "task_count",
            "failed_tasks",
            "success_rate",
            "job_result",
        ],
    };
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        Self {
            job_id: job.key.job_id,
            user: job.user.clone(),
            start_time: job.start.to_string(),
            end_time: job.end.to_string(),
            duration_seconds: two_decimals(job.duration_seconds()),
            task_count: job.tasks.task_count(),
            failed_tasks: job.tasks.failed,
            success_rate: two_decimals(job.success_rate()),
            job_result: job.result.name().to_owned(),
            app_id: job.key.app_id.clone(),
            attempt_id: job.key.attempt_id.clone(),
            killed_tasks: job.tasks.killed,
        }
    }
}

/// The jobs of a day, or of several.
#[derive(Debug, Serialize)]
pub(crate) struct TotalsView {
    total_jobs: i64,
    failed_jobs: i64,
    avg_duration_seconds: f64,
    avg_success_rate: f64,
    task_count: i64,
    failed_tasks: i64,
    killed_tasks: i64,
}

impl From<&Rollup> for TotalsView {
    fn from(rollup: &Rollup) -> Self {
        Self {
            total_jobs: rollup.jobs(),
            failed_jobs: rollup.jobs_failed,
            avg_duration_seconds: two_decimals(rollup.avg_duration_seconds()),
            avg_success_rate: two_decimals(rollup.avg_success_rate()),
            task_count: rollup.tasks.task_count(),
            failed_tasks: rollup.tasks.failed,
            killed_tasks: rollup.tasks.killed,
        }
    }
}

/// The jobs that ended on a day.
#[derive(Debug, Serialize)]
pub(crate) struct DayView {
    date: String,
    #[serde(flatten)]
    totals: TotalsView,
}

impl DayView {
    pub(crate) const COLUMNS: Columns = {
        const ALL: &[&str] = &[
            "date",
            "total_jobs",
            "failed_jobs",
            "avg_duration_seconds",
            "avg_success_rate",
            "task_count",
            "failed_tasks",
            "killed_tasks",
        ];
        Columns { all: ALL, table: ALL }
    };

    pub(crate) fn new(day: Day, rollup: &Rollup) -> Self {
        Self { date: day.to_string(), totals: rollup.into() }
    }

    /// The last line of a table of days.
    pub(crate) fn total(rollup: &Rollup) -> Self {
        Self { date: "total".to_owned(), totals: rollup.into() }
    }
}

/// Rounded to two decimals, which figures have where they leave the program.
pub(crate) fn two_decimals(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
