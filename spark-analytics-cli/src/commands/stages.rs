//! `stages`: the figures of an application's stages.

use std::collections::BTreeSet;

use anyhow::bail;
use clap::Args;
use spark_analytics_core::figures::StageFigures;
use spark_analytics_core::log::Stage;
use spark_analytics_core::{Facts, JobKey, KeyRange, Store};

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
    let read = async |facts: &Facts| match store.facts(&attempt, facts, PAGE).await? {
        Some(log) => Ok(log),
        None => bail!("the facts of application {} were just removed", args.app),
    };
    let mut of_job = None;
    let mut range = KeyRange::all();
    if let Some(id) = args.job {
        let Some(job) = read(&Facts::Jobs(KeyRange::one(id))).await?.jobs.pop() else {
            bail!("{} is unknown", JobKey::in_app(attempt.app_id, attempt.attempt_id, id));
        };
        let ids: BTreeSet<i64> = job.stage_ids.into_iter().collect();
        if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
            range = KeyRange::between((*first, i64::MIN), (*last, i64::MAX));
        }
        of_job = Some(ids);
    }
    let is_wanted = |stage: &Stage| {
        of_job.as_ref().is_none_or(|ids| ids.contains(&stage.stage_id))
            && args
                .status
                .as_ref()
                .is_none_or(|name| name.eq_ignore_ascii_case(stage.status.name()))
    };
    let mut list = List::new(out, STAGES);
    let (mut rest, mut shown) = (Some(Facts::Stages(range)), Vec::new());
    while let Some(facts) = rest {
        let page = read(&facts).await?;
        rest = facts.rest(&page, PAGE);
        shown.extend(page.stages.iter().filter(|stage| is_wanted(stage)).map(StageFigures::from));
        // The first rows choose the columns of a table.
        if !shown.is_empty() && (shown.len() >= PAGE || rest.is_none()) {
            list.page(&shown)?;
            shown.clear();
        }
    }
    list.end_or_say("no stages match")?;
    Ok(store.close().await?)
}
