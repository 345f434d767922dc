//! `rejected`: input that was not accepted.

use clap::Args;
use serde::Serialize;
use spark_analytics_core::Rejected;

use crate::flags::Shared;
use crate::output::pages::pages;
use crate::output::{Columns, List, Out};
use crate::store::open;

/// List rejected input and the reasons, newest first
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics rejected --limit 20")]
pub(crate) struct RejectedInput {
    /// The maximum number of inputs
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
    let limit = args.limit.unwrap_or(usize::MAX);
    let read = async |before: Option<&i64>, wanted| store.rejected(before.copied(), wanted).await;
    let write =
        |inputs: &[Rejected]| list.page(&inputs.iter().map(rejected_view).collect::<Vec<_>>());
    pages(limit, read, |input| input.id, write).await?;
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
