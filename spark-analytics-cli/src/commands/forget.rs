//! `forget`: removes one application.

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use spark_analytics_core::AttemptKey;

use crate::flags::Shared;
use crate::output::{Columns, Out, progress};
use crate::store::open;

/// Remove an application: its facts, jobs and raw events, and its part in summaries; its logs are rejected from then on
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics forget local-1795465776192")]
pub(crate) struct Forget {
    /// The application's id
    #[arg(value_name = "APP", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    app: String,
    /// Only this attempt; without it all attempts
    #[arg(long)]
    attempt: Option<String>,
}

#[derive(Debug, Serialize)]
struct ForgottenView {
    attempts: u64,
    jobs: u64,
}

const FORGOTTEN: Columns = {
    const ALL: &[&str] = &["attempts", "jobs"];
    Columns { all: ALL, table: ALL }
};

pub(crate) async fn run(args: &Forget, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let bar = progress::waiting("forgetting");
    let forgotten = store.forget(&args.app, args.attempt.as_deref()).await;
    bar.finish_and_clear();
    let forgotten = forgotten?;
    store.close().await?;
    if forgotten.attempts == 0 {
        bail!(
            "nothing is known of {}: `spark-analytics apps` lists the applications",
            AttemptKey::new(&*args.app, args.attempt.clone().unwrap_or_default())
        );
    }
    out.record(FORGOTTEN, &ForgottenView { attempts: forgotten.attempts, jobs: forgotten.jobs })
}
