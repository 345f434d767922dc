//! Figures in the JSON form of the HTTP API: its names, nesting and two decimals.

mod decimals;
mod logs;

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::figures::histogram::Histogram;
use crate::figures::job::{FigureSource, Job};
use crate::figures::labels::JobLabels;
use crate::figures::rollup::Rollup;
use crate::figures::tasks::TaskTotals;
use crate::time::Timestamp;
use decimals::two_decimals;

pub use logs::{ApplicationFigures, StageFigures};

/// The figures of a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct JobFigures {
    /// Spark's number of the job within the attempt.
    #[cfg_attr(feature = "openapi", schema(example = 101))]
    pub job_id: i64,
    /// The user of the job's start.
    #[cfg_attr(feature = "openapi", schema(example = "data_engineer_1@example.com"))]
    pub user: String,
    /// When the job started.
    #[serde(serialize_with = "text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2024-03-30T10:12:45Z"))]
    pub start_time: Timestamp,
    /// When the job ended.
    #[serde(serialize_with = "text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2024-03-30T10:14:03Z"))]
    pub end_time: Timestamp,
    /// From start to end, negative when the clock went back.
    #[cfg_attr(feature = "openapi", schema(example = 78.0))]
    pub duration_seconds: f64,
    /// Tasks that succeeded or failed.
    #[cfg_attr(feature = "openapi", schema(example = 12))]
    pub task_count: i64,
    /// Tasks that failed.
    pub failed_tasks: i64,
    /// Percentage of `task_count` that succeeded, 0 without tasks.
    #[cfg_attr(feature = "openapi", schema(example = 91.67))]
    pub success_rate: f64,
    /// `JobSucceeded`, `JobFailed`, or the text that came instead.
    #[cfg_attr(feature = "openapi", schema(example = "JobSucceeded"))]
    pub job_result: String,
    /// The application, empty for events that name none.
    pub app_id: String,
    /// The application's attempt, often empty.
    pub attempt_id: String,
    /// Killed tasks, which do not count in `task_count`.
    pub killed_tasks: i64,
    /// `events` or `log`: whether the figures come from single events or from an event log.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "events"))]
    pub source: FigureSource,
    /// Sum of task durations.
    pub task_time_seconds: f64,
    /// Task time over duration: the average number of tasks running at the same time. Null if the job took no time.
    pub parallelism: Option<f64>,
    /// The 99th percentile of task durations over the median. Null without tasks or if the median is 0.
    pub skew: Option<f64>,
    /// Distribution of task durations within 1 %, null without tasks.
    pub task_duration_ms: Option<Quantiles<i64>>,
    /// The part of task time spent in failed and killed tasks.
    pub lost_time_seconds: f64,
    /// Time that executors ran tasks. Like all fields below, it is 0 for a job known from single events only.
    pub run_time_seconds: f64,
    /// CPU time of tasks.
    pub cpu_time_seconds: f64,
    /// Time spent in garbage collection.
    pub gc_time_seconds: f64,
    /// Percentage of run time spent in garbage collection. Null without run time.
    pub gc_share: Option<f64>,
    /// Bytes read from sources.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub input_bytes: i128,
    /// Bytes written to sinks.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub output_bytes: i128,
    /// Bytes read from shuffles.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub shuffle_read_bytes: i128,
    /// Bytes written to shuffles.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub shuffle_write_bytes: i128,
    /// Bytes spilled from memory, as they were in memory.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub memory_spilled_bytes: i128,
    /// Bytes spilled, as they are on disk.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub disk_spilled_bytes: i128,
    /// Tasks as Spark counts them, each once however often it is attempted, skipped ones included. Null for a job known from
    /// single events only.
    pub num_tasks: Option<i64>,
    /// The application's name. Like all fields below, null if no event log reports the job.
    #[cfg_attr(feature = "openapi", schema(example = "daily_sales_etl"))]
    pub app_name: Option<String>,
    /// The name of its last stage, often a call site.
    #[cfg_attr(feature = "openapi", schema(example = "count at etl.py:42"))]
    pub name: Option<String>,
    /// `spark.job.description`.
    pub description: Option<String>,
    /// `spark.jobGroup.id`.
    pub job_group: Option<String>,
    /// `spark.sql.execution.id`, the execution of SQL that it is a part of.
    pub sql_execution_id: Option<i64>,
    /// Why it failed: the message of the exception that ended it, up to 4 KiB.
    pub failure_message: Option<String>,
    /// Whether it failed because it was cancelled.
    pub cancelled: Option<bool>,
}

/// A job in the list of a summary.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct JobLine {
    /// Spark's number of the job within the attempt.
    #[cfg_attr(feature = "openapi", schema(example = 101))]
    pub job_id: i64,
    /// The user of the job's start.
    #[cfg_attr(feature = "openapi", schema(example = "data_engineer_1@example.com"))]
    pub user: String,
    /// From start to end, negative if the clock was set back.
    #[cfg_attr(feature = "openapi", schema(example = 78.0))]
    pub duration_seconds: f64,
    /// Tasks that succeeded or failed.
    #[cfg_attr(feature = "openapi", schema(example = 12))]
    pub task_count: i64,
    /// Percentage of `task_count` that succeeded, 0 without tasks.
    #[cfg_attr(feature = "openapi", schema(example = 91.67))]
    pub success_rate: f64,
    /// `JobSucceeded`, `JobFailed`, or the text that came instead.
    #[cfg_attr(feature = "openapi", schema(example = "JobSucceeded"))]
    pub job_result: String,
    /// The application, empty for events that name none.
    pub app_id: String,
    /// The application's attempt, often empty.
    pub attempt_id: String,
    /// The application's name. Like all fields below, null if no event log reports the job.
    pub app_name: Option<String>,
    /// The name of its last stage, often a call site.
    pub name: Option<String>,
    /// `spark.job.description`.
    pub description: Option<String>,
    /// Why it failed: the message of the exception that ended it, up to 4 KiB.
    pub failure_message: Option<String>,
}

/// Quantiles by nearest rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Quantiles<T> {
    /// The median.
    pub p50: T,
    /// The 95th percentile.
    pub p95: T,
    /// The 99th percentile.
    pub p99: T,
    /// The greatest value: for tasks whose event log reports it, the exact one.
    pub max: T,
}

/// Totals over the tasks of jobs. Everything but counts and task time comes from event logs only.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TaskFigures {
    /// Tasks that succeeded or failed.
    pub task_count: i64,
    /// Tasks that failed.
    pub failed_tasks: i64,
    /// Killed tasks, which do not count in `task_count`.
    pub killed_tasks: i64,
    /// Sum of task durations.
    pub task_time_seconds: f64,
    /// The part of it spent in failed and killed tasks.
    pub lost_time_seconds: f64,
    /// Time that executors ran tasks.
    pub run_time_seconds: f64,
    /// CPU time of tasks.
    pub cpu_time_seconds: f64,
    /// Time spent in garbage collection.
    pub gc_time_seconds: f64,
    /// Bytes read from sources.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub input_bytes: i128,
    /// Bytes written to sinks.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub output_bytes: i128,
    /// Bytes read from shuffles.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub shuffle_read_bytes: i128,
    /// Bytes written to shuffles.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub shuffle_write_bytes: i128,
    /// Bytes spilled from memory, as they were in memory.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub memory_spilled_bytes: i128,
    /// Bytes spilled, as they are on disk.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub disk_spilled_bytes: i128,
    /// Distribution of task durations within 1 %, null without tasks.
    pub task_duration_ms: Option<Quantiles<i64>>,
    /// The 99th percentile of task durations over the median. Null without tasks or if the median is 0.
    pub skew: Option<f64>,
    /// Percentage of run time spent in garbage collection. Null without run time.
    pub gc_share: Option<f64>,
}

/// The figures of the jobs that ended on a day, or on several.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TotalFigures {
    /// Jobs that ended.
    pub total_jobs: i64,
    /// Mean duration of the jobs, 0 without jobs. Impossible durations are left out.
    pub avg_duration_seconds: f64,
    /// Mean success rate of the jobs with tasks in percent, 0 without such jobs.
    pub avg_success_rate: f64,
    /// Mean success rate of all jobs in percent; a job without tasks counts as 0.
    #[serde(skip)]
    pub avg_success_rate_of_all: f64,
    /// Jobs that failed.
    pub failed_jobs: i64,
    /// Jobs whose result is neither success nor failure.
    pub unknown_jobs: i64,
    /// Distribution of job durations within 1 %, without impossible ones; null without jobs.
    pub job_duration_seconds: Option<Quantiles<f64>>,
    /// What their tasks add up to.
    pub tasks: TaskFigures,
    /// Jobs with tasks that succeeded or failed.
    pub jobs_with_tasks: i64,
    /// Jobs whose duration is negative or longer than a leap year, because a clock was set.
    pub impossible_durations: i64,
}

impl From<Job> for JobFigures {
    fn from(job: Job) -> Self {
        let (job_us, task_ms) = (job.duration_us(), job.tasks.duration_ms);
        let duration_us = i128::from(job_us);
        let tasks = TaskFigures::of(&job.tasks, job.longest_task_ms);
        let cancelled = job.labels.as_ref().map(|labels| labels.is_cancelled());
        let (name, labels) = labels(job.labels);
        Self {
            app_name: labels.app_name,
            name,
            description: labels.description,
            job_group: labels.job_group,
            sql_execution_id: labels.sql_execution_id,
            failure_message: labels.failure_message,
            cancelled,
            job_id: job.key.job_id,
            duration_seconds: seconds(job_us),
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
            num_tasks: job.num_tasks,
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
        let job_us = job.duration_us();
        let (name, labels) = labels(job.labels);
        Self {
            app_name: labels.app_name,
            name,
            description: labels.description,
            failure_message: labels.failure_message,
            job_id: job.key.job_id,
            duration_seconds: seconds(job_us),
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
        Self::of(tasks, None)
    }
}

impl TaskFigures {
    /// The figures of tasks. If the duration of the longest is known, no quantile exceeds it, and the greatest is exact.
    pub fn of(tasks: &TaskTotals, longest_task_ms: Option<i64>) -> Self {
        // From integers, so that two decimals are rounded only once.
        let has_tasks = tasks.task_count() != 0;
        let quantile =
            |num| tasks.durations.quantile(num, 100).filter(|_| has_tasks).map(i128::from);
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
            task_duration_ms: task_durations(tasks, longest_task_ms),
            skew: skew.map(|(median, p99)| two_decimals(p99, median)),
            gc_share: (tasks.run_time_ms > 0)
                .then(|| two_decimals(tasks.gc_time_ms.saturating_mul(100), tasks.run_time_ms)),
        }
    }
}

impl From<&Rollup> for TotalFigures {
    fn from(jobs: &Rollup) -> Self {
        let success_rate_of = |jobs_counted: i64| {
            let count = i128::from(jobs_counted).saturating_mul(10_000_000);
            two_decimals(jobs.success_rate_ppb, count)
        };
        Self {
            total_jobs: jobs.jobs(),
            avg_duration_seconds: two_decimals(
                jobs.duration_us,
                i128::from(jobs.possible_durations()).saturating_mul(1_000_000),
            ),
            avg_success_rate: success_rate_of(jobs.jobs_with_tasks),
            avg_success_rate_of_all: success_rate_of(jobs.jobs()),
            failed_jobs: jobs.jobs_failed,
            unknown_jobs: jobs.jobs_unknown,
            job_duration_seconds: quantiles(&jobs.durations, |us| {
                two_decimals(us.into(), 1_000_000)
            }),
            tasks: TaskFigures::from(&jobs.tasks),
            jobs_with_tasks: jobs.jobs_with_tasks,
            impossible_durations: jobs.impossible_durations,
        }
    }
}

fn task_durations(tasks: &TaskTotals, longest_ms: Option<i64>) -> Option<Quantiles<i64>> {
    // Of killed tasks alone nothing is counted.
    let of_buckets = quantiles(&tasks.durations, |ms| ms).filter(|_| tasks.task_count() != 0)?;
    let Some(longest) = longest_ms else { return Some(of_buckets) };
    let Quantiles { p50, p95, p99, .. } = of_buckets;
    // The middle of a bucket may exceed each value in it.
    let (p50, p95, p99) = (p50.min(longest), p95.min(longest), p99.min(longest));
    Some(Quantiles { p50, p95, p99, max: longest })
}

fn quantiles<T>(of: &Histogram, unit: impl Fn(i64) -> T) -> Option<Quantiles<T>> {
    Some(Quantiles {
        p50: unit(of.quantile(50, 100)?),
        p95: unit(of.quantile(95, 100)?),
        p99: unit(of.quantile(99, 100)?),
        max: unit(of.quantile(1, 1)?),
    })
}

/// The name, which is null without labels, and all labels.
fn labels(of: Option<Box<JobLabels>>) -> (Option<String>, JobLabels) {
    match of {
        Some(mut labels) => (Some(std::mem::take(&mut labels.name)), *labels),
        None => (None, JobLabels::default()),
    }
}

fn seconds(us: i64) -> f64 {
    two_decimals(us.into(), 1_000_000)
}

fn success_rate(tasks: &TaskTotals) -> f64 {
    two_decimals(i128::from(tasks.succeeded).saturating_mul(100), tasks.task_count().into())
}

/// Serializes a value as its `Display` text.
fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
