//! The REST API of Spark's own History Server, with the same responses.
//!
//! Paths below an application are parsed here rather than by the router, because the History Server has its own rules
//! for unknown ones: a segment that is not a valid number becomes the id of an attempt.

mod answer;
mod applications;
mod date;
mod describe;
mod facts;
mod query;
mod resource;
mod schemas;

use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::reading::listing::Reader;
use crate::reading::permits::{self, Busy, Cheap, Cost};
use crate::state::App;
use answer::{Answer, Refusal, json};
use query::Query;
use resource::Resource;

/// The version of Spark that these responses follow.
const SPARK_VERSION: &str = "4.1.4";

/// The routes with their descriptions.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(describe::document())
        .route("/api/v1/version", get(version))
        .route("/api/v1/version/", get(version))
        .route("/api/v1/applications", get(list))
        .route("/api/v1/applications/", get(list))
        .route("/api/v1/applications/{app_id}", get(application))
        .route("/api/v1/applications/{app_id}/", get(application))
        .route("/api/v1/applications/{app_id}/{*rest}", get(below))
}

#[derive(Serialize)]
struct VersionInfo {
    spark: &'static str,
}

async fn version() -> Answer {
    json(&VersionInfo { spark: SPARK_VERSION })
}

async fn list(State(app): State<App>, OriginalUri(uri): OriginalUri) -> Answer {
    let permit = app.permits.take(Cost::Expensive).await?;
    let list = async move { applications::list(&app, &Query::of(&uri)).await };
    let (answer, _permit) = permits::run(permit, list).await;
    answer
}

async fn application(
    State(app): State<App>,
    permit: Result<Cheap, Busy>,
    OriginalUri(uri): OriginalUri,
    path: Result<Path<String>, PathRejection>,
) -> Answer {
    let _permit = permit?;
    let Path(app_id) = path.map_err(|_| Refusal::nothing_at(&uri))?;
    applications::one(&app, &app_id).await
}

async fn below(
    reader: Reader,
    OriginalUri(uri): OriginalUri,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path((app_id, rest)) = path.map_err(|_| Refusal::nothing_at(&uri))?;
    let permit = reader.app.permits.take(cost(parse(&rest).1)).await?;
    let read = async move { read_below(&reader, &uri, &app_id, &rest).await };
    let (answer, _permit) = permits::run(permit, read).await;
    answer
}

/// The attempt and the resource that a path below an application names.
fn parse(rest: &str) -> (Option<&str>, Below<'_>) {
    let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
    let (attempt_id, segments) = match resource::starts_one(&segments) {
        true => (None, segments.as_slice()),
        false => (segments.first().copied(), segments.get(1..).unwrap_or_default()),
    };
    let below = match segments {
        [] => Below::Itself,
        segments => Resource::of(segments).map_or(Below::Nothing, Below::Resource),
    };
    (attempt_id, below)
}

#[derive(Clone, Copy, Debug)]
enum Below<'p> {
    /// The application or the attempt.
    Itself,
    Resource(Resource<'p>),
    Nothing,
}

/// A list reads any number of rows, and an execution of SQL looks for its jobs among all of them.
const fn cost(below: Below<'_>) -> Cost {
    match below {
        Below::Resource(
            Resource::Jobs
            | Resource::Stages
            | Resource::Stage(_)
            | Resource::StageAttempt(..)
            | Resource::Executors
            | Resource::AllExecutors
            | Resource::Sql
            | Resource::SqlExecution(_),
        ) => Cost::Expensive,
        Below::Itself | Below::Resource(_) | Below::Nothing => Cost::Cheap,
    }
}

async fn read_below(reader: &Reader, uri: &Uri, app_id: &str, rest: &str) -> Answer {
    let app = &reader.app;
    match parse(rest) {
        (None, Below::Itself) => applications::one(app, app_id).await,
        (Some(attempt_id), Below::Itself) => applications::attempt(app, app_id, attempt_id).await,
        (_, Below::Nothing) => Err(Refusal::nothing_at(uri)),
        (attempt_id, Below::Resource(resource)) => {
            facts::answer(reader, (app_id, attempt_id), resource, &Query::of(uri)).await
        }
    }
}
