//! Responses in the form of the History Server: JSON, or a sentence as plain text.

use axum::body::Body;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use spark_analytics_core::Error;

use crate::problem::{Detail, Problem};
use crate::reading::permits::Busy;
use crate::server::connections::Full;

pub(super) type Answer = Result<Response, Refusal>;

/// A JSON response.
pub(super) fn json(answer: &(impl Serialize + ?Sized)) -> Answer {
    let mut text = Vec::new();
    write_json(&mut text, answer)?;
    Ok(body(text))
}

/// A response of a JSON text.
pub(super) fn body(text: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.into()).into_response()
}

/// Appends a JSON text.
pub(super) fn write_json(
    text: &mut Vec<u8>,
    answer: &(impl Serialize + ?Sized),
) -> Result<(), Refusal> {
    serde_json::to_writer(text, answer)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// A response other than the requested one.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    pub(super) text: String,
    /// Whether a retry may help.
    is_retryable: bool,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), is_retryable: false }
    }

    /// Spark's `NotFoundException`.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// No route matches this path or these parameters. Spark repeats the path.
    pub(super) fn nothing_at(uri: &Uri) -> Self {
        Self::not_found(uri.path())
    }

    /// Spark's `BadParameterException`.
    pub(super) fn bad_parameter(name: &str, expected: &str, found: &str) -> Self {
        let text =
            format!("Bad value for parameter \"{name}\".  Expected a {expected}, got \"{found}\"");
        Self::bad_request(text)
    }

    /// Spark's `ServiceUnavailable` for data that only a running application has.
    pub(super) fn no_threads() -> Self {
        let text = "Thread dumps not available through the history server.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let is_retryable = error.is_retryable();
        let status = match is_retryable {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, text: error.to_string(), is_retryable }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, text: Problem::from(full).detail().to_owned(), is_retryable: true }
    }
}

impl From<Busy> for Refusal {
    fn from(busy: Busy) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, text: busy.to_string(), is_retryable: true }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let headers = [(header::CONTENT_TYPE, "text/plain")];
        let mut response = (self.status, headers, self.text.clone()).into_response();
        if self.is_retryable {
            response.headers_mut().insert(header::RETRY_AFTER, 1.into());
        }
        response.extensions_mut().insert(Detail(self.text));
        response
    }
}
