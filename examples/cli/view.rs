//! Figures as they are written out: names, nesting and rounding as in the HTTP API.

use serde::Serialize;
use spark_analytics_core::{Day, Histogram, Job, Rollup, Source, TaskTotals};

use crate::output::Columns;

/// The figures of a job.
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
    source: Source,
    task_time_seconds: f64,
    parallelism: Option<f64>,
    skew: Option<f64>,
    task_duration_ms: Option<Quantiles<i64>>,
}

/// The jobs that ended on a day, or on several.
#[derive(Debug, Serialize)]
pub(crate) struct TotalsView {
    total_jobs: i64,
    avg_duration_seconds: f64,
    avg_success_rate: f64,
    failed_jobs: i64,
    unknown_jobs: i64,
    job_duration_seconds: Option<Quantiles<f64>>,
    tasks: TasksView,
}

/// The jobs that ended on a day.
#[derive(Debug, Serialize)]
pub(crate) struct DayView {
    date: String,
    #[serde(flatten)]
    totals: TotalsView,
}

#[derive(Debug, Serialize)]
struct TasksView {
    task_count: i64,
    failed_tasks: i64,
    killed_tasks: i64,
    task_time_seconds: f64,
    lost_time_seconds: f64,
    run_time_seconds: f64,
    cpu_time_seconds: f64,
    gc_time_seconds: f64,
    input_bytes: i128,
    output_bytes: i128,
    shuffle_read_bytes: i128,
    shuffle_write_bytes: i128,
    memory_spilled_bytes: i128,
    disk_spilled_bytes: i128,
    task_duration_ms: Option<Quantiles<i64>>,
}

#[derive(Debug, Serialize)]
struct Quantiles<T> {
    p50: T,
    p95: T,
    p99: T,
    max: T,
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
            "source",
            "task_time_seconds",
            "parallelism",
            "skew",
            "task_duration_ms.p50",
            "task_duration_ms.p95",
            "task_duration_ms.p99",
            "task_duration_ms.max",
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

    pub(crate) fn new(day: Day, rollup: &Rollup) -> Self {
        Self { date: day.to_string(), totals: rollup.into() }
    }

    /// The last line of a table of days.
    pub(crate) fn total(rollup: &Rollup) -> Self {
        Self { date: "total".to_owned(), totals: rollup.into() }
    }
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        let (duration_us, tasks) = (i128::from(job.duration_us()), &job.tasks);
        let quantile = |num| tasks.durations.quantile(num, 100).map(i128::from);
        let skew = quantile(50).filter(|median| *median > 0).zip(quantile(99));
        Self {
            job_id: job.key.job_id,
            user: job.user.clone(),
            start_time: job.start.to_string(),
            end_time: job.end.to_string(),
            duration_seconds: ratio(duration_us, 1_000_000),
            task_count: tasks.task_count(),
            failed_tasks: tasks.failed,
            success_rate: ratio(100 * i128::from(tasks.succeeded), tasks.task_count().into()),
            job_result: job.result.name().to_owned(),
            app_id: job.key.app_id.clone(),
            attempt_id: job.key.attempt_id.clone(),
            killed_tasks: tasks.killed,
            source: job.source,
            task_time_seconds: ratio(tasks.duration_ms, 1_000),
            parallelism: (duration_us > 0)
                .then(|| ratio(tasks.duration_ms.saturating_mul(1_000), duration_us)),
            skew: skew.map(|(median, p99)| ratio(p99, median)),
            task_duration_ms: quantiles(&tasks.durations, |ms| ms),
        }
    }
}

impl From<&Rollup> for TotalsView {
    fn from(rollup: &Rollup) -> Self {
        let jobs = i128::from(rollup.jobs());
        let seconds = |us: i64| ratio(us.into(), 1_000_000);
        Self {
            total_jobs: rollup.jobs(),
            avg_duration_seconds: ratio(rollup.duration_us, 1_000_000 * jobs),
            avg_success_rate: ratio(rollup.success_rate_ppb, 10_000_000 * jobs),
            failed_jobs: rollup.jobs_failed,
            unknown_jobs: rollup.jobs_unknown,
            job_duration_seconds: quantiles(&rollup.durations, seconds),
            tasks: (&rollup.tasks).into(),
        }
    }
}

impl From<&TaskTotals> for TasksView {
    fn from(tasks: &TaskTotals) -> Self {
        Self {
            task_count: tasks.task_count(),
            failed_tasks: tasks.failed,
            killed_tasks: tasks.killed,
            task_time_seconds: ratio(tasks.duration_ms, 1_000),
            lost_time_seconds: ratio(tasks.lost_ms, 1_000),
            run_time_seconds: ratio(tasks.run_time_ms, 1_000),
            cpu_time_seconds: ratio(tasks.cpu_time_ns, 1_000_000_000),
            gc_time_seconds: ratio(tasks.gc_time_ms, 1_000),
            input_bytes: tasks.input_bytes,
            output_bytes: tasks.output_bytes,
            shuffle_read_bytes: tasks.shuffle_read_bytes,
            shuffle_write_bytes: tasks.shuffle_write_bytes,
            memory_spilled_bytes: tasks.memory_spilled_bytes,
            disk_spilled_bytes: tasks.disk_spilled_bytes,
            task_duration_ms: quantiles(&tasks.durations, |ms| ms),
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

/// `part / whole`, rounded to two decimals while it is still exact, halves away from zero; 0 of
/// nothing.
fn ratio(part: i128, whole: i128) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    let halves = part.saturating_mul(200) / whole;
    ((halves + halves.signum()) / 2) as f64 / 100.0
}
