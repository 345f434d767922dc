//! `import`: stores Spark's event logs.

mod jobs;
mod keep_up;
mod logs;
mod skips;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use spark_analytics_core::Store;

use crate::commands::import::jobs::{Figures, list_days, list_jobs};
use crate::commands::import::keep_up::keep_up;
pub(crate) use crate::commands::import::keep_up::{check_folder, shown};
use crate::commands::import::logs::{Imported, Outcomes, store_logs};
use crate::commands::import::skips::Skips;
use crate::commands::logs::{Found, all_read};
use crate::flags::Shared;
use crate::output::{Format, List, Out};
use crate::store::open;

/// Store Spark's event logs: files, rolled logs, and folders of them
///
/// Then lists the imported jobs, failed ones first, and the days on which they ended. Importing a log
/// again changes nothing; a log that has not changed since it was imported is not read again. Files that
/// are not event logs are counted and skipped.
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics import examples/eventlogs")]
pub(crate) struct Import {
    /// Files, folders and URLs (s3://, gs://, az://, http://, https://)
    #[arg(value_name = "PATH", required_unless_present = "follow")]
    paths: Vec<PathBuf>,
    /// Keep the store up to date with the logs of this folder and the folders below it, until interrupted
    #[arg(long, value_name = "DIR", conflicts_with = "paths")]
    pub(crate) follow: Option<PathBuf>,
    /// How often to check the folder, such as 500ms, 10s or 1m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    interval: Duration,
    /// Read logs again that have not changed since they were imported
    #[arg(long)]
    force: bool,
    /// Print only warnings and errors
    #[arg(long, conflicts_with = "verbose")]
    quiet: bool,
    /// List every log and skipped file, however many there are
    #[arg(long)]
    verbose: bool,
}

/// The maximum number of logs that are listed without `--verbose`.
const LISTED_LOGS: usize = 20;

/// The number of logs by outcome, and the figures of their applications.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    outcomes: &'a Outcomes,
    failed: usize,
    skipped: usize,
    jobs: usize,
    failed_jobs: usize,
    days: usize,
}

pub(crate) async fn run(args: &Import, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    if let Some(folder) = &args.follow {
        return keep_up(folder, args.interval, shared, out).await;
    }
    let store = open::open_or_create(shared).await?;
    let mut found = Found::under(&args.paths);
    let mut skips = Skips::new(&args.paths, args.verbose);
    let imported = store_logs(
        &mut found,
        &*store,
        args.force,
        shared.memory().logs(),
        &mut skips,
        out.format(),
    )
    .await?;
    let is_listed = !args.quiet && (imported.views.len() <= LISTED_LOGS || args.verbose);
    match out.format() {
        Format::Table if args.quiet || imported.views.is_empty() => {}
        Format::Table => print_tables(&imported, &found, is_listed, &*store, out).await?,
        Format::Json => print_json(&imported, &found, &*store, out).await?,
        Format::Csv => {
            list_jobs(&imported.runs, &*store, out).await?;
        }
    }
    store.close().await?;
    let has_imported = !imported.views.is_empty();
    if found.failed.is_empty() || has_imported {
        skips.end(has_imported, args.quiet)?;
    }
    all_read(&found.failed)
}

async fn print_tables(
    imported: &Imported,
    found: &Found,
    is_listed: bool,
    store: &dyn Store,
    out: &mut Out,
) -> anyhow::Result<()> {
    if is_listed {
        let mut list = List::new(out, logs::COLUMNS);
        list.page(&imported.views)?;
        list.end()?;
        writeln!(out)?;
    }
    let figures = Figures::of(&imported.runs, store).await?;
    if figures.print_jobs(is_listed, out)? {
        writeln!(out)?;
    }
    if !figures.days.is_empty() {
        list_days(&figures.days, store, out).await?;
        writeln!(out)?;
    }
    let summary = Summary::of(imported, found, &figures);
    writeln!(out, "{}", summary.text())?;
    Ok(())
}

async fn print_json(
    imported: &Imported,
    found: &Found,
    store: &dyn Store,
    out: &mut Out,
) -> anyhow::Result<()> {
    out.write_all(b"{\"logs\": ")?;
    let mut list = List::new(out, logs::COLUMNS);
    list.page(&imported.views)?;
    list.end()?;
    write!(out, ",\"skipped\": {}", serde_json::to_string(&found.skipped)?)?;
    write!(out, ",\n\"failed\": {}", serde_json::to_string(&found.failed)?)?;
    out.write_all(b",\n\"jobs\": ")?;
    let figures = list_jobs(&imported.runs, store, out).await?;
    out.write_all(b",\"days\": ")?;
    list_days(&figures.days, store, out).await?;
    let summary = Summary::of(imported, found, &figures);
    writeln!(out, ",\"summary\": {}}}", serde_json::to_string(&summary)?)?;
    Ok(())
}

impl<'a> Summary<'a> {
    fn of(imported: &'a Imported, found: &Found, figures: &Figures) -> Self {
        Self {
            outcomes: &imported.outcomes,
            failed: found.failed.len(),
            skipped: found.skipped.len(),
            jobs: figures.jobs,
            failed_jobs: figures.failed_jobs,
            days: figures.days.len(),
        }
    }

    /// One line, such as `3 logs: 2 new, 1 unchanged; 47 jobs, 5 failed; 1 day`.
    fn text(&self) -> String {
        let Outcomes { logs, new, changed, unchanged, replaced, forgotten, too_old } =
            *self.outcomes;
        let outcomes = [
            (new, "new"),
            (changed, "changed"),
            (unchanged, "unchanged"),
            (replaced, "replaced by another run"),
            (forgotten, "forgotten"),
            (too_old, "too old"),
        ];
        let some = outcomes.iter().filter(|(count, _)| *count > 0);
        let outcomes: Vec<String> = some.map(|(count, name)| format!("{count} {name}")).collect();
        let mut text = format!(
            "{}: {}; {}, {} failed; {}",
            counted(logs, "log"),
            outcomes.join(", "),
            counted(self.jobs, "job"),
            self.failed_jobs,
            counted(self.days, "day")
        );
        if self.failed > 0 {
            text += &format!("; {} cannot be read", self.failed);
        }
        text
    }
}

/// A number with its noun.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
