//! Flags that several commands share.

use clap::Args;
use spark_analytics_core::{Day, Dedup, JobKey};

use crate::exit::WrongUsage;
use crate::output::Format;

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// Where facts are kept: sqlite:PATH, redb:PATH, postgres://… or memory:
    #[arg(long, global = true, value_name = "URL", default_value = "sqlite:spark-analytics.db")]
    pub(crate) store: String,
    /// When two events are the same: task (job, type, time, task) or time (job, type, time); a
    /// store keeps the rule it was made with
    #[arg(long, global = true, value_name = "RULE", default_value_t)]
    pub(crate) dedup: Dedup,
    /// How results are written: aligned columns, JSON, or CSV with a line of names first
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Which job of which application.
#[derive(Debug, Args)]
pub(crate) struct WhichJob {
    /// The job's number
    #[arg(value_name = "ID")]
    pub(crate) id: i64,
    /// The application's id; without it, the job of events that name no application
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) app: String,
    /// The application's attempt, where Spark has one
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) attempt: String,
}

/// Checks that a range of days has any.
pub(crate) fn check_range(from: Option<Day>, to: Option<Day>) -> Result<(), WrongUsage> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => Err(WrongUsage("--to lies before --from")),
        _ => Ok(()),
    }
}

impl From<&WhichJob> for JobKey {
    fn from(which: &WhichJob) -> Self {
        Self::in_app(&which.app, &which.attempt, which.id)
    }
}

/// The text of an error about what this build lacks.
#[cfg(not(all(
    feature = "sqlite",
    feature = "redb",
    feature = "postgres",
    feature = "amqp",
    feature = "redis",
    feature = "tls"
)))]
pub(crate) fn missing_feature(what: &str, feature: &str) -> String {
    format!(
        "{what} needs the feature `{feature}`, which this build lacks; build with \
         `--features {feature}`, or `--features full` for all"
    )
}
