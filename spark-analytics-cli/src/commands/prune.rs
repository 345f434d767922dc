//! `prune`: removes raw events, facts of event logs and jobs before a day.

use std::time::SystemTime;

use anyhow::bail;
use clap::{ArgGroup, Args};
use serde::Serialize;
use spark_analytics_core::{Day, PruneScope, Timestamp};

use crate::exit::WrongUsage;
use crate::flags::Shared;
use crate::output::{Columns, Out, progress};
use crate::store::{compact, open};

/// Remove raw events and facts of event logs before a day; summaries stay, and older input is rejected from then on
#[derive(Debug, Args)]
#[command(
    after_help = "Example: spark-analytics prune --before 2024-01-01",
    group = ArgGroup::new("days").args(["before", "logs_before"]).required(true).multiple(true)
)]
pub(crate) struct Prune {
    /// The first UTC day whose raw events are kept, YYYY-MM-DD; tomorrow at the latest
    #[arg(long, value_name = "DAY")]
    before: Option<Day>,
    /// Remove stages, executors, environments and SQL executions of applications that ended before this UTC day, or
    /// whose latest event was before it; tomorrow at the latest
    #[arg(long, value_name = "DAY")]
    logs_before: Option<Day>,
    /// Remove these applications and their jobs, too; only their part in summaries stays
    #[arg(long, requires = "logs_before")]
    with_jobs: bool,
    /// Then rewrite the store's file without free space: SQLite and redb. It needs as much space again meanwhile, and
    /// writers wait
    #[arg(long)]
    compact: bool,
}

#[derive(Debug, Serialize)]
struct PrunedEvents {
    events: u64,
    before: String,
}

#[derive(Debug, Serialize)]
struct PrunedLogs {
    applications: u64,
    jobs: u64,
    logs_before: String,
}

/// What was pruned, of what was to be.
#[derive(Debug, Serialize)]
struct PrunedView {
    #[serde(flatten)]
    events: Option<PrunedEvents>,
    #[serde(flatten)]
    logs: Option<PrunedLogs>,
}

impl PrunedView {
    const fn columns(&self) -> Columns {
        const ALL: &[&str] = &["events", "before", "applications", "jobs", "logs_before"];
        let (events, logs) = ALL.split_at(2);
        let columns = match (&self.events, &self.logs) {
            (Some(_), Some(_)) => ALL,
            (_, None) => events,
            (None, _) => logs,
        };
        Columns { all: columns, table: columns }
    }
}

pub(crate) async fn run(args: &Prune, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let latest = Timestamp::from(SystemTime::now()).day().next();
    if args.before.is_some_and(|day| day > latest) {
        bail!(WrongUsage(
            "--before is after tomorrow (UTC): all events before that day would be rejected, and a \
             prune cannot be undone"
        ));
    }
    if args.logs_before.is_some_and(|day| day > latest) {
        bail!(WrongUsage(
            "--logs-before is after tomorrow (UTC): all logs of applications that end before that day would be \
             rejected, and a prune cannot be undone"
        ));
    }
    let scope = if args.with_jobs { PruneScope::Jobs } else { PruneScope::Facts };
    let store = open::existing(shared).await?;
    let bar = progress::waiting("pruning");
    let mut view = PrunedView { events: None, logs: None };
    if let Some(before) = args.before {
        let pruned = store.prune(before).await?;
        let before = pruned.before.to_string();
        view.events = Some(PrunedEvents { events: pruned.events, before });
    }
    if let Some(before) = args.logs_before {
        let pruned = store.prune_logs(before, scope).await?;
        let (applications, jobs) = (pruned.applications, pruned.jobs);
        let logs_before = pruned.before.to_string();
        view.logs = Some(PrunedLogs { applications, jobs, logs_before });
    }
    store.close().await?;
    drop(store);
    bar.finish_and_clear();
    if args.compact {
        let bar = progress::waiting("compacting");
        let compacted = compact::compact(&shared.store, shared.dedup).await;
        bar.finish_and_clear();
        compacted?;
    }
    out.record(view.columns(), &view)
}
