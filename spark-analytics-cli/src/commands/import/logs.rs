//! Storing the logs that were found, and the outcome of each.

use std::collections::BTreeSet;

use indicatif::ProgressBar;
use serde::Serialize;
use spark_analytics_core::log::{LogRun, LogWarning};
use spark_analytics_core::{AttemptKey, LogReceipt, OtherRun, Refusal, Store};
use spark_analytics_eventlog::LogFile;
use spark_analytics_import::{Batch, ReadLog, known_logs, read_batches, said_of_run};

use crate::commands::import::skips::Skips;
use crate::commands::logs::{self, Found, LeftOut};
use crate::output::{Columns, Format, progress};

/// The maximum number of warnings in the result; further ones are only counted.
const MOST_WARNINGS: usize = 10_000;

/// What became of the logs.
#[derive(Default)]
pub(super) struct Imported {
    pub(super) views: Vec<LogView>,
    pub(super) outcomes: Outcomes,
    /// The attempts that they report.
    pub(super) runs: BTreeSet<AttemptKey>,
}

/// The number of logs by outcome.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Outcomes {
    pub(super) logs: usize,
    pub(super) new: usize,
    pub(super) changed: usize,
    pub(super) unchanged: usize,
    pub(super) replaced: usize,
    pub(super) forgotten: usize,
    pub(super) too_old: usize,
}

/// The outcome of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// All of it was new.
    New,
    /// Some of it was new or greater.
    Changed,
    /// The store has all of it.
    Unchanged,
    /// The store has another run of the application id.
    Replaced,
    /// Its application was forgotten.
    Forgotten,
    /// Logs of its time were pruned.
    TooOld,
}

/// A log as it is listed. The numbers of facts are `None` for a log that was not read again.
#[derive(Debug, Serialize)]
pub(super) struct LogView {
    log: String,
    app_id: String,
    attempt_id: String,
    outcome: Outcome,
    jobs: Option<usize>,
    jobs_written: usize,
    stages: Option<usize>,
    stages_written: usize,
    executors: Option<usize>,
    executors_written: usize,
    warning_count: u64,
    warnings: Vec<LogWarning>,
    /// What became of another run of the application id, or of this one.
    other_run: Option<String>,
    #[serde(skip)]
    run: LogRun,
}

pub(super) const COLUMNS: Columns = {
    const ALL: &[&str] = &[
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
    Columns { all: ALL, table: ALL }
};

/// Stores the logs, several in one transaction. Logs that the store has already are not read, unless `force`d.
pub(super) async fn store_logs(
    found: &mut Found,
    store: &dyn Store,
    force: bool,
    memory: usize,
    skips: &mut Skips<'_>,
    format: Format,
) -> anyhow::Result<Imported> {
    let mut imported = Imported::default();
    let known = match force {
        true => Default::default(),
        false => known_logs(store, &found.logs).await?,
    };
    let mut logs = std::mem::take(&mut found.logs);
    logs.retain(|log| match known.get(log.id()) {
        Some(known) if known.is_stored => {
            imported.views.push(LogView::unread(&log.name, &known.run));
            false
        }
        _ => true,
    });
    let bar = progress::bytes(Some(logs.iter().map(|log| log.size()).sum()));
    found.skipped.iter().for_each(|skipped| skips.add(skipped, &bar));
    let mut left = logs.len();
    let mut warnings_left = if format == Format::Json { MOST_WARNINGS } else { 0 };
    let reading = bar.clone();
    let mut batches = read_batches(logs, memory, |_| false, move |bytes| reading.inc(bytes));
    loop {
        let batch = match batches.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(_) => anyhow::bail!("reading ended before the last {left} logs; import them again"),
        };
        left -= batch.logs().len();
        let views = views(&batch, found, skips, &mut warnings_left, &bar);
        let outcomes = batch.store_each(store).await?;
        for (mut view, outcome) in views.into_iter().zip(outcomes) {
            let receipt = match outcome {
                Ok(receipt) => receipt,
                Err(error) => {
                    let reason = format!("cannot store {}: {error}", view.log);
                    found.failed.push(LeftOut { path: view.log, reason, is_other_file: false });
                    continue;
                }
            };
            view.add(receipt, &bar);
            imported.mark_replaced(&view, receipt.other_run);
            imported.views.push(view);
        }
    }
    bar.finish_and_clear();
    imported.views.sort_by(|a, b| a.log.cmp(&b.log));
    imported.count();
    Ok(imported)
}

/// The logs of a batch that could be read; the others are reported.
fn views(
    batch: &Batch,
    found: &mut Found,
    skips: &mut Skips<'_>,
    warnings_left: &mut usize,
    bar: &ProgressBar,
) -> Vec<LogView> {
    let mut views = Vec::new();
    for ReadLog { log, result, .. } in batch.logs() {
        match result {
            Ok(file) => {
                logs::say_warnings(&log.name, file, bar);
                let mut view = LogView::read(&log.name, file);
                let kept = file.warnings.iter().take(*warnings_left);
                view.warnings = kept.cloned().collect();
                *warnings_left -= view.warnings.len();
                views.push(view);
            }
            Err(error) if error.is_failure() => found.failed.push(LeftOut::new(log, error)),
            Err(error) => {
                let skipped = LeftOut::new(log, error);
                skips.add(&skipped, bar);
                found.skipped.push(skipped);
            }
        }
    }
    views
}

impl Imported {
    /// Marks logs of this import whose run was replaced by that of a later one.
    fn mark_replaced(&mut self, by: &LogView, other: Option<OtherRun>) {
        let Some(OtherRun::Removed { jobs, .. }) = other else { return };
        let of_others = self.views.iter_mut().filter(|view| view.run.key() == by.run.key());
        for view in of_others.filter(|view| view.run != by.run) {
            let kept = OtherRun::Kept { started: by.run.start_time };
            view.outcome = Outcome::Replaced;
            view.other_run = Some(said_of_run(kept, view.jobs.unwrap_or(jobs)));
        }
    }

    fn count(&mut self) {
        self.outcomes.logs = self.views.len();
        for view in &self.views {
            *match view.outcome {
                Outcome::New => &mut self.outcomes.new,
                Outcome::Changed => &mut self.outcomes.changed,
                Outcome::Unchanged => &mut self.outcomes.unchanged,
                Outcome::Replaced => &mut self.outcomes.replaced,
                Outcome::Forgotten => &mut self.outcomes.forgotten,
                Outcome::TooOld => &mut self.outcomes.too_old,
            } += 1;
            self.runs.insert(view.run.key());
        }
    }
}

impl LogView {
    fn of(name: &str, run: LogRun) -> Self {
        Self {
            log: name.to_owned(),
            app_id: run.app_id.clone(),
            attempt_id: run.attempt_id.clone(),
            outcome: Outcome::Unchanged,
            jobs: None,
            jobs_written: 0,
            stages: None,
            stages_written: 0,
            executors: None,
            executors_written: 0,
            warning_count: 0,
            warnings: Vec::new(),
            other_run: None,
            run,
        }
    }

    /// A log that has not changed since it was imported.
    fn unread(name: &str, run: &LogRun) -> Self {
        Self::of(name, run.clone())
    }

    /// The facts of a log, before it is stored.
    fn read(name: &str, log: &LogFile) -> Self {
        let snapshot = &log.snapshot;
        Self {
            jobs: Some(snapshot.jobs.len()),
            stages: Some(snapshot.stages.len()),
            executors: Some(snapshot.executors.len()),
            warning_count: logs::warning_count(log),
            ..Self::of(name, snapshot.application.run())
        }
    }

    /// Adds what was written, and warns of other runs.
    fn add(&mut self, receipt: LogReceipt, bar: &ProgressBar) {
        self.jobs_written = receipt.jobs;
        self.stages_written = receipt.stages;
        self.executors_written = receipt.executors;
        let is_whole = receipt.application
            && Some(receipt.jobs) == self.jobs
            && Some(receipt.stages) == self.stages
            && Some(receipt.executors) == self.executors;
        self.outcome = match receipt.other_run {
            _ if receipt.refused == Some(Refusal::Forgotten) => Outcome::Forgotten,
            _ if receipt.refused.is_some() => Outcome::TooOld,
            Some(OtherRun::Kept { .. }) => Outcome::Replaced,
            _ if receipt.is_unchanged() => Outcome::Unchanged,
            _ if is_whole => Outcome::New,
            _ => Outcome::Changed,
        };
        if let Some(other) = receipt.other_run {
            let said = said_of_run(other, self.jobs.unwrap_or_default());
            progress::say_above(bar, &format!("warning: {}, {}: {said}", self.log, self.app_id));
            self.other_run = Some(said);
        }
    }
}
