//! `prune`: removes raw events before a day.

use std::time::SystemTime;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use spark_analytics_core::{Day, Timestamp};

use crate::exit::WrongUsage;
use crate::flags::Shared;
use crate::output::{Columns, Out, progress};
use crate::store::open;

/// Remove raw events before a day; figures stay, and older events are rejected from then on
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics prune --before 2024-01-01")]
pub(crate) struct Prune {
    /// The first UTC day whose events are kept, YYYY-MM-DD; tomorrow at the latest
    #[arg(long, value_name = "DAY")]
    before: Day,
}

#[derive(Debug, Serialize)]
struct PrunedView {
    events: u64,
    before: String,
}

const PRUNED: Columns = {
    const ALL: &[&str] = &["events", "before"];
    Columns { all: ALL, table: ALL }
};

pub(crate) async fn run(args: &Prune, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    if args.before > Timestamp::from(SystemTime::now()).day().next() {
        bail!(WrongUsage(
            "--before is after tomorrow (UTC): all events before that day would be rejected, and a \
             prune cannot be undone"
        ));
    }
    let store = open::existing(shared).await?;
    let bar = progress::waiting("pruning");
    let pruned = store.prune(args.before).await;
    bar.finish_and_clear();
    let pruned = pruned?;
    store.close().await?;
    let view = PrunedView { events: pruned.events, before: pruned.before.to_string() };
    out.record(PRUNED, &view)
}
