//! Flags that several commands share.

use clap::Args;
use spark_analytics_core::{Day, Dedup, JobKey};

use crate::exit::WrongUsage;
use crate::output::Format;

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// The store: sqlite:PATH, redb:PATH, postgres://… or memory:
    #[arg(long, global = true, value_name = "URL", default_value = "sqlite:spark-analytics.db")]
    pub(crate) store: String,
    /// Which fields identify an event: task (job, type, time and task) or time (job, type and time);
    /// a store keeps the rule with which it was created
    #[arg(long, global = true, value_name = "RULE", default_value_t)]
    pub(crate) dedup: Dedup,
    /// The format of results: aligned columns, JSON, or CSV with a header line
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// A job and its application.
#[derive(Debug, Args)]
pub(crate) struct WhichJob {
    /// The job's id
    #[arg(value_name = "ID")]
    pub(crate) id: i64,
    /// The application's id; without it, a job whose events name no application
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) app: String,
    /// The application's attempt, if Spark numbered it
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) attempt: String,
}

/// Checks that a range of days is not empty.
pub(crate) fn check_range(from: Option<Day>, to: Option<Day>) -> Result<(), WrongUsage> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => Err(WrongUsage("--to is before --from")),
        _ => Ok(()),
    }
}

impl From<&WhichJob> for JobKey {
    fn from(which: &WhichJob) -> Self {
        Self::in_app(&which.app, &which.attempt, which.id)
    }
}

/// The error about something that this build lacks: it names the feature to build with.
#[allow(dead_code, reason = "a build with all features lacks nothing")]
pub(crate) fn missing_feature(what: &str, feature: &str) -> String {
    format!(
        "{what} needs the feature `{feature}`; build with `--features {feature}` or `--features full`"
    )
}
