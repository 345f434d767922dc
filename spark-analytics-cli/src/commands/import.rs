//! `import`: stores Spark's event logs.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use spark_analytics_core::figures::JobFigures;
use spark_analytics_core::log::LogWarning;
use spark_analytics_core::{Day, Job, JobCursor, JobFilter, LogReceipt, Refusal, Store};
use spark_analytics_eventlog::{LogFile, is_url};
use spark_analytics_import::{Batch, ReadLog, Update, follow, read_batches};

use crate::commands::logs::{self, Found, LeftOut};
use crate::flags::Shared;
use crate::output::pages::{PAGE, pages};
use crate::output::view::{DayView, JOB_COLUMNS};
use crate::output::{Columns, Format, List, Out, progress, text};
use crate::store::by_url::without_password;
use crate::store::open;

/// Store Spark's event logs: files, rolled logs, and folders of them
///
/// Then lists the imported jobs and the days on which they ended. Importing a log again changes
/// nothing. Files that are not event logs are reported and skipped.
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics import examples/eventlogs")]
pub(crate) struct Import {
    /// Files, folders and URLs (s3://, gs://, az://, http://, https://)
    #[arg(value_name = "PATH", required_unless_present = "follow")]
    paths: Vec<PathBuf>,
    /// Keep the store up to date with the logs of this folder, without its subfolders, until interrupted
    #[arg(long, value_name = "DIR", conflicts_with = "paths")]
    follow: Option<PathBuf>,
    /// How often to check the folder, such as 500ms, 10s or 1m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    interval: Duration,
}

/// The maximum number of jobs of an attempt in the table; JSON and CSV have all.
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
    if let Some(folder) = &args.follow {
        return keep_up(folder, args.interval, shared, out).await;
    }
    let store = open::open_or_create(shared).await?;
    let mut found = Found::under(&args.paths);
    if out.format() == Format::Json {
        out.write_all(b"{\"logs\": ")?;
    }
    let runs = store_logs(&mut found, &*store, out).await?;
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

const UPDATES: Columns = {
    const ALL: &[&str] = &["log", "app_id", "attempt_id", "state", "jobs", "detail"];
    Columns { all: ALL, table: ALL }
};

/// Follows a folder and prints a line for each log whose state changed.
async fn keep_up(
    folder: &Path,
    interval: Duration,
    shared: &Shared,
    out: &mut Out,
) -> anyhow::Result<()> {
    if is_url(folder) {
        let url = without_password(&folder.to_string_lossy());
        anyhow::bail!("cannot follow {url}: only folders can be followed");
    }
    let metadata =
        std::fs::metadata(folder).with_context(|| format!("cannot follow {}", folder.display()))?;
    anyhow::ensure!(metadata.is_dir(), "cannot follow {}: it is not a folder", folder.display());
    let store = open::open_or_create(shared).await?;
    if out.format() == Format::Csv {
        out.csv_heading(UPDATES)?;
    }
    let report = |update: &Update| -> anyhow::Result<()> {
        match out.format() {
            Format::Table => writeln!(out, "{}", text(&update.to_string().into()))?,
            Format::Json => {
                serde_json::to_writer(&mut *out, update)?;
                writeln!(out)?;
            }
            Format::Csv => out.csv_rows(UPDATES, std::slice::from_ref(update))?,
        }
        Ok(out.flush()?)
    };
    Err(follow(store, folder.to_owned(), interval, report).await)
}

/// Stores the logs, several in one transaction, and lists the outcome of each.
async fn store_logs(
    found: &mut Found,
    store: &dyn Store,
    out: &mut Out,
) -> anyhow::Result<BTreeSet<Run>> {
    let is_listed = out.format() != Format::Csv;
    let mut list = List::new(out, Columns { all: LOGS, table: LOGS });
    let mut runs = BTreeSet::new();
    let bar = progress::bytes(Some(found.bytes()));
    found.skipped.iter().for_each(|skipped| skipped.say(&bar));
    let logs = std::mem::take(&mut found.logs);
    let mut left = logs.len();
    let reading = bar.clone();
    let mut batches = read_batches(logs, |_| false, move |bytes| reading.inc(bytes));
    loop {
        let batch = match batches.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(_) => anyhow::bail!("reading ended before the last {left} logs; import them again"),
        };
        left -= batch.logs().len();
        let mut views = list_batch(&batch, found, &bar);
        let receipts = batch.store(store).await?;
        views.iter_mut().zip(receipts).for_each(|(view, receipt)| view.add(receipt));
        runs.extend(views.iter().map(LogView::run));
        if is_listed {
            list.page(&views)?;
        }
    }
    bar.finish_and_clear();
    if is_listed {
        list.end()?;
    }
    Ok(runs)
}

/// The logs of a batch that could be read; the others are reported.
fn list_batch(batch: &Batch, found: &mut Found, bar: &ProgressBar) -> Vec<LogView> {
    let mut views = Vec::new();
    for ReadLog { log, result, .. } in batch.logs() {
        match result {
            Ok(file) => {
                logs::say_warnings(&log.name, file, bar);
                views.push(LogView::new(&log.name, file));
            }
            Err(error) if error.is_failure() => found.failed.push(LeftOut::new(log, error)),
            Err(error) => {
                let skipped = LeftOut::new(log, error);
                skipped.say(bar);
                found.skipped.push(skipped);
            }
        }
    }
    views
}

/// Lists the jobs of the runs as they are stored, and returns the days on which they ended.
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
        let filter = JobFilter::default().app(app);
        let mut count = 0;
        let read =
            async |after: Option<&JobCursor>, wanted| store.jobs(&filter, after, wanted).await;
        let write = |jobs: &[Job]| {
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
            Ok(())
        };
        pages(usize::MAX, read, |job| JobCursor::from(job), write).await?;
        if is_table && count > SHOWN_JOBS {
            left_out.push((app, count - SHOWN_JOBS));
        }
    }
    list.page(&views)?;
    list.end()?;
    for (app, more) in left_out {
        let app = text(&app.as_str().into());
        writeln!(out, "… {more} more; `spark-analytics jobs --app {app}` lists them")?;
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
    /// The facts of a log, before it is stored.
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

    fn run(&self) -> Run {
        (self.app_id.clone(), self.attempt_id.clone())
    }

    fn add(&mut self, receipt: LogReceipt) {
        self.jobs_written = receipt.jobs;
        self.stages_written = receipt.stages;
        self.executors_written = receipt.executors;
        let is_whole = receipt.application
            && receipt.jobs == self.jobs
            && receipt.stages == self.stages
            && receipt.executors == self.executors;
        self.outcome = match receipt.refused {
            Some(Refusal::Forgotten) => "forgotten",
            Some(_) => "too_old",
            None if receipt.is_unchanged() => "unchanged",
            None if is_whole => "new",
            None => "changed",
        };
    }
}
