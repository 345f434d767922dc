//! `POST /api/v1/logs/ingest`: one event.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use spark_analytics_core::{Event, InvalidEvent, Receipt};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::request::body;
use crate::request::encoding::{Encoding, Media, encoding, media};
use crate::state::App;

/// The response for an event that is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ingested {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// `Log ingested successfully`, or `Log entry already exists (ID: n)`.
    #[schema(example = "Log ingested successfully")]
    message: String,
    /// The id of the stored event.
    #[schema(example = 1)]
    log_id: i64,
    /// `recorded`, `duplicate`, or `replaced` if it replaced an event with less content.
    #[schema(example = "recorded")]
    outcome: &'static str,
}

/// The response for an event that is in the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Log queued")]
    message: &'static str,
    /// Always null: the event has no id yet.
    log_id: Option<i64>,
}

/// Ingests one event.
///
/// After a 200, the event is durable and all figures include it. An event that is already known changes nothing. A
/// server that publishes to a queue answers with 202 instead.
#[utoipa::path(
    post,
    path = "/api/v1/logs/ingest",
    tag = "logs",
    request_body(content = crate::request::json_names::WireEvent, content_type = "application/json"),
    responses(
        (status = 200, description = "The event is stored", body = Ingested),
        (status = 202, description = "The event is in the queue, and will be stored", body = Queued),
        (status = 400, description = "Not an event, or one before the prune day", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin sent the request", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Unsupported media type or encoding", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed; retrying is safe", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many events are waiting to be stored, or the queue does not accept events now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ingest(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if media(request.headers())? != Media::Json {
        let detail =
            "a single event must be application/json; send lines of events to /api/v1/logs/batch";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    if encoding(request.headers())? != Encoding::Identity {
        let detail =
            "a single event must not be compressed; send compressed batches to /api/v1/logs/batch";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let options = &app.options;
    let body::Received { bytes: raw, end } =
        body::whole(request, options.event_bytes, options.body_timeout).await;
    let event = match end.and_then(|()| Event::from_bytes(&raw).map_err(Problem::from)) {
        Ok(event) => event,
        Err(problem) => return Err(refuse(&app, problem, &raw).await),
    };
    if let Some(queue) = &app.queue {
        queue.publish(vec![event]).await?;
        let queued = Queued { success: true, message: "Log queued", log_id: None };
        return Ok((StatusCode::ACCEPTED, Json(queued)).into_response());
    }
    let receipts = match app.analytics.ingest(vec![event]).await {
        Ok(receipts) => receipts,
        Err(error) => return Err(refuse(&app, error.into(), &raw).await),
    };
    match receipts.first() {
        Some(Receipt::Recorded(id)) => Ok(stored(*id, "recorded")),
        Some(Receipt::Duplicate(id)) => Ok(stored(*id, "duplicate")),
        Some(Receipt::Replaced(id)) => Ok(stored(*id, "replaced")),
        Some(Receipt::TooOld) | None => Err(refuse(&app, InvalidEvent::TooOld.into(), &raw).await),
    }
}

async fn refuse(app: &App, problem: Problem, raw: &[u8]) -> Problem {
    app.rejections.keep(problem.rejection(raw).into_iter().collect()).await;
    problem
}

fn stored(log_id: i64, outcome: &'static str) -> Response {
    let message = match outcome {
        "recorded" => "Log ingested successfully".to_owned(),
        _ => format!("Log entry already exists (ID: {log_id})"),
    };
    Json(Ingested { success: true, message, log_id, outcome }).into_response()
}
