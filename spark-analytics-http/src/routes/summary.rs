//! `GET /api/v1/analytics/summary`: a day, or a range of days, of all users or of one.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use spark_analytics_core::figures::{JobLine, Quantiles, TaskFigures, TotalFigures};
use spark_analytics_core::{Day, JobFilter};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::reading::listing::Reader;
use crate::reading::permits::{self, Cost};
use crate::request::page::{self, Page};
use crate::request::params::{self, Params};
use crate::routes::jobs::Jobs;

/// The longest range in days: ten years. A range reads a row for each day.
const MAX_RANGE_DAYS: i64 = 3_653;
/// The longest range in days that is cheap to read.
const MAX_CHEAP_DAYS: i64 = 31;
/// How far a range reaches from its only end.
const OPEN_RANGE_DAYS: i32 = MAX_RANGE_DAYS as i32 - 1;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SummaryParams {
    /// The day on which the jobs ended (UTC). Give either this, or `from` and `to`.
    #[param(format = Date, example = "2024-03-30")]
    date: Option<String>,
    /// The first day of a range of at most ten years: a date, `today`, `yesterday`, or `7d` for a week ago.
    /// Without it, the range begins ten years before `to`.
    #[param(format = Date)]
    from: Option<String>,
    /// The last day of the range. Without it, the range ends ten years after `from`.
    #[param(format = Date)]
    to: Option<String>,
    /// Only this user's jobs.
    user: Option<String>,
    /// Maximum number of jobs to list, 1,000 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// The jobs that ended on a day or in a range of days.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// The requested day; absent for a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date, example = "2024-03-30")]
    date: Option<String>,
    /// Number of all jobs. `limit` affects only `jobs`, no other figure.
    #[schema(example = 1)]
    total_jobs: i64,
    /// Mean duration of the jobs, 0 without jobs. Impossible durations are left out.
    #[schema(example = 78.0)]
    avg_duration_seconds: f64,
    /// Mean success rate in percent, 0 without jobs: for a day of all jobs, where a job without tasks counts as 0; for a
    /// range of the jobs with tasks.
    #[schema(example = 91.67)]
    avg_success_rate: f64,
    /// A page of the jobs, ordered by end, application, attempt and job.
    jobs: Vec<JobLine>,
    /// The `cursor` of the next page, null on the last page.
    next: Option<String>,
    /// Jobs that ended with `JobFailed`.
    failed_jobs: i64,
    /// Jobs that ended neither with `JobSucceeded` nor with `JobFailed`.
    unknown_jobs: i64,
    /// Distribution of job durations, within 1 % and without impossible ones; null without jobs.
    job_duration_seconds: Option<Quantiles<f64>>,
    /// Figures of the tasks of all jobs.
    tasks: TaskFigures,
    /// The first day of the requested range.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    from: Option<String>,
    /// The last day of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    to: Option<String>,
    /// The requested user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Jobs with tasks that succeeded or failed.
    jobs_with_tasks: i64,
    /// Jobs whose duration is negative or longer than a leap year, because a clock was set.
    impossible_durations: i64,
}

/// The figures of a day or of a range of days, of all users or of one.
///
/// A job belongs to the UTC day on which it ended. Give `date`, or `from` and `to`.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/summary",
    tag = "analytics",
    params(SummaryParams),
    responses(
        (status = 200, description = "The figures; zeros without jobs", body = Summary),
        (status = 400, description = "The day is missing or invalid, or a parameter is invalid", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server is busy with other reads, or the store is unavailable now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn summary(
    reader: Reader,
    Params(params): Params<SummaryParams>,
) -> Result<Response, Problem> {
    let (from, to) = days(&params)?;
    let page = Page::new(params.limit.as_deref(), params.cursor.as_deref(), page::FIGURES)?;
    let mut filter = JobFilter::days(from, to);
    filter.user = params.user;
    let user = filter.user.clone();
    let cost = cost(&filter, page.limit);
    let jobs = Jobs::<JobLine>::new(filter, &page)?;
    let (analytics, of) = (reader.app.analytics.clone(), user.clone());
    let permit = reader.app.permits.take(cost).await?;
    let total = async move { analytics.summary(from, to, of.as_deref()).await };
    let (total, permit) = permits::run(permit, total).await;
    let total = TotalFigures::from(&total?);
    drop(permit);
    let frame = Summary {
        avg_success_rate: match params.date {
            Some(_) => total.avg_success_rate_of_all,
            None => total.avg_success_rate,
        },
        from: params.date.is_none().then(|| from.to_string()),
        to: params.date.is_none().then(|| to.to_string()),
        date: params.date,
        total_jobs: total.total_jobs,
        avg_duration_seconds: total.avg_duration_seconds,
        jobs: Vec::new(),
        next: None,
        failed_jobs: total.failed_jobs,
        unknown_jobs: total.unknown_jobs,
        job_duration_seconds: total.job_duration_seconds,
        tasks: total.tasks,
        user,
        jobs_with_tasks: total.jobs_with_tasks,
        impossible_durations: total.impossible_durations,
    };
    reader.list(cost, jobs, page, &frame).await
}

/// What a summary costs.
fn cost(filter: &JobFilter, limit: usize) -> Cost {
    let days = filter
        .from
        .zip(filter.to)
        .map(|(from, to)| i64::from(to.number()) - i64::from(from.number()));
    let is_short = days.is_some_and(|days| days < MAX_CHEAP_DAYS) && limit <= page::FIGURES.default;
    if is_short && filter.user.is_none() { Cost::Cheap } else { Cost::Expensive }
}

fn days(params: &SummaryParams) -> Result<(Day, Day), Problem> {
    match (&params.date, &params.from, &params.to) {
        (Some(date), None, None) => {
            let day = params::day("date", date)?;
            Ok((day, day))
        }
        (None, Some(from), Some(to)) => {
            let (from, to) = (params::day_or_word("from", from)?, params::day_or_word("to", to)?);
            match i64::from(to.number()) - i64::from(from.number()) {
                ..0 => Err(Problem::bad_request("`to` is before `from`")),
                MAX_RANGE_DAYS.. => {
                    let detail = format!("a range may have at most {MAX_RANGE_DAYS} days");
                    Err(Problem::bad_request(detail))
                }
                _ => Ok((from, to)),
            }
        }
        (None, Some(from), None) => {
            let from = params::day_or_word("from", from)?;
            Ok((from, Day::from_number(from.number().saturating_add(OPEN_RANGE_DAYS))))
        }
        (None, None, Some(to)) => {
            let to = params::day_or_word("to", to)?;
            Ok((Day::from_number(to.number().saturating_sub(OPEN_RANGE_DAYS)), to))
        }
        (None, None, None) => {
            let detail =
                "`date` is missing: give a day as date=YYYY-MM-DD, or a range as from= and to=";
            Err(Problem::bad_request(detail))
        }
        _ => Err(Problem::bad_request("give either `date`, or `from` and `to`")),
    }
}
