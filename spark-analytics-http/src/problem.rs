//! Errors as RFC 9457 problems.

use std::time::SystemTime;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use spark_analytics_core::{Error, InvalidEvent, NotQueued, Rejection, Timestamp};
use utoipa::ToSchema;

use crate::counts::Counts;

/// A response other than the requested one, with a sentence that says why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status identifies the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The name of the status.
    #[schema(example = "Bad Request")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What happened and what to do, for a person.
    #[schema(example = "field `job_id` is missing")]
    detail: String,
    /// The events of a batch that were accepted before the problem; they stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<Counts>,
    #[serde(skip)]
    retry_after_seconds: Option<u16>,
    /// Whether the input is an event log, which is neither an event nor kept.
    #[serde(skip)]
    is_event_log: bool,
}

/// The detail of a problem, attached to the response for the access log.
#[derive(Clone, Debug)]
pub(crate) struct Detail(pub(crate) String);

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            taken: None,
            retry_after_seconds: None,
            is_event_log: false,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn too_large(what: &str, limit: usize, of: &str) -> Self {
        let detail = format!("{what} has more than the limit of {limit} {of}; send it in parts");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>, retry_after_seconds: u16) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(retry_after_seconds)
    }

    pub(crate) fn retry_after(self, seconds: u16) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    /// What happened and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The record of rejected input to keep; none if the input did not cause the problem, or is an event log.
    pub(crate) fn rejection(&self, raw: &[u8]) -> Option<Rejection> {
        (self.status < 500 && !self.is_event_log)
            .then(|| Rejection::new(Timestamp::from(SystemTime::now()), self.detail.as_str(), raw))
    }

    /// Adds how many events of the batch were accepted before the problem.
    pub(crate) fn with_accepted(mut self, taken: Counts) -> Self {
        if self.is_event_log {
            return self;
        }
        let Counts { recorded, duplicate, replaced, queued, rejected } = taken;
        self.detail += &match queued {
            None => format!(
                "; events before it: {recorded} recorded, {duplicate} already known, {replaced} replaced, \
                 {rejected} rejected"
            ),
            Some(queued) => format!("; events before it: {queued} queued, {rejected} rejected"),
        };
        self.taken = Some(taken);
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        if error.is_retryable() {
            Self::unavailable(detail, 1)
        } else if matches!(error, Error::Refused { .. }) {
            Self::bad_request(detail)
        } else {
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        }
    }
}

impl From<InvalidEvent> for Problem {
    fn from(error: InvalidEvent) -> Self {
        let is_event_log = error == InvalidEvent::OfEventLog;
        Self { is_event_log, ..Self::bad_request(error.to_string()) }
    }
}

impl From<NotQueued> for Problem {
    fn from(error: NotQueued) -> Self {
        Self::unavailable(error.to_string(), 1)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        let what = text.split_once(": ").map_or(text.as_str(), |(_, what)| what);
        Self::bad_request(format!("invalid query: {what}"))
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Detail(self.detail));
        response
    }
}
