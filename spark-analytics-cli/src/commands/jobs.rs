//! `job`, `jobs` and `failures`: the figures of one job and of many.

use anyhow::bail;
use clap::Args;
use clap::builder::PossibleValuesParser;
use spark_analytics_core::figures::JobFigures;
use spark_analytics_core::{Day, Job, JobCursor, JobFilter, JobOrder, JobRecord, JobResult};

use crate::commands::attempt;
use crate::flags::{Shared, WhichJob, check_range, day, result_word};
use crate::output::pages::pages;
use crate::output::view::{FAILURE_COLUMNS, JOB_COLUMNS};
use crate::output::{List, Out};
use crate::store::open;

/// Show the figures of one job
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics job 101 --app application_1711792363000_0042")]
pub(crate) struct OneJob {
    #[command(flatten)]
    job: WhichJob,
}

/// List jobs with their figures, newest first
#[derive(Debug, Args)]
#[command(
    after_help = "Example: spark-analytics jobs --user ada@example.com --from 7d --sort longest --top 20"
)]
pub(crate) struct Jobs {
    /// Only jobs of this user
    #[arg(long)]
    user: Option<String>,
    /// Only jobs of this application
    #[arg(long)]
    app: Option<String>,
    /// Only jobs of this attempt of the application
    #[arg(long, requires = "app")]
    attempt: Option<String>,
    /// Only jobs with this result, in any case: failed, succeeded, or unknown for any other
    #[arg(long, value_name = "RESULT", value_parser = result_word)]
    result: Option<String>,
    /// Only jobs that ended on this UTC day or later: YYYY-MM-DD, today, yesterday, or 7d for a week ago
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Only jobs that ended on this UTC day or earlier
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// Which come first: newest or oldest, by end, or longest
    #[arg(long, value_name = "ORDER", default_value = "newest",
          value_parser = PossibleValuesParser::new(JobOrder::ALL.map(JobOrder::name)))]
    sort: String,
    /// The maximum number of jobs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The same as --limit
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    top: Option<usize>,
}

/// List the jobs that failed, newest first, and why
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics failures --from yesterday")]
pub(crate) struct Failures {
    /// Only jobs of this application
    #[arg(long)]
    app: Option<String>,
    /// Only jobs of this attempt of the application
    #[arg(long, requires = "app")]
    attempt: Option<String>,
    /// Only jobs of this user
    #[arg(long)]
    user: Option<String>,
    /// Only jobs that ended on this UTC day or later: YYYY-MM-DD, today, yesterday, or 7d for a week ago
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Only jobs that ended on this UTC day or earlier
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// The maximum number of jobs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

pub(crate) async fn one(args: &OneJob, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let (key, record) = attempt::find_job(&*store, &args.job).await?;
    match record.as_ref().map(|record| (record, record.figures(&key))) {
        Some((_, Some(job))) => out.record(JOB_COLUMNS, &JobFigures::from(job))?,
        Some((record, None)) => bail!("{key} is incomplete: {}", missing(record)),
        None => bail!("{}", attempt::why_unknown(&*store, &args.job).await?),
    }
    Ok(store.close().await?)
}

pub(crate) async fn list(args: &Jobs, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    check_range(args.from, args.to)?;
    let mut filter = JobFilter::default();
    if let Some(word) = &args.result {
        filter = filter.result_word(word)?;
    }
    filter.user = args.user.clone();
    (filter.app_id, filter.attempt_id) = (args.app.clone(), args.attempt.clone());
    (filter.from, filter.to) = (args.from, args.to);
    filter.order = args.sort.parse()?;
    let limit = args.top.or(args.limit).unwrap_or(usize::MAX);
    show(&filter, limit, List::new(out, JOB_COLUMNS), "no jobs match", shared).await
}

pub(crate) async fn failures(
    args: &Failures,
    shared: &Shared,
    out: &mut Out,
) -> anyhow::Result<()> {
    check_range(args.from, args.to)?;
    let mut filter = JobFilter::default().result(JobResult::Failed).order(JobOrder::Newest);
    filter.user = args.user.clone();
    (filter.app_id, filter.attempt_id) = (args.app.clone(), args.attempt.clone());
    (filter.from, filter.to) = (args.from, args.to);
    let limit = args.limit.unwrap_or(usize::MAX);
    show(&filter, limit, List::new(out, FAILURE_COLUMNS), "no failed jobs", shared).await
}

async fn show(
    filter: &JobFilter,
    limit: usize,
    mut list: List<'_>,
    if_empty: &str,
    shared: &Shared,
) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let read = async |after: Option<&JobCursor>, wanted| store.jobs(filter, after, wanted).await;
    let write =
        |jobs: &[Job]| list.page(&jobs.iter().cloned().map(JobFigures::from).collect::<Vec<_>>());
    pages(limit, read, |job| JobCursor::from(job), write).await?;
    list.end_or_say(if_empty)?;
    Ok(store.close().await?)
}

fn missing(record: &JobRecord) -> &'static str {
    if let Some(log) = &record.log {
        return match (log.ended, log.submission_time) {
            (false, _) => "its event log does not contain its end yet",
            (true, None) => "its event log does not contain the time of its start",
            (true, Some(_)) => "its event log does not contain the time of its end",
        };
    }
    match (&record.events.start, &record.events.end) {
        (None, None) => "neither its start nor its end is known",
        (None, Some(_)) => "its start is not known",
        _ => "its end is not known",
    }
}
