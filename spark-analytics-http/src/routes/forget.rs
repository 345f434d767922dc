//! `DELETE /api/v1/analytics/applications/{app_id}`, and one of its attempts.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use spark_analytics_core::Store;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::request::params::short;
use crate::state::App;

/// What was removed of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Removed {
    /// Attempts of the application.
    attempts: u64,
    /// Jobs of these.
    jobs: u64,
}

/// Forgets an application with all its attempts: facts, jobs, raw events, and their part in summaries. Its logs and
/// events are refused from then on.
#[utoipa::path(
    delete,
    path = "/api/v1/analytics/applications/{app_id}",
    operation_id = "forget_application",
    tag = "analytics",
    params(("app_id" = String, Path, description = "The id of the application")),
    responses(
        (status = 200, description = "What was removed", body = Removed),
        (status = 400, description = "The path is not UTF-8", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing is known of the application", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn application(
    State(app): State<App>,
    app_id: Result<Path<String>, PathRejection>,
) -> Result<Json<Removed>, Problem> {
    let Path(app_id) = app_id?;
    forget(&app, &app_id, None).await
}

/// Forgets one attempt of an application.
#[utoipa::path(
    delete,
    path = "/api/v1/analytics/applications/{app_id}/{attempt_id}",
    operation_id = "forget_attempt",
    tag = "analytics",
    params(
        ("app_id" = String, Path, description = "The id of the application"),
        ("attempt_id" = String, Path, description = "The attempt"),
    ),
    responses(
        (status = 200, description = "What was removed", body = Removed),
        (status = 400, description = "The path is not UTF-8", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing is known of this attempt of the application", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn attempt(
    State(app): State<App>,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Removed>, Problem> {
    let Path((app_id, attempt_id)) = ids?;
    forget(&app, &app_id, Some(&attempt_id)).await
}

async fn forget(
    app: &App,
    app_id: &str,
    attempt_id: Option<&str>,
) -> Result<Json<Removed>, Problem> {
    let forgotten = app.analytics.store().forget(app_id, attempt_id).await?;
    if forgotten.attempts == 0 {
        let attempt = attempt_id.map(|id| format!(" attempt {}", short(id))).unwrap_or_default();
        let detail = format!("nothing is known of application {}{attempt}", short(app_id));
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    Ok(Json(Removed { attempts: forgotten.attempts, jobs: forgotten.jobs }))
}
