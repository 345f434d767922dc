//! `events`: the raw events of a job.

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use spark_analytics_core::{EventCursor, JobKey, StoredEvent};

use crate::flags::{Shared, WhichJob};
use crate::output::pages::PAGE;
use crate::output::{Columns, List, Out};
use crate::store::open;

/// List the events of a job as they came, in the order of their times
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics events 101 --format json")]
pub(crate) struct Events {
    #[command(flatten)]
    job: WhichJob,
    /// At most so many
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

fn event_view(stored: &StoredEvent) -> serde_json::Result<EventView<'_>> {
    Ok(EventView { log_id: stored.id, event: serde_json::from_str(stored.event.raw())? })
}
