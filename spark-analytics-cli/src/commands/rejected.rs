//! `rejected`: input that was not accepted.

use clap::Args;
use serde::Serialize;
use spark_analytics_core::Rejected;

use crate::flags::Shared;
use crate::output::pages::PAGE;
use crate::output::{Columns, List, Out};
use crate::store::open;

/// List input that could not be taken and why, newest first
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics rejected --limit 20")]
pub(crate) struct RejectedInput {
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct RejectedView<'a> {
    id: i64,
    at: String,
    reason: &'a str,
    raw: &'a str,
}

const REJECTED: Columns = {
    const ALL: &[&str] = &["id", "at", "reason", "raw"];
    Columns { all: ALL, table: ALL }
};

pub(crate) async fn run(
    args: &RejectedInput,
    shared: &Shared,
    out: &mut Out,
) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
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

fn rejected_view(input: &Rejected) -> RejectedView<'_> {
    RejectedView {
        id: input.id,
        at: input.rejection.at.to_string(),
        reason: &input.rejection.reason,
        raw: &input.rejection.raw,
    }
}
