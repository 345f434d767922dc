//! `stages`: the figures of an application's stages.

use anyhow::bail;
use clap::Args;
use spark_analytics_core::JobKey;
use spark_analytics_core::figures::StageFigures;

use crate::commands::attempt;
use crate::flags::Shared;
use crate::output::pages::PAGE;
use crate::output::{Columns, List, Out};
use crate::store::open;

/// List the stage attempts of an application whose event log was imported
#[derive(Debug, Args)]
#[command(
    after_help = "Example: spark-analytics stages --app application_1711792363000_0042 --attempt 1"
)]
pub(crate) struct Stages {
    /// The application's id
    #[arg(long)]
    app: String,
    /// The application's attempt, if Spark numbered it; without it, the newest
    #[arg(long)]
    attempt: Option<String>,
    /// Only the stages of this job
    #[arg(long, value_name = "ID")]
    job: Option<i64>,
    /// Only stages with this status, in any case: pending, active, skipped, complete or failed
    #[arg(long, ignore_case = true, value_parser = STATUSES)]
    status: Option<String>,
}

const STATUSES: [&str; 5] = ["pending", "active", "skipped", "complete", "failed"];

const STAGES: Columns = Columns {
    all: &[
        "stage_id",
        "stage_attempt_id",
        "name",
        "status",
        "submission_time",
        "completion_time",
        "duration_seconds",
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
        "num_tasks",
        "description",
        "failure_reason",
    ],
    table: &[
        "stage_id",
        "stage_attempt_id",
        "status",
        "duration_seconds",
        "tasks.task_count",
        "tasks.failed_tasks",
        "tasks.task_duration_ms.p50",
        "tasks.task_duration_ms.max",
        "tasks.skew",
        "tasks.gc_share",
        "name",
        "failure_reason",
    ],
};

pub(crate) async fn run(args: &Stages, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let attempt = attempt::find(&*store, &args.app, args.attempt.as_deref()).await?;
    let Some(log) = store.log(&attempt).await? else {
        bail!("the facts of application {} were just removed", args.app);
    };
    let of_job = match args.job {
        None => None,
        Some(id) => match log.jobs.iter().find(|job| job.job_id == id) {
            Some(job) => Some(&job.stage_ids),
            None => bail!("{} is unknown", JobKey::in_app(attempt.app_id, attempt.attempt_id, id)),
        },
    };
    let mut stages = log.stages;
    stages.retain(|stage| {
        of_job.is_none_or(|ids| ids.contains(&stage.stage_id))
            && args
                .status
                .as_ref()
                .is_none_or(|name| name.eq_ignore_ascii_case(stage.status.name()))
    });
    let mut list = List::new(out, STAGES);
    for stages in stages.chunks(PAGE) {
        list.page(&stages.iter().map(StageFigures::from).collect::<Vec<_>>())?;
    }
    list.end_or_say("no stages match")?;
    Ok(store.close().await?)
}
