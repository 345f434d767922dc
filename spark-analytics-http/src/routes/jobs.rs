//! `GET /api/v1/analytics/jobs` and `…/{job_id}`.

use std::marker::PhantomData;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spark_analytics_core::figures::JobFigures;
use spark_analytics_core::{Job, JobFilter, JobKey, JobOrder, Store, attempts_of, newest_attempt};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::reading::listing::{FACTS_AT_A_TIME, Reader, Rows};
use crate::reading::permits::{Cheap, Cost};
use crate::request::cursor::ListedJob;
use crate::request::page::{self, Page};
use crate::request::params::{self, Params};
use crate::state::{App, Shared};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobParams {
    /// The application of the job. Without it, the job of events that have no application.
    app: Option<String>,
    /// The attempt of the application. Without it, the application as a whole if it has no attempts, or else
    /// its newest attempt.
    attempt: Option<String>,
}

/// The figures of a job.
///
/// They exist once the job's start and end are known. Late events still change them.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/jobs/{job_id}",
    tag = "analytics",
    params(("job_id" = i64, Path, description = "The id of the job", minimum = 0, example = 101), JobParams),
    responses(
        (status = 200, description = "The figures", body = JobFigures),
        (status = 400, description = "`job_id` or a parameter is invalid", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The job, its start or its end is unknown", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server is busy with other reads, or the store is unavailable now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn job(
    State(app): State<App>,
    _permit: Cheap,
    job_id: Result<Path<String>, PathRejection>,
    Params(params): Params<JobParams>,
) -> Result<Json<JobFigures>, Problem> {
    let Path(job_id) = job_id?;
    let job_id = params::job_id(&job_id)?;
    let is_attempt_given = params.attempt.is_some();
    let mut key = JobKey {
        app_id: params.app.unwrap_or_default(),
        attempt_id: params.attempt.unwrap_or_default(),
        job_id,
    };
    let mut job = app.analytics.job(&key).await?;
    if job.is_none() && !is_attempt_given && !key.app_id.is_empty() {
        let attempts = attempts_of(app.analytics.store(), &key.app_id).await?;
        if let Some(newest) = newest_attempt(&attempts) {
            key.attempt_id.clone_from(&newest.attempt_id);
            job = app.analytics.job(&key).await?;
        }
    }
    match job {
        Some(job) => Ok(Json(job.into())),
        None => {
            let detail = format!("{key} is unknown, or its start or end has not been received yet");
            Err(Problem::new(StatusCode::NOT_FOUND, detail))
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Only this user's jobs.
    user: Option<String>,
    /// Only this application's jobs.
    app: Option<String>,
    /// Only the jobs of this attempt of the application.
    attempt: Option<String>,
    /// Only jobs with this result, in any case: `failed` or `JobFailed`, `succeeded` or `JobSucceeded`,
    /// or `unknown` for any other result.
    #[param(pattern = "^(failed|succeeded|unknown|JobFailed|JobSucceeded)$")]
    result: Option<String>,
    /// Only jobs that ended on this day (UTC) or later: a date, `today`, `yesterday`, or `7d` for a week
    /// ago.
    #[param(format = Date)]
    from: Option<String>,
    /// Only jobs that ended on this day (UTC) or earlier.
    #[param(format = Date)]
    to: Option<String>,
    /// `oldest` (the default) or `newest` first, by end, or the `longest` first.
    #[param(pattern = "^(oldest|newest|longest)$")]
    order: Option<String>,
    /// Maximum number of jobs to list, 1,000 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobPage {
    /// Ordered by end, application, attempt and job, or as `order` says.
    jobs: Vec<JobFigures>,
    /// The `cursor` of the next page, null on the last page.
    next: Option<String>,
}

/// Jobs by user, application, result and days.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/jobs",
    operation_id = "list_jobs",
    tag = "analytics",
    params(ListParams),
    responses(
        (status = 200, description = "A page of jobs whose start and end are known", body = JobPage),
        (status = 400, description = "A parameter is invalid", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server is busy with other reads, or the store is unavailable now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    reader: Reader,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let page = Page::new(params.limit.as_deref(), params.cursor.as_deref(), page::FIGURES)?;
    let mut filter = JobFilter::default();
    if let Some(word) = &params.result {
        filter = params::result(filter, word)?;
    }
    filter.from = params.from.map(|day| params::day_or_word("from", &day)).transpose()?;
    filter.to = params.to.map(|day| params::day_or_word("to", &day)).transpose()?;
    filter.user = params.user;
    if params.attempt.is_some() && params.app.is_none() {
        return Err(Problem::bad_request("`attempt` is of an application: name it with `app`"));
    }
    (filter.app_id, filter.attempt_id) = (params.app, params.attempt);
    if let Some(order) = params.order {
        filter.order = order.parse().map_err(|error| {
            Problem::bad_request(format!("`order`: `{}` {error}", params::short(&order)))
        })?;
    }
    let cost = cost(&filter, page.limit);
    let jobs = Jobs::<JobFigures>::new(filter, &page)?;
    reader.list(cost, jobs, page, &JobPage { jobs: Vec::new(), next: None }).await
}

/// The jobs that a filter selects, each shown as `T`.
pub(crate) struct Jobs<T> {
    filter: JobFilter,
    shown: PhantomData<fn() -> T>,
}

impl<T> Jobs<T> {
    /// The jobs of a page.
    pub(crate) fn new(filter: JobFilter, page: &Page<ListedJob>) -> Result<Self, Problem> {
        let order = filter.order;
        if let Some(after) = page.after.as_ref().filter(|after| after.order != order) {
            let (of, asked) = (after.order.name(), order.name());
            return Err(Problem::bad_request(format!(
                "`cursor` is of a list with `order={of}`, not `{asked}`: ask for that order, or without a cursor"
            )));
        }
        Ok(Self { filter, shown: PhantomData })
    }
}

/// How many jobs of a list are read at a time for each piece of which a store sorts all that the filter selects.
const SORTED_AT_A_TIME: usize = 512;

impl<T: From<Job> + Serialize + 'static> Rows for Jobs<T> {
    type Cursor = ListedJob;
    type Row = Job;
    type Shown = T;

    fn at_a_time(&self) -> usize {
        let JobFilter { app_id, from, to, order, .. } = &self.filter;
        let is_narrowed = app_id.is_some() || from.is_some() || to.is_some();
        let is_sorted = *order == JobOrder::Longest && is_narrowed;
        if is_sorted { SORTED_AT_A_TIME } else { FACTS_AT_A_TIME }
    }

    async fn read(
        &self,
        app: &Shared,
        after: Option<&ListedJob>,
        limit: usize,
    ) -> spark_analytics_core::Result<Vec<Job>> {
        app.analytics.store().jobs(&self.filter, after.map(|after| &after.place), limit).await
    }

    fn cursor(&self, _: &Shared, job: &Job) -> ListedJob {
        ListedJob { order: self.filter.order, place: job.into() }
    }

    fn shown(job: Job) -> T {
        T::from(job)
    }
}

/// What a list of jobs costs: with a filter that the order of the list does not serve, even a short one may be long to
/// find.
fn cost(filter: &JobFilter, limit: usize) -> Cost {
    let is_searched = filter.user.is_some()
        || filter.result.is_some()
        || filter.unknown_result
        || filter.app_id.is_some();
    if is_searched { Cost::Expensive } else { Cost::of_list(limit) }
}
