//! `import`: Spark's event logs into the store.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use spark_analytics_core::{Day, JobCursor, JobFilter, LogReceipt, LogWarning, Store};
use spark_analytics_eventlog::{LogError, LogFile};
use spark_analytics_http::figures::JobFigures;

use crate::args::Shared;
use crate::jobs::PAGE;
use crate::logs::{self, Found, LeftOut};
use crate::output::{Columns, Format, List, Out, text};
use crate::view::{DayView, JOB_COLUMNS};
use crate::{progress, store};

/// Take event logs that Spark wrote: files, rolled logs, and folders of them
///
/// Ends with the jobs of what was imported and the days on which they ended. Importing a log again
/// changes nothing. What is no event log is named and skipped.
#[derive(Debug, Args)]
#[command(after_help = "Example: cli import examples/eventlogs")]
pub(crate) struct Import {
    /// Files, folders and URLs (s3://, gs://, az://, http://, https://)
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// So many jobs of a run are in the table; JSON and CSV have all.
const SHOWN_JOBS: usize = 50;

#[derive(Debug, Serialize)]
struct LogView {
    log: String,
    app_id: String,
    attempt_id: String,
    outcome: &'static str,
    jobs: usize,
    jobs_written: usize,
    stages: usize,
    stages_written: usize,
    executors: usize,
    executors_written: usize,
    warning_count: u64,
    warnings: Vec<LogWarning>,
}

const LOGS: &[&str] = &[
    "log",
    "app_id",
    "attempt_id",
    "outcome",
    "jobs",
    "jobs_written",
    "stages_written",
    "executors_written",
    "warning_count",
];

/// An application's attempt.
type Run = (String, String);

pub(crate) async fn run(args: &Import, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = store::open_or_create(shared).await?;
    let mut found = Found::under(&args.paths);
    if out.format() == Format::Json {
        out.write_all(b"{\"logs\": ")?;
    }
    let runs = take_logs(&mut found, &*store, out).await?;
    if out.format() == Format::Json {
        write!(out, ",\"skipped\": {}", serde_json::to_string(&found.skipped)?)?;
        write!(out, ",\n\"failed\": {}", serde_json::to_string(&found.failed)?)?;
        out.write_all(b",\n\"jobs\": ")?;
    }
    let days = list_jobs(&runs, &*store, out).await?;
    if out.format() == Format::Json {
        out.write_all(b",\"days\": ")?;
    }
    list_days(&days, &*store, out).await?;
    if out.format() == Format::Json {
        out.write_all(b"}\n")?;
    }
    store.close().await?;
    logs::all_read(&found.failed)
}

/// Reads the logs into the store, each on its own, and lists what became of them.
async fn take_logs(
    found: &mut Found,
    store: &dyn Store,
    out: &mut Out,
) -> anyhow::Result<BTreeSet<Run>> {
    let is_listed = out.format() != Format::Csv;
    let mut list = List::new(out, Columns { all: LOGS, table: LOGS });
    let (mut runs, mut views) = (BTreeSet::new(), Vec::new());
    let bar = progress::bytes(Some(found.bytes()));
    found.skipped.iter().for_each(|skipped| skipped.say(&bar));
    for found_log in std::mem::take(&mut found.logs) {
        let log = match logs::read(&found_log, &bar) {
            Ok(log) => log,
            Err(error @ LogError::Io { .. }) => {
                found.failed.push(LeftOut::new(&found_log, &error));
                continue;
            }
            Err(error) => {
                let skipped = LeftOut::new(&found_log, &error);
                skipped.say(&bar);
                found.skipped.push(skipped);
                continue;
            }
        };
        logs::say_warnings(&found_log.name, &log, &bar);
        let mut view = LogView::new(&found_log.name, &log);
        let (app, attempt) = (view.app_id.clone(), view.attempt_id.clone());
        view.add(store.ingest_log(log.snapshot).await?);
        runs.insert((app, attempt));
        views.push(view);
        if views.len() == PAGE {
            if is_listed {
                list.page(&views)?;
            }
            views.clear();
        }
    }
    bar.finish_and_clear();
    if is_listed {
        list.page(&views)?;
        list.end()?;
    }
    Ok(runs)
}

/// Lists the jobs of the runs as the store has them; tells the days on which they ended.
async fn list_jobs(
    runs: &BTreeSet<Run>,
    store: &dyn Store,
    out: &mut Out,
) -> anyhow::Result<BTreeSet<Day>> {
    let is_table = out.format() == Format::Table;
    if is_table {
        writeln!(out)?;
    }
    let mut list = List::new(out, JOB_COLUMNS);
    let (mut days, mut views, mut left_out) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (app, attempt) in runs {
        let filter = JobFilter { app_id: Some(app.clone()), ..JobFilter::default() };
        let mut after = None;
        let mut count = 0;
        loop {
            let jobs = store.jobs(&filter, after.as_ref(), PAGE).await?;
            for job in jobs.iter().filter(|job| job.key.attempt_id == *attempt) {
                days.insert(job.end.day());
                count += 1;
                if !is_table || count <= SHOWN_JOBS {
                    views.push(JobFigures::from(job.clone()));
                }
            }
            if views.len() >= PAGE {
                list.page(&views)?;
                views.clear();
            }
            after = jobs.last().map(JobCursor::from);
            if jobs.len() < PAGE {
                break;
            }
        }
        if is_table && count > SHOWN_JOBS {
            left_out.push((app, count - SHOWN_JOBS));
        }
    }
    list.page(&views)?;
    list.end()?;
    for (app, more) in left_out {
        let app = text(&app.as_str().into());
        writeln!(out, "… {more} more; `cli jobs --app {app}` lists them")?;
    }
    Ok(days)
}

async fn list_days(days: &BTreeSet<Day>, store: &dyn Store, out: &mut Out) -> anyhow::Result<()> {
    if out.format() == Format::Csv {
        return Ok(());
    }
    if out.format() == Format::Table {
        writeln!(out)?;
    }
    let mut views = Vec::new();
    for day in days {
        let rollups = store.rollups(*day, *day, None).await?;
        views.extend(rollups.iter().map(|(day, rollup)| DayView::new(*day, rollup)));
    }
    let mut list = List::new(out, DayView::COLUMNS);
    list.page(&views)?;
    list.end()
}

impl LogView {
    /// What a log has, before the store has taken it.
    fn new(name: &str, log: &LogFile) -> Self {
        let snapshot = &log.snapshot;
        Self {
            log: name.to_owned(),
            app_id: snapshot.application.app_id.clone(),
            attempt_id: snapshot.application.attempt_id.clone(),
            outcome: "unchanged",
            jobs: snapshot.jobs.len(),
            jobs_written: 0,
            stages: snapshot.stages.len(),
            stages_written: 0,
            executors: snapshot.executors.len(),
            executors_written: 0,
            warning_count: logs::warning_count(log),
            warnings: log.warnings.clone(),
        }
    }

    fn add(&mut self, receipt: LogReceipt) {
        self.jobs_written = receipt.jobs;
        self.stages_written = receipt.stages;
        self.executors_written = receipt.executors;
        let is_whole = receipt.application
            && receipt.jobs == self.jobs
            && receipt.stages == self.stages
            && receipt.executors == self.executors;
        self.outcome = match receipt.is_unchanged() {
            true => "unchanged",
            false if is_whole => "new",
            false => "changed",
        };
    }
}
