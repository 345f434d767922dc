//! The jobs of imported logs, and the days on which they ended.

use std::collections::BTreeSet;
use std::io::Write as _;

use spark_analytics_core::figures::JobFigures;
use spark_analytics_core::{AttemptKey, Day, Job, JobCursor, JobFilter, JobResult, Store};

use crate::output::pages::{PAGE, pages};
use crate::output::view::{DayView, JOB_COLUMNS};
use crate::output::{List, Out, text};

/// The maximum number of jobs in the table; JSON and CSV have all.
const SHOWN_JOBS: usize = 50;

/// The figures of imported applications as they are stored.
#[derive(Default)]
pub(super) struct Figures {
    /// The number of their jobs.
    pub(super) jobs: usize,
    /// The number of those that failed.
    pub(super) failed_jobs: usize,
    /// The days on which they ended.
    pub(super) days: BTreeSet<Day>,
    /// The first failed jobs, and the first others.
    failed: Vec<JobFigures>,
    others: Vec<JobFigures>,
    /// The application, if there is one only.
    app: Option<String>,
}

impl Figures {
    /// Reads the jobs of some attempts, and keeps the first ones.
    pub(super) async fn of(runs: &BTreeSet<AttemptKey>, store: &dyn Store) -> anyhow::Result<Self> {
        let mut figures = Self::default();
        if let Some(first) = runs.first().filter(|_| runs.len() == 1) {
            figures.app = Some(first.app_id.clone());
        }
        each_job(runs, store, |job| {
            figures.count(job);
            let kept = match job.result {
                JobResult::Failed => &mut figures.failed,
                _ => &mut figures.others,
            };
            if kept.len() < SHOWN_JOBS {
                kept.push(JobFigures::from(job.clone()));
            }
            Ok(())
        })
        .await?;
        Ok(figures)
    }

    fn count(&mut self, job: &Job) {
        self.jobs += 1;
        self.failed_jobs += usize::from(job.result == JobResult::Failed);
        self.days.insert(job.end.day());
    }

    /// Prints failed jobs, and then the others if `all` are wanted. Returns whether there were any.
    pub(super) fn print_jobs(&self, all: bool, out: &mut Out) -> anyhow::Result<bool> {
        let others: &[JobFigures] = if all { &self.others } else { &[] };
        let shown: Vec<&JobFigures> = self.failed.iter().chain(others).take(SHOWN_JOBS).collect();
        if shown.is_empty() {
            return Ok(false);
        }
        let mut list = List::new(out, JOB_COLUMNS);
        list.page(&shown)?;
        list.end()?;
        let (of, flag) =
            if all { (self.jobs, "") } else { (self.failed_jobs, " --result JobFailed") };
        if of > shown.len() {
            let app = self.app.as_ref().map(|app| format!(" --app {}", text(&app.as_str().into())));
            let app = app.unwrap_or_default();
            let more = of - shown.len();
            writeln!(out, "… {more} more; `spark-analytics jobs{app}{flag}` lists them")?;
        }
        Ok(true)
    }
}

/// Lists all jobs of some attempts as they are stored.
pub(super) async fn list_jobs(
    runs: &BTreeSet<AttemptKey>,
    store: &dyn Store,
    out: &mut Out,
) -> anyhow::Result<Figures> {
    let (mut figures, mut views) = (Figures::default(), Vec::new());
    let mut list = List::new(out, JOB_COLUMNS);
    each_job(runs, store, |job| {
        figures.count(job);
        views.push(JobFigures::from(job.clone()));
        if views.len() >= PAGE {
            list.page(&views)?;
            views.clear();
        }
        Ok(())
    })
    .await?;
    list.page(&views)?;
    list.end()?;
    Ok(figures)
}

async fn each_job(
    runs: &BTreeSet<AttemptKey>,
    store: &dyn Store,
    mut each: impl FnMut(&Job) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for AttemptKey { app_id, attempt_id, .. } in runs {
        let filter = JobFilter::default().app(app_id).attempt(attempt_id);
        let read =
            async |after: Option<&JobCursor>, wanted| store.jobs(&filter, after, wanted).await;
        let write = |jobs: &[Job]| jobs.iter().try_for_each(&mut each);
        pages(usize::MAX, read, |job| JobCursor::from(job), write).await?;
    }
    Ok(())
}

/// Lists the figures of days.
pub(super) async fn list_days(
    days: &BTreeSet<Day>,
    store: &dyn Store,
    out: &mut Out,
) -> anyhow::Result<()> {
    let mut views = Vec::new();
    for day in days {
        let rollups = store.rollups(*day, *day, None).await?;
        views.extend(rollups.iter().map(|(day, rollup)| DayView::new(*day, rollup)));
    }
    let mut list = List::new(out, DayView::COLUMNS);
    list.page(&views)?;
    list.end()
}
