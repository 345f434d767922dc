//! `GET /api/v1/logs` and `…/rejected`: events as received, and rejected input.

use std::fmt::Display;

use axum::response::Response;
use serde::{Deserialize, Serialize, Serializer};
use spark_analytics_core::{Event, EventCursor, JobKey, Rejected, Store, StoredEvent, Timestamp};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::reading::listing::{Reader, Rows};
use crate::reading::permits::Cost;
use crate::request::json_names::WireEvent;
use crate::request::page::{self, Page};
use crate::request::params::{self, Params};
use crate::state::Shared;

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
        (status = 503, description = "The server is busy with other reads, or the store is unavailable now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    reader: Reader,
    Params(params): Params<EventParams>,
) -> Result<Response, Problem> {
    let Some(job_id) = &params.job_id else {
        return Err(Problem::bad_request("`job_id` is missing: name the job, as in job_id=101"));
    };
    let key = JobKey {
        job_id: params::job_id(job_id)?,
        app_id: params.app.unwrap_or_default(),
        attempt_id: params.attempt.unwrap_or_default(),
    };
    let page = Page::new(params.limit.as_deref(), params.cursor.as_deref(), page::RAW)?;
    let frame = EventPage { events: Vec::new(), next: None };
    reader.list(Cost::of_list(page.limit), Events(key), page, &frame).await
}

/// The events of a job.
struct Events(JobKey);

impl Rows for Events {
    type Cursor = EventCursor;
    type Row = StoredEvent;
    type Shown = EventRow;

    /// Of at most 64 KiB of JSON each.
    fn at_a_time(&self) -> usize {
        32
    }

    async fn read(
        &self,
        app: &Shared,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> spark_analytics_core::Result<Vec<StoredEvent>> {
        app.analytics.store().events(&self.0, after, limit).await
    }

    fn cursor(&self, app: &Shared, row: &StoredEvent) -> EventCursor {
        let id = row.event.id(app.analytics.store().dedup());
        let task = id.task.to_owned();
        EventCursor { timestamp: id.timestamp, event_type: id.event_type, task }
    }

    fn shown(StoredEvent { id, event }: StoredEvent) -> EventRow {
        EventRow { log_id: id, event }
    }
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
        (status = 503, description = "The server is busy with other reads, or the store is unavailable now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rejected(
    reader: Reader,
    Params(params): Params<RejectedParams>,
) -> Result<Response, Problem> {
    let page = Page::new(params.limit.as_deref(), params.cursor.as_deref(), page::RAW)?;
    let frame = RejectedPage { rejected: Vec::new(), next: None };
    reader.list(Cost::of_list(page.limit), NewestRejected, page, &frame).await
}

/// All rejected input.
struct NewestRejected;

impl Rows for NewestRejected {
    type Cursor = i64;
    type Row = Rejected;
    type Shown = RejectedRow;

    /// Of at most 8 KiB of input and of a reason each.
    fn at_a_time(&self) -> usize {
        64
    }

    async fn read(
        &self,
        app: &Shared,
        after: Option<&i64>,
        limit: usize,
    ) -> spark_analytics_core::Result<Vec<Rejected>> {
        app.analytics.store().rejected(after.copied(), limit).await
    }

    fn cursor(&self, _: &Shared, row: &Rejected) -> i64 {
        row.id
    }

    fn shown(Rejected { id, rejection }: Rejected) -> RejectedRow {
        RejectedRow { id, at: rejection.at, reason: rejection.reason, raw: rejection.raw }
    }
}

/// Serializes a value as its `Display` text.
fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
