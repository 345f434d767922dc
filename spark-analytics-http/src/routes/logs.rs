//! `GET /api/v1/logs` and `…/rejected`: events as received, and rejected input.

use std::fmt::Display;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize, Serializer};
use spark_analytics_core::{Event, EventCursor, JobKey, Rejected, Store, StoredEvent, Timestamp};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::request::json_names::WireEvent;
use crate::request::page::{self, Page};
use crate::request::params::{self, Params};
use crate::state::App;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventParams {
    /// The id of the job.
    #[param(value_type = i64, minimum = 0, example = 101)]
    job_id: Option<String>,
    /// The application of the job. Without it, the job of events that have no application.
    app: Option<String>,
    /// The attempt of the application.
    attempt: Option<String>,
    /// Maximum number of events to list, 100 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1_000)]
    limit: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// A page of a job's events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// Ordered by timestamp, type (start, task, end) and task.
    events: Vec<EventRow>,
    /// The `cursor` of the next page, null on the last page.
    next: Option<String>,
}

/// An event as it was received.
#[derive(Debug, Serialize, ToSchema)]
struct EventRow {
    /// The id of the stored event.
    #[schema(example = 1)]
    log_id: i64,
    /// The JSON of the event as it was sent.
    #[schema(value_type = WireEvent)]
    event: Event,
}

/// The raw events of a job.
///
/// Empty for a job that is unknown, whose events were pruned, or that was imported from an event log.
#[utoipa::path(
    get,
    path = "/api/v1/logs",
    tag = "logs",
    params(EventParams),
    responses(
        (status = 200, description = "A page of events", body = EventPage),
        (status = 400, description = "A parameter is invalid, or `job_id` is missing", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    State(app): State<App>,
    Params(params): Params<EventParams>,
) -> Result<Json<EventPage>, Problem> {
    let Some(job_id) = &params.job_id else {
        return Err(Problem::bad_request("`job_id` is missing: name the job, as in job_id=101"));
    };
    let key = JobKey {
        job_id: params::job_id(job_id)?,
        app_id: params.app.unwrap_or_default(),
        attempt_id: params.attempt.unwrap_or_default(),
    };
    let page = Page::new(params.limit.as_deref(), params.cursor.as_deref(), page::RAW)?;
    let store = app.analytics.store();
    let mut rows = store.events(&key, page.after.as_ref(), page.rows_to_read()).await?;
    let next = page.cut(&mut rows, |row| {
        let id = row.event.id(store.dedup());
        let task = id.task.to_owned();
        EventCursor { timestamp: id.timestamp, event_type: id.event_type, task }
    });
    let row = |StoredEvent { id, event }| EventRow { log_id: id, event };
    Ok(Json(EventPage { events: rows.into_iter().map(row).collect(), next }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RejectedParams {
    /// Maximum number of rows to list, 100 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1_000)]
    limit: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// A page of rejected input.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectedPage {
    /// Newest first.
    rejected: Vec<RejectedRow>,
    /// The `cursor` of the next page, null on the last page.
    next: Option<String>,
}

/// Rejected input.
#[derive(Debug, Serialize, ToSchema)]
struct RejectedRow {
    #[schema(example = 1)]
    id: i64,
    /// When it was received.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why it was rejected.
    #[schema(example = "field `job_id` is missing")]
    reason: String,
    /// Its first 8 KiB.
    raw: String,
}

/// The newest 10,000 pieces of rejected input, with the reasons.
#[utoipa::path(
    get,
    path = "/api/v1/logs/rejected",
    tag = "logs",
    params(RejectedParams),
    responses(
        (status = 200, description = "A page of rejected input", body = RejectedPage),
        (status = 400, description = "A parameter is invalid", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rejected(
    State(app): State<App>,
    Params(params): Params<RejectedParams>,
) -> Result<Json<RejectedPage>, Problem> {
    let page = Page::new(params.limit.as_deref(), params.cursor.as_deref(), page::RAW)?;
    let mut rows = app.analytics.store().rejected(page.after, page.rows_to_read()).await?;
    let next = page.cut(&mut rows, |row| row.id);
    let row = |Rejected { id, rejection }| RejectedRow {
        id,
        at: rejection.at,
        reason: rejection.reason,
        raw: rejection.raw,
    };
    Ok(Json(RejectedPage { rejected: rows.into_iter().map(row).collect(), next }))
}

/// Serializes a value as its `Display` text.
fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
