//! Figures as the API writes them: names, nesting, two decimals. For programs that write the same.

mod of_logs;

use std::fmt::Display;

use serde::{Serialize, Serializer};
use spark_analytics_core::{Histogram, Job, Rollup, Source, TaskTotals, Timestamp};
use utoipa::ToSchema;

pub use of_logs::{ApplicationFigures, StageFigures};

use crate::round::two_decimals;

/// The figures of a job.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct JobFigures {
    #[schema(example = 101)]
    job_id: i64,
    /// The user of the job's start.
    #[schema(example = "data_engineer_1@example.com")]
    user: String,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2024-03-30T10:12:45Z")]
    start_time: Timestamp,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2024-03-30T10:14:03Z")]
    end_time: Timestamp,
    /// From start to end, negative when the clock went back.
    #[schema(example = 78.0)]
    duration_seconds: f64,
    /// Tasks that succeeded or failed.
    #[schema(example = 12)]
    task_count: i64,
    failed_tasks: i64,
    /// Percentage of `task_count` that succeeded, 0 without tasks.
    #[schema(example = 91.67)]
    success_rate: f64,
    /// `JobSucceeded`, `JobFailed`, or the text that came instead.
    #[schema(example = "JobSucceeded")]
    job_result: String,
    /// The application, empty for events that name none.
    app_id: String,
    /// The application's attempt, often empty.
    attempt_id: String,
    /// Killed tasks, which do not count in `task_count`.
    killed_tasks: i64,
    /// `events` or `log`: whether single events or an event log told of the job.
    #[schema(value_type = String, example = "events")]
    source: Source,
    /// Sum of task durations.
    task_time_seconds: f64,
    /// Task time over duration: how many tasks ran at once on average. Null if the job took no time.
    parallelism: Option<f64>,
    /// The 99th percentile of task durations over the median. Null without tasks or if the median is 0.
    skew: Option<f64>,
    /// Distribution of task durations within 1 %, null without tasks.
    task_duration_ms: Option<Quantiles<i64>>,
    /// The part of task time that failed and killed tasks took.
    lost_time_seconds: f64,
    /// Time that executors ran tasks; 0, as all below, for a job that only single events tell of.
    run_time_seconds: f64,
    cpu_time_seconds: f64,
    gc_time_seconds: f64,
    /// Percentage of run time that went to garbage collection. Null without run time.
    gc_share: Option<f64>,
    #[schema(value_type = u64)]
    input_bytes: i128,
    #[schema(value_type = u64)]
    output_bytes: i128,
    #[schema(value_type = u64)]
    shuffle_read_bytes: i128,
    #[schema(value_type = u64)]
    shuffle_write_bytes: i128,
    #[schema(value_type = u64)]
    memory_spilled_bytes: i128,
    #[schema(value_type = u64)]
    disk_spilled_bytes: i128,
}

/// A job in the list of a summary.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobLine {
    #[schema(example = 101)]
    job_id: i64,
    #[schema(example = "data_engineer_1@example.com")]
    user: String,
    #[schema(example = 78.0)]
    duration_seconds: f64,
    #[schema(example = 12)]
    task_count: i64,
    #[schema(example = 91.67)]
    success_rate: f64,
    #[schema(example = "JobSucceeded")]
    job_result: String,
    app_id: String,
    attempt_id: String,
}

/// Quantiles by nearest rank.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Quantiles<T> {
    p50: T,
    p95: T,
    p99: T,
    max: T,
}

/// What the tasks of the jobs add up to. All but counts and task time is told by event logs only.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TaskFigures {
    /// Tasks that succeeded or failed.
    task_count: i64,
    failed_tasks: i64,
    killed_tasks: i64,
    /// Sum of task durations.
    task_time_seconds: f64,
    /// The part of it that failed and killed tasks took.
    lost_time_seconds: f64,
    run_time_seconds: f64,
    cpu_time_seconds: f64,
    gc_time_seconds: f64,
    #[schema(value_type = u64)]
    input_bytes: i128,
    #[schema(value_type = u64)]
    output_bytes: i128,
    #[schema(value_type = u64)]
    shuffle_read_bytes: i128,
    #[schema(value_type = u64)]
    shuffle_write_bytes: i128,
    #[schema(value_type = u64)]
    memory_spilled_bytes: i128,
    #[schema(value_type = u64)]
    disk_spilled_bytes: i128,
    /// Distribution of task durations within 1 %, null without tasks.
    task_duration_ms: Option<Quantiles<i64>>,
    /// The 99th percentile of task durations over the median. Null without tasks or if the median is 0.
    skew: Option<f64>,
    /// Percentage of run time that went to garbage collection. Null without run time.
    gc_share: Option<f64>,
}

/// The figures of the jobs that ended on a day, or on several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TotalFigures {
    pub(crate) total_jobs: i64,
    pub(crate) avg_duration_seconds: f64,
    pub(crate) avg_success_rate: f64,
    pub(crate) failed_jobs: i64,
    pub(crate) unknown_jobs: i64,
    pub(crate) job_duration_seconds: Option<Quantiles<f64>>,
    pub(crate) tasks: TaskFigures,
}

impl From<Job> for JobFigures {
    fn from(job: Job) -> Self {
        let (duration_us, task_ms) = (i128::from(job.duration_us()), job.tasks.duration_ms);
        let tasks = TaskFigures::from(&job.tasks);
        Self {
            job_id: job.key.job_id,
            duration_seconds: duration_seconds(&job),
            task_count: tasks.task_count,
            failed_tasks: tasks.failed_tasks,
            success_rate: success_rate(&job.tasks),
            killed_tasks: tasks.killed_tasks,
            task_time_seconds: tasks.task_time_seconds,
            parallelism: (duration_us > 0)
                .then(|| two_decimals(task_ms.saturating_mul(1_000), duration_us)),
            skew: tasks.skew,
            task_duration_ms: tasks.task_duration_ms,
            lost_time_seconds: tasks.lost_time_seconds,
            run_time_seconds: tasks.run_time_seconds,
            cpu_time_seconds: tasks.cpu_time_seconds,
            gc_time_seconds: tasks.gc_time_seconds,
            gc_share: tasks.gc_share,
            input_bytes: tasks.input_bytes,
            output_bytes: tasks.output_bytes,
            shuffle_read_bytes: tasks.shuffle_read_bytes,
            shuffle_write_bytes: tasks.shuffle_write_bytes,
            memory_spilled_bytes: tasks.memory_spilled_bytes,
            disk_spilled_bytes: tasks.disk_spilled_bytes,
            start_time: job.start,
            end_time: job.end,
            job_result: job.result.name().to_owned(),
            source: job.source,
            user: job.user,
            app_id: job.key.app_id,
            attempt_id: job.key.attempt_id,
        }
    }
}

impl From<Job> for JobLine {
    fn from(job: Job) -> Self {
        Self {
            job_id: job.key.job_id,
            duration_seconds: duration_seconds(&job),
            task_count: job.tasks.task_count(),
            success_rate: success_rate(&job.tasks),
            job_result: job.result.name().to_owned(),
            user: job.user,
            app_id: job.key.app_id,
            attempt_id: job.key.attempt_id,
        }
    }
}

impl From<&TaskTotals> for TaskFigures {
    fn from(tasks: &TaskTotals) -> Self {
        // Of integers, so that two decimals are rounded once.
        let quantile = |num| tasks.durations.quantile(num, 100).map(i128::from);
        let skew = quantile(50).filter(|median| *median > 0).zip(quantile(99));
        Self {
            task_count: tasks.task_count(),
            failed_tasks: tasks.failed,
            killed_tasks: tasks.killed,
            task_time_seconds: two_decimals(tasks.duration_ms, 1_000),
            lost_time_seconds: two_decimals(tasks.lost_ms, 1_000),
            run_time_seconds: two_decimals(tasks.run_time_ms, 1_000),
            cpu_time_seconds: two_decimals(tasks.cpu_time_ns, 1_000_000_000),
            gc_time_seconds: two_decimals(tasks.gc_time_ms, 1_000),
            input_bytes: tasks.input_bytes,
            output_bytes: tasks.output_bytes,
            shuffle_read_bytes: tasks.shuffle_read_bytes,
            shuffle_write_bytes: tasks.shuffle_write_bytes,
            memory_spilled_bytes: tasks.memory_spilled_bytes,
            disk_spilled_bytes: tasks.disk_spilled_bytes,
            task_duration_ms: quantiles(&tasks.durations, |ms| ms),
            skew: skew.map(|(median, p99)| two_decimals(p99, median)),
            gc_share: (tasks.run_time_ms > 0)
                .then(|| two_decimals(tasks.gc_time_ms.saturating_mul(100), tasks.run_time_ms)),
        }
    }
}

impl From<&Rollup> for TotalFigures {
    fn from(jobs: &Rollup) -> Self {
        let count = i128::from(jobs.jobs());
        Self {
            total_jobs: jobs.jobs(),
            avg_duration_seconds: two_decimals(jobs.duration_us, count.saturating_mul(1_000_000)),
            avg_success_rate: two_decimals(jobs.success_rate_ppb, count.saturating_mul(10_000_000)),
            failed_jobs: jobs.jobs_failed,
            unknown_jobs: jobs.jobs_unknown,
            job_duration_seconds: quantiles(&jobs.durations, |us| {
                two_decimals(us.into(), 1_000_000)
            }),
            tasks: TaskFigures::from(&jobs.tasks),
        }
    }
}

fn quantiles<T>(of: &Histogram, unit: impl Fn(i64) -> T) -> Option<Quantiles<T>> {
    Some(Quantiles {
        p50: unit(of.quantile(50, 100)?),
        p95: unit(of.quantile(95, 100)?),
        p99: unit(of.quantile(99, 100)?),
        max: unit(of.quantile(1, 1)?),
    })
}

fn duration_seconds(job: &Job) -> f64 {
    seconds(job.duration_us())
}

fn seconds(us: i64) -> f64 {
    two_decimals(us.into(), 1_000_000)
}

fn success_rate(tasks: &TaskTotals) -> f64 {
    two_decimals(i128::from(tasks.succeeded).saturating_mul(100), tasks.task_count().into())
}

/// What is shown as it is displayed.
pub(crate) fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
