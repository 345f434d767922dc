//! `inspect`: the contents of event logs in the form of Spark's REST API; nothing is stored.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Value, json};
use spark_analytics_core::history::{self, ApplicationInfo, JobData, StageData, jobs_json};
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{LogFile, is_url};

use crate::commands::logs::{self, Found, LeftOut};
use crate::flags::Shared;
use crate::output::progress;
use crate::output::{Columns, Format, List, Out};

/// Show the contents of event logs as Spark's History Server would, without storing anything
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics inspect examples/eventlogs --format json")]
pub(crate) struct Inspect {
    /// Files, rolled logs, folders of them, and URLs (s3://, gs://, az://, http://, https://)
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

const JOBS: Columns = Columns {
    all: &[
        "appId",
        "attemptId",
        "jobId",
        "name",
        "status",
        "submissionTime",
        "completionTime",
        "numTasks",
        "numActiveTasks",
        "numCompletedTasks",
        "numFailedTasks",
        "numKilledTasks",
        "numSkippedTasks",
        "numCompletedIndices",
        "numActiveStages",
        "numCompletedStages",
        "numFailedStages",
        "numSkippedStages",
        "longestTaskMs",
        "failureMessage",
    ],
    table: &[
        "jobId",
        "status",
        "submissionTime",
        "completionTime",
        "numTasks",
        "numCompletedTasks",
        "numFailedTasks",
        "numKilledTasks",
        "numSkippedTasks",
        "longestTaskMs",
        "name",
        "failureMessage",
    ],
};

const APPLICATION: Columns = {
    const ALL: &[&str] = &[
        "app_id",
        "attempt_id",
        "name",
        "user",
        "spark_version",
        "start_time",
        "end_time",
        "stages",
        "executors",
    ];
    Columns { all: ALL, table: ALL }
};

const WARNINGS: Columns = {
    const ALL: &[&str] = &["line", "offset", "reason"];
    Columns { all: ALL, table: ALL }
};

pub(crate) fn run(args: &Inspect, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let found = Found::under(&args.paths);
    let bar = progress::bytes(Some(found.bytes()));
    found.skipped.iter().for_each(|skipped| skipped.say(&bar));
    let mut failed = found.failed;
    let mut report = Report::new(out)?;
    // In a URL every slash counts.
    let plain = |path: &PathBuf| match is_url(path) {
        true => path.clone(),
        false => path.components().collect(),
    };
    let is_named = |name: &str| args.paths.iter().any(|path| plain(path).to_string_lossy() == name);
    for found_log in &found.logs {
        match logs::read(found_log, shared.memory().logs(), &bar) {
            Ok(log) => {
                if report.format == Format::Csv {
                    logs::say_warnings(&found_log.name, &log, &bar);
                }
                bar.suspend(|| report.log(&log))?;
            }
            // A file that the user names has to be an event log.
            Err(error) if error.is_failure() || is_named(&found_log.name) => {
                failed.push(LeftOut::new(found_log, &error));
            }
            Err(error) => LeftOut::new(found_log, &error).say(&bar),
        }
    }
    bar.finish_and_clear();
    report.end()?;
    logs::all_read(&failed)
}

/// Prints the logs one by one.
struct Report<'a> {
    out: &'a mut Out,
    format: Format,
    is_first: bool,
}

impl<'a> Report<'a> {
    fn new(out: &'a mut Out) -> anyhow::Result<Self> {
        let format = out.format();
        match format {
            Format::Json => out.write_all(b"{\"applications\":[")?,
            Format::Csv => out.csv_heading(JOBS)?,
            Format::Table => {}
        }
        Ok(Self { out, format, is_first: true })
    }

    fn log(&mut self, log: &LogFile) -> anyhow::Result<()> {
        let is_first = std::mem::take(&mut self.is_first);
        match self.format {
            Format::Json => {
                self.out.write_all(if is_first { b"\n" } else { b",\n" })?;
                // Written while they are made: a log may have many jobs and stages.
                serde_json::to_writer(&mut *self.out, &Answers(log))?;
            }
            Format::Csv => self.out.csv_rows(JOBS, &jobs(&log.snapshot))?,
            Format::Table => {
                if !is_first {
                    writeln!(self.out)?;
                }
                self.table(APPLICATION, &[application(&log.snapshot)])?;
                self.table(JOBS, &jobs(&log.snapshot))?;
                if !log.warnings.is_empty() {
                    self.table(WARNINGS, &log.warnings)?;
                }
            }
        }
        Ok(())
    }

    fn table<T: Serialize>(&mut self, columns: Columns, rows: &[T]) -> anyhow::Result<()> {
        let mut list = List::new(self.out, columns);
        list.page(rows)?;
        list.end()
    }

    fn end(self) -> anyhow::Result<()> {
        match self.format {
            Format::Json => Ok(self.out.write_all(b"\n]}\n")?),
            _ => Ok(()),
        }
    }
}

/// The answers of Spark's REST API for a log, and the log's warnings.
struct Answers<'a>(&'a LogFile);

impl Serialize for Answers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let log = &self.0.snapshot;
        let mut fields = serializer.serialize_struct("Answers", 5)?;
        let application = std::slice::from_ref(&log.application);
        fields.serialize_field("application", &ApplicationInfo(application))?;
        fields.serialize_field(
            "jobs",
            &history::jobs(log).into_iter().map(JobData).collect::<Vec<_>>(),
        )?;
        let stages = history::stages(log).into_iter().map(StageData).collect::<Vec<_>>();
        fields.serialize_field("stages", &stages)?;
        fields.serialize_field("executors", &history::executors(log))?;
        fields.serialize_field("warnings", &self.0.warnings)?;
        fields.end()
    }
}

fn application(log: &LogSnapshot) -> Value {
    let application = &log.application;
    json!({
        "app_id": application.app_id,
        "attempt_id": application.attempt_id,
        "name": application.name,
        "user": application.user,
        "spark_version": application.spark_version,
        "start_time": application.start_time.map(|time| time.to_string()),
        "end_time": application.end_time.map(|time| time.to_string()),
        "stages": log.stages.len(),
        "executors": log.executors.len(),
    })
}

/// Spark's jobs, each with its application, the duration of its longest task, and why it failed.
fn jobs(log: &LogSnapshot) -> Vec<Value> {
    let Value::Array(mut jobs) = jobs_json(log) else { return Vec::new() };
    for (job, of_log) in jobs.iter_mut().zip(history::jobs(log)) {
        job["longestTaskMs"] = of_log.longest_task_ms.into();
        job["failureMessage"] = of_log.failure_message.as_deref().into();
        job["appId"] = log.application.app_id.as_str().into();
        job["attemptId"] = log.application.attempt_id.as_str().into();
    }
    jobs
}
