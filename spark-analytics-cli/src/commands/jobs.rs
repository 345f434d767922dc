//! `job` and `jobs`: the figures of one job and of many.

use anyhow::bail;
use clap::Args;
use spark_analytics_core::figures::JobFigures;
use spark_analytics_core::{Day, Job, JobCursor, JobFilter, JobKey, JobRecord, JobResult};

use crate::flags::{Shared, WhichJob, check_range};
use crate::output::pages::pages;
use crate::output::view::JOB_COLUMNS;
use crate::output::{List, Out};
use crate::store::open;

/// Show the figures of one job
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics job 101 --app application_1711792363000_0042")]
pub(crate) struct OneJob {
    #[command(flatten)]
    job: WhichJob,
}

/// List jobs with their figures, ordered by end time
#[derive(Debug, Args)]
#[command(
    after_help = "Example: spark-analytics jobs --user ada@example.com --from 2024-03-01 --format csv"
)]
pub(crate) struct Jobs {
    /// Only jobs of this user
    #[arg(long)]
    user: Option<String>,
    /// Only jobs of this application
    #[arg(long)]
    app: Option<String>,
    /// Only jobs with this result: JobSucceeded, JobFailed, or any other text that events gave
    #[arg(long)]
    result: Option<String>,
    /// Only jobs that ended on this UTC day or later
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// Only jobs that ended on this UTC day or earlier
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,
    /// The maximum number of jobs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

pub(crate) async fn one(args: &OneJob, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let key = JobKey::from(&args.job);
    let record = store.job(&key).await?;
    match record.as_ref().map(|record| (record, record.figures(&key))) {
        Some((_, Some(job))) => out.record(JOB_COLUMNS, &JobFigures::from(job))?,
        Some((record, None)) => bail!("{key} is incomplete: {}", missing(record)),
        None => bail!("{key} is unknown; name its application with --app and --attempt"),
    }
    Ok(store.close().await?)
}

pub(crate) async fn list(args: &Jobs, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    check_range(args.from, args.to)?;
    let store = open::existing(shared).await?;
    let mut filter = JobFilter::default();
    filter.user = args.user.clone();
    filter.app_id = args.app.clone();
    filter.result = args.result.as_deref().map(JobResult::from_name);
    (filter.from, filter.to) = (args.from, args.to);
    let mut list = List::new(out, JOB_COLUMNS);
    let limit = args.limit.unwrap_or(usize::MAX);
    let read = async |after: Option<&JobCursor>, wanted| store.jobs(&filter, after, wanted).await;
    let write =
        |jobs: &[Job]| list.page(&jobs.iter().cloned().map(JobFigures::from).collect::<Vec<_>>());
    pages(limit, read, |job| JobCursor::from(job), write).await?;
    list.end()?;
    Ok(store.close().await?)
}

fn missing(record: &JobRecord) -> &'static str {
    match (&record.events.start, &record.events.end) {
        _ if record.log.is_some() => "its event log does not contain its end yet",
        (None, None) => "neither its start nor its end is known",
        (None, Some(_)) => "its start is not known",
        _ => "its end is not known",
    }
}
