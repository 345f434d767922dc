//! `GET /api/v1/analytics/applications`, one of them, and its stages.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use spark_analytics_core::figures::{ApplicationFigures, StageFigures};
use spark_analytics_core::log::{Application, Stage};
use spark_analytics_core::{AttemptKey, Facts, KeyRange, Store, attempts_of, newest_attempt};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::reading::listing::{FACTS_AT_A_TIME, Reader, Rows};
use crate::reading::permits::{self, Cheap, Cost};
use crate::request::page::{self, Page};
use crate::request::params::{Params, short};
use crate::state::{App, Shared};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Maximum number of rows to list, 1,000 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// A page of applications.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplicationPage {
    /// Ordered by application and attempt.
    applications: Vec<ApplicationFigures>,
    /// The `cursor` of the next page, null on the last page.
    next: Option<String>,
}

/// The applications found in event logs, one entry for each attempt.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/applications",
    operation_id = "list_applications",
    tag = "analytics",
    params(ListParams),
    responses(
        (status = 200, description = "A page of applications", body = ApplicationPage),
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
    let cost = Cost::of_list(page.limit);
    let frame = ApplicationPage { applications: Vec::new(), next: None };
    reader.list(cost, Applications, page, &frame).await
}

/// All attempts of applications.
struct Applications;

impl Rows for Applications {
    type Cursor = AttemptKey;
    type Row = Application;
    type Shown = ApplicationFigures;

    fn at_a_time(&self) -> usize {
        FACTS_AT_A_TIME
    }

    async fn read(
        &self,
        app: &Shared,
        after: Option<&AttemptKey>,
        limit: usize,
    ) -> spark_analytics_core::Result<Vec<Application>> {
        app.analytics.store().applications(after, limit).await
    }

    fn cursor(&self, _: &Shared, application: &Application) -> AttemptKey {
        application.key()
    }

    fn shown(application: Application) -> ApplicationFigures {
        (&application).into()
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttemptParams {
    /// The attempt, if the application has attempts; without it, the newest.
    attempt: Option<String>,
}

/// The figures of an application.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/applications/{app_id}",
    tag = "analytics",
    params(("app_id" = String, Path, description = "The id of the application"), AttemptParams),
    responses(
        (status = 200, description = "The figures", body = ApplicationFigures),
        (status = 400, description = "A parameter is invalid", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No event log of this attempt of the application was imported", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server is busy with other reads, or the store is unavailable now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn application(
    State(app): State<App>,
    _permit: Cheap,
    app_id: Result<Path<String>, PathRejection>,
    Params(params): Params<AttemptParams>,
) -> Result<Json<ApplicationFigures>, Problem> {
    let Path(app_id) = app_id?;
    let attempts = attempts_of(app.analytics.store(), &app_id).await?;
    match wanted(&attempts, params.attempt.as_deref()) {
        Some(attempt) => Ok(Json(attempt.into())),
        None => Err(unknown(&app_id, &attempts)),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StageParams {
    /// The attempt, if the application has attempts; without it, the newest.
    attempt: Option<String>,
    /// Maximum number of rows to list, 1,000 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// A page of the stages of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StagePage {
    /// Ordered by stage and attempt.
    stages: Vec<StageFigures>,
    /// The `cursor` of the next page, null on the last page.
    next: Option<String>,
}

/// The figures of the stages of an application, one entry for each attempt.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/applications/{app_id}/stages",
    tag = "analytics",
    params(("app_id" = String, Path, description = "The id of the application"), StageParams),
    responses(
        (status = 200, description = "A page of stage attempts", body = StagePage),
        (status = 400, description = "A parameter is invalid", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No event log of this attempt of the application was imported", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server is busy with other reads, or the store is unavailable now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stages(
    reader: Reader,
    app_id: Result<Path<String>, PathRejection>,
    Params(params): Params<StageParams>,
) -> Result<Response, Problem> {
    let Path(app_id) = app_id?;
    let page = Page::new(params.limit.as_deref(), params.cursor.as_deref(), page::FIGURES)?;
    let cost = Cost::of_list(page.limit);
    let app = App::clone(&reader.app);
    let permit = app.permits.take(cost).await?;
    let find = async move {
        let attempts = attempts_of(app.analytics.store(), &app_id).await?;
        match wanted(&attempts, params.attempt.as_deref()) {
            Some(attempt) => Ok(attempt.key()),
            None => Err(unknown(&app_id, &attempts)),
        }
    };
    let (attempt, permit) = permits::run(permit, find).await;
    drop(permit);
    let frame = StagePage { stages: Vec::new(), next: None };
    reader.list(cost, Stages(attempt?), page, &frame).await
}

/// The stage attempts of an attempt of an application.
struct Stages(AttemptKey);

impl Rows for Stages {
    type Cursor = (i64, i64);
    type Row = Stage;
    type Shown = StageFigures;

    fn at_a_time(&self) -> usize {
        FACTS_AT_A_TIME
    }

    async fn read(
        &self,
        app: &Shared,
        after: Option<&(i64, i64)>,
        limit: usize,
    ) -> spark_analytics_core::Result<Vec<Stage>> {
        let range = after.map_or_else(KeyRange::all, |after| KeyRange::all().after(*after));
        let log = app.analytics.store().facts(&self.0, &Facts::Stages(range), limit).await?;
        Ok(log.map(|log| log.stages).unwrap_or_default())
    }

    fn cursor(&self, _: &Shared, stage: &Stage) -> (i64, i64) {
        (stage.stage_id, stage.stage_attempt_id)
    }

    fn shown(stage: Stage) -> StageFigures {
        (&stage).into()
    }
}

/// The attempt that a request names, or else the only one, or the newest.
fn wanted<'a>(attempts: &'a [Application], attempt_id: Option<&str>) -> Option<&'a Application> {
    let is = |id: &str| attempts.iter().find(|attempt| attempt.attempt_id == id);
    match attempt_id {
        Some(id) => is(id),
        None => is("").or_else(|| newest_attempt(attempts)),
    }
}

fn unknown(app_id: &str, attempts: &[Application]) -> Problem {
    /// How many attempts an error lists.
    const LISTED: usize = 5;
    let app_id = short(app_id);
    let detail = match attempts {
        [] => format!("no event log of application {app_id} was imported"),
        attempts => {
            let ids = attempts.iter().take(LISTED).map(|attempt| short(&attempt.attempt_id));
            let ids: Vec<String> = ids.map(|id| format!("`{id}`")).collect();
            format!(
                "application {app_id} does not have this attempt; set `attempt` to one of its {}: {}",
                attempts.len(),
                ids.join(", ")
            )
        }
    };
    Problem::new(StatusCode::NOT_FOUND, detail)
}
