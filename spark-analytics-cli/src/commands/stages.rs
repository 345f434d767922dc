//! `stages`: the figures of an application's stages.

use anyhow::bail;
use clap::Args;
use spark_analytics_core::AttemptKey;
use spark_analytics_core::figures::StageFigures;

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
    /// The application's attempt, if Spark numbered it
    #[arg(long, default_value = "", hide_default_value = true)]
    attempt: String,
}

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
    ],
};

pub(crate) async fn run(args: &Stages, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let Some(log) = store.log(&AttemptKey::new(&*args.app, &*args.attempt)).await? else {
        let (app, attempt) = (&args.app, &args.attempt);
        match attempt.as_str() {
            "" => bail!(
                "no event log of application {app} was imported; if Spark numbered its attempts, name one \
                 with --attempt"
            ),
            _ => bail!("no event log of application {app}, attempt {attempt} was imported"),
        }
    };
    let mut list = List::new(out, STAGES);
    for stages in log.stages.chunks(PAGE) {
        list.page(&stages.iter().map(StageFigures::from).collect::<Vec<_>>())?;
    }
    list.end()?;
    Ok(store.close().await?)
}
