//! Flags that several commands share.

use std::time::SystemTime;

use clap::Args;
use spark_analytics_core::{Day, Dedup, JobFilter, ParseTimeError, Timestamp, UnknownResultWord};

use crate::exit::WrongUsage;
use crate::memory::{self, Memory};
use crate::output::Format;
use crate::store::by_url::HowToOpen;

/// Under which heading the help of each command lists the flags of every command.
const GLOBAL: &str = "Global options";

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// The store: sqlite:PATH, redb:PATH, postgres://… or memory:
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL", default_value = "sqlite:spark-analytics.db")]
    pub(crate) store: String,
    /// Which fields identify an event: task (job, type, time and task) or time (job, type and time);
    /// a store keeps the rule with which it was created
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "RULE", default_value_t)]
    pub(crate) dedup: Dedup,
    /// The maximum number of connections to PostgreSQL [default: 16]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) postgres_connections: Option<u32>,
    /// The memory of caches, requests and event logs together, such as 512M or 2G; without it, half of what the
    /// machine, the container or a resource limit leaves, at most 1G
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "SIZE", value_parser = memory::size)]
    pub(crate) memory: Option<u64>,
    /// The format of results: aligned columns, JSON, or CSV with a header line
    #[arg(long, global = true, help_heading = GLOBAL, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Show tables as they are in a pipe, with all their columns and plain values, however wide the terminal is
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) wide: bool,
    /// Write the cells of CSV as they are, for programs: no apostrophe before what a spreadsheet would run as a formula,
    /// no escapes for control characters
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) raw_csv: bool,
}

impl Shared {
    /// How the store is to be opened.
    pub(crate) fn how_to_open(&self) -> HowToOpen {
        let (dedup, connections) = (self.dedup, self.postgres_connections);
        HowToOpen { dedup, connections, cache_bytes: Some(self.memory().store()) }
    }

    /// The memory of the process.
    pub(crate) fn memory(&self) -> Memory {
        Memory::new(self.memory)
    }
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
    /// The application's attempt, if Spark numbered it; without it, the newest
    #[arg(long)]
    pub(crate) attempt: Option<String>,
}

/// The current UTC day.
pub(crate) fn today() -> Day {
    Timestamp::from(SystemTime::now()).day()
}

/// A day as people write it: a date, `today`, `yesterday` or `7d`.
pub(crate) fn day(text: &str) -> Result<Day, ParseTimeError> {
    Day::parse_as_of(today(), text)
}

/// A word that [`JobFilter::result_word`] knows.
pub(crate) fn result_word(word: &str) -> Result<String, UnknownResultWord> {
    JobFilter::default().result_word(word).map(|_| word.to_owned())
}

/// Checks that a range of days is not empty.
pub(crate) fn check_range(from: Option<Day>, to: Option<Day>) -> Result<(), WrongUsage> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => Err(WrongUsage("--to is before --from")),
        _ => Ok(()),
    }
}

/// The error about something that this build lacks: it names the feature to build with.
#[allow(dead_code, reason = "a build with all features lacks nothing")]
pub(crate) fn missing_feature(what: &str, feature: &str) -> String {
    format!(
        "{what} needs the feature `{feature}`; build with `--features {feature}` or `--features full`"
    )
}
