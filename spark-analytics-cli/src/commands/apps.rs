//! `apps`: the applications of imported event logs.

use std::cmp::Reverse;

use clap::Args;
use spark_analytics_core::AttemptKey;
use spark_analytics_core::figures::ApplicationFigures;
use spark_analytics_core::log::Application;

use crate::flags::Shared;
use crate::output::pages::{PAGE, pages};
use crate::output::{Columns, List, Out};
use crate::store::open;

/// List the applications whose event logs were imported, newest first
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics apps --name daily_sales --limit 10")]
pub(crate) struct Apps {
    /// Only applications whose name contains this text, in any case
    #[arg(long)]
    name: Option<String>,
    /// Only applications of this user
    #[arg(long)]
    user: Option<String>,
    /// The maximum number of applications
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

const APPS: Columns = Columns {
    all: &[
        "app_id",
        "attempt_id",
        "name",
        "user",
        "spark_version",
        "start_time",
        "end_time",
        "ended",
        "duration_seconds",
        "core_time_seconds",
        "idle_share",
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
        "facts_pruned",
        "jobs",
        "failed_jobs",
    ],
    table: &[
        "app_id",
        "attempt_id",
        "name",
        "user",
        "start_time",
        "duration_seconds",
        "ended",
        "jobs",
        "failed_jobs",
        "tasks.task_count",
        "tasks.failed_tasks",
        "core_time_seconds",
        "idle_share",
    ],
};

pub(crate) async fn run(args: &Apps, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let limit = args.limit.unwrap_or(usize::MAX);
    let name = args.name.as_ref().map(|name| name.to_lowercase());
    let is_wanted = |app: &&Application| {
        name.as_ref().is_none_or(|name| app.name.to_lowercase().contains(name))
            && args.user.as_ref().is_none_or(|user| *user == app.user)
    };
    // A store lists them by their ids.
    let mut newest: Vec<ApplicationFigures> = Vec::new();
    let read = async |after: Option<&AttemptKey>, wanted| store.applications(after, wanted).await;
    let keep = |apps: &[Application]| {
        newest.extend(apps.iter().filter(is_wanted).map(ApplicationFigures::from));
        newest.sort_by_key(|app| Reverse(app.start_time));
        newest.truncate(limit);
        Ok(())
    };
    pages(usize::MAX, read, Application::key, keep).await?;
    let mut list = List::new(out, APPS);
    for apps in newest.chunks(PAGE) {
        list.page(apps)?;
    }
    list.end_or_say("no applications match")?;
    Ok(store.close().await?)
}
