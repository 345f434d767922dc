//! `events`, `rejected` and `prune`: the raw input that is kept.

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use spark_analytics_core::{Day, EventCursor, JobKey, Rejected, StoredEvent};

use crate::WrongUsage;
use crate::args::{Shared, WhichJob};
use crate::generate::now;
use crate::jobs::PAGE;
use crate::output::{Columns, List, Out};
use crate::{progress, store};

/// List the events of a job as they came, in the order of their times
#[derive(Debug, Args)]
#[command(after_help = "Example: cli events 101 --format json")]
pub(crate) struct Events {
    #[command(flatten)]
    job: WhichJob,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// List input that could not be taken and why, newest first
#[derive(Debug, Args)]
#[command(after_help = "Example: cli rejected --limit 20")]
pub(crate) struct RejectedInput {
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Remove raw events before a day; figures stay, and such events are refused from then on
#[derive(Debug, Args)]
#[command(after_help = "Example: cli prune --before 2024-01-01")]
pub(crate) struct Prune {
    /// The first UTC day whose events stay, YYYY-MM-DD; tomorrow at the latest
    #[arg(long, value_name = "DAY")]
    before: Day,
}

#[derive(Debug, Serialize)]
struct EventView<'a> {
    log_id: i64,
    event: &'a RawValue,
}

#[derive(Debug, Serialize)]
struct RejectedView<'a> {
    id: i64,
    at: String,
    reason: &'a str,
    raw: &'a str,
}

#[derive(Debug, Serialize)]
struct PrunedView {
    events: u64,
    before: String,
}

const EVENTS: Columns = Columns {
    all: &[
        "log_id",
        "event.event",
        "event.timestamp",
        "event.user",
        "event.task_id",
        "event.duration_ms",
        "event.successful",
        "event.completion_time",
        "event.job_result",
        "event",
    ],
    table: &[
        "log_id",
        "event.event",
        "event.timestamp",
        "event.user",
        "event.task_id",
        "event.duration_ms",
        "event.successful",
        "event.job_result",
    ],
};
const REJECTED: Columns = {
    const ALL: &[&str] = &["id", "at", "reason", "raw"];
    Columns { all: ALL, table: ALL }
};
const PRUNED: Columns = {
    const ALL: &[&str] = &["events", "before"];
    Columns { all: ALL, table: ALL }
};

pub(crate) async fn events(args: &Events, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = store::open(shared).await?;
    let key = JobKey::from(&args.job);
    let mut list = List::new(out, EVENTS);
    let mut after: Option<EventCursor> = None;
    let mut left = args.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let wanted = left.min(PAGE);
        let events = store.events(&key, after.as_ref(), wanted).await?;
        let views = events.iter().map(event_view).collect::<Result<Vec<_>, _>>()?;
        list.page(&views)?;
        left -= events.len();
        after = events.last().map(|stored| EventCursor::from(&stored.event));
        if events.len() < wanted {
            break;
        }
    }
    list.end()?;
    Ok(store.close().await?)
}

pub(crate) async fn rejected(
    args: &RejectedInput,
    shared: &Shared,
    out: &mut Out,
) -> anyhow::Result<()> {
    let store = store::open(shared).await?;
    let mut list = List::new(out, REJECTED);
    let mut before = None;
    let mut left = args.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let wanted = left.min(PAGE);
        let inputs = store.rejected(before, wanted).await?;
        list.page(&inputs.iter().map(rejected_view).collect::<Vec<_>>())?;
        left -= inputs.len();
        before = inputs.last().map(|input| input.id);
        if inputs.len() < wanted {
            break;
        }
    }
    list.end()?;
    Ok(store.close().await?)
}

pub(crate) async fn prune(args: &Prune, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    if args.before > now().day().next() {
        bail!(WrongUsage(
            "--before lies after tomorrow (UTC): all events until that day would be refused, and a \
             prune cannot be undone"
        ));
    }
    let store = store::open(shared).await?;
    let bar = progress::waiting("pruning");
    let pruned = store.prune(args.before).await;
    bar.finish_and_clear();
    let pruned = pruned?;
    store.close().await?;
    let view = PrunedView { events: pruned.events, before: pruned.before.to_string() };
    out.record(PRUNED, &view)
}

fn event_view(stored: &StoredEvent) -> serde_json::Result<EventView<'_>> {
    Ok(EventView { log_id: stored.id, event: serde_json::from_str(stored.event.raw())? })
}

fn rejected_view(input: &Rejected) -> RejectedView<'_> {
    RejectedView {
        id: input.id,
        at: input.rejection.at.to_string(),
        reason: &input.rejection.reason,
        raw: &input.rejection.raw,
    }
}
