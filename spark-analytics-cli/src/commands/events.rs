//! `events`: the raw events of a job.

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use spark_analytics_core::{EventCursor, JobRecord, StoredEvent};

use crate::commands::attempt;
use crate::flags::{Shared, WhichJob};
use crate::output::pages::pages;
use crate::output::{Columns, List, Out, progress};
use crate::store::open;

/// List the raw events of a job, ordered by time
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics events 101 --format json")]
pub(crate) struct Events {
    #[command(flatten)]
    job: WhichJob,
    /// The maximum number of events
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct EventView<'a> {
    log_id: i64,
    event: &'a RawValue,
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

pub(crate) async fn run(args: &Events, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let (key, record) = attempt::find_job(&*store, &args.job).await?;
    if let Some(JobRecord { events, log: Some(_) }) = record
        && events.is_empty()
    {
        progress::say(&format!(
            "{key} is known from an event log, and logs leave no single events"
        ));
    }
    let mut list = List::new(out, EVENTS);
    let limit = args.limit.unwrap_or(usize::MAX);
    let read = async |after: Option<&EventCursor>, wanted| store.events(&key, after, wanted).await;
    let write = |events: &[StoredEvent]| {
        list.page(&events.iter().map(event_view).collect::<Result<Vec<_>, _>>()?)
    };
    pages(limit, read, |stored| EventCursor::from(&stored.event), write).await?;
    list.end()?;
    Ok(store.close().await?)
}

fn event_view(stored: &StoredEvent) -> serde_json::Result<EventView<'_>> {
    Ok(EventView { log_id: stored.id, event: serde_json::from_str(stored.event.raw())? })
}
