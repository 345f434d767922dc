//! The server's name and version, and whether it is healthy and ready.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use serde::Serialize;
use spark_analytics_core::Store;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::routes::start_page;
use crate::state::{App, Shared};

/// How long the check of a store or queue may take.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// How long its result is reused: anyone may call `/ready`, and each check costs the store.
const READY_FOR: Duration = Duration::from_secs(1);

const STORE: &str = "store";
const QUEUE: &str = "queue";

/// The name and version of this server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Welcome {
    #[schema(example = "Welcome to the Spark Analytics API")]
    message: &'static str,
    #[schema(example = "/docs")]
    docs_url: &'static str,
    version: &'static str,
}

/// The status of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    #[schema(example = "healthy")]
    status: &'static str,
}

/// Whether the server is ready: `ready`, or `degraded` with the reason if it answers but does not get all of its input.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    #[schema(example = "ready")]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The name and version of this server, and the path of its documentation.
///
/// A browser, which asks for `text/html`, gets a page with links.
#[utoipa::path(
    get,
    path = "/",
    tag = "server",
    responses((
        status = 200,
        description = "Name and version",
        content((Welcome = "application/json"), (String = "text/html"))
    ))
)]
pub(crate) async fn welcome(headers: HeaderMap) -> Response {
    if start_page::is_wanted(&headers) {
        return start_page::page();
    }
    let welcome = Welcome {
        message: "Welcome to the Spark Analytics API",
        docs_url: "/docs",
        version: env!("CARGO_PKG_VERSION"),
    };
    ([(header::VARY, "accept")], Json(welcome)).into_response()
}

/// Whether the process responds.
#[utoipa::path(get, path = "/health", tag = "server", responses((status = 200, description = "The process responds", body = Status)))]
pub(crate) async fn health() -> Json<Status> {
    Json(Status { status: "healthy" })
}

/// Whether the store responds too, or the queue if events are published to one.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "server",
    responses(
        (status = 200, description = "The store or the queue responds", body = Readiness),
        (status = 503, description = "It does not respond", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Readiness>, Problem> {
    // Concurrent callers wait for the same check.
    let until = Instant::now() + READY_WITHIN;
    let ready = match timeout_at(until, app.ready.lock()).await {
        Ok(mut last) => match &*last {
            Some((asked, ready)) if asked.elapsed() < READY_FOR => ready.clone(),
            _ => {
                let ready = check(&app, until).await;
                last.insert((Instant::now(), ready)).1.clone()
            }
        },
        Err(_) => Err(late(if app.queue.is_some() { QUEUE } else { STORE })),
    };
    match ready {
        Ok(()) => Ok(Json(Readiness::of(&app))),
        Err(detail) => Err(Problem::unavailable(detail, 5)),
    }
}

impl Readiness {
    /// That of a server whose store or queue responds.
    fn of(app: &Shared) -> Self {
        let Some(detail) = app.degradation.get() else {
            return Self { status: "ready", detail: None };
        };
        // Anyone may call this route, and the reason may contain paths. It is in the server's log.
        let is_public = app.options.access.is_none();
        let told = "see the server's log for the reason".to_owned();
        Self { status: "degraded", detail: Some(if is_public { detail } else { told }) }
    }
}

/// Checks the store or the queue; fails with the reason why it is not ready.
async fn check(app: &Shared, until: Instant) -> Result<(), String> {
    let (what, check): (_, BoxFuture<'_, Result<(), String>>) = match &app.queue {
        Some(queue) => (QUEUE, queue.check().map_err(|error| error.to_string()).boxed()),
        None => {
            let check = app.analytics.store().check();
            (STORE, check.map_err(|error| error.to_string()).boxed())
        }
    };
    let detail = match timeout_at(until, check).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(detail)) => detail,
        Err(_) => late(what),
    };
    if app.options.access.is_none() {
        return Err(detail);
    }
    // Anyone may call this route, and the reason may contain hosts and paths.
    tracing::warn!(detail, "not ready");
    Err(format!("the {what} is not ready; see the server's log for the reason"))
}

fn late(what: &str) -> String {
    format!("the {what} did not respond within {} s", READY_WITHIN.as_secs())
}
