//! The API's description and the page that shows it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use utoipa_swagger_ui::Config;

use crate::problem::Problem;

/// The head of the description; the routes add themselves.
pub(crate) fn head() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(info(
        title = "Spark Analytics API",
        description = "Apache Spark listener events in; figures of jobs, days and users out."
    ))]
    struct Head;
    Head::openapi()
}

/// The OpenAPI description of this API.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "server",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object))
)]
pub(crate) async fn openapi() -> Response {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
        let document = crate::app::api().into_openapi();
        serde_json::to_vec(&document).unwrap_or_default().into()
    });
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}

/// This API to read and to try out, in a browser.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "server",
    responses((status = 308, description = "To the page, at `/docs/`"))
)]
pub(crate) async fn ui() -> Redirect {
    // Relative, as is all below: the router may be mounted under a path.
    Redirect::permanent("docs/")
}

/// The files of the page.
pub(crate) fn ui_files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/docs/", get(|| async { file("index.html") })).route(
        "/docs/{*file}",
        get(|path: Result<Path<String>, PathRejection>| async { Ok::<_, Problem>(file(&path?.0)) }),
    )
}

fn file(path: &str) -> Response {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("../api/v1/openapi.json")));
    match utoipa_swagger_ui::serve(path, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => {
            let bytes = Bytes::from(file.bytes.into_owned());
            let mut response = ([(header::CONTENT_TYPE, file.content_type)], bytes).into_response();
            if file.gzpipped {
                let gzip = axum::http::HeaderValue::from_static("gzip");
                response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
            }
            response
        }
        Ok(None) => {
            let detail = format!("there is no file {path} in /docs");
            Problem::new(StatusCode::NOT_FOUND, detail).into_response()
        }
        Err(error) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}

/// An event as Spark's listeners tell it; fields beyond these are kept and do no harm.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "event": "SparkListenerTaskEnd", "job_id": 101, "timestamp": "2024-03-30T10:12:50.120Z",
    "user": "data_engineer_1@example.com", "task_id": "task_101_004", "duration_ms": 4120,
    "successful": true
}))]
pub(crate) struct WireEvent {
    /// `SparkListenerJobStart`, `SparkListenerTaskEnd` or `SparkListenerJobEnd`.
    event: String,
    #[schema(minimum = 0)]
    job_id: i64,
    /// The application, if there is more than one.
    #[schema(required = false)]
    app_id: Option<String>,
    /// The application's attempt.
    #[schema(required = false)]
    attempt_id: Option<String>,
    /// RFC 3339; without an offset it is UTC.
    #[schema(format = DateTime)]
    timestamp: String,
    user: String,
    /// Of a task's end.
    #[schema(required = false)]
    task_id: Option<String>,
    /// Of a task's end.
    #[schema(required = false, minimum = 0)]
    duration_ms: Option<i64>,
    /// Of a task's end.
    #[schema(required = false)]
    successful: Option<bool>,
    /// Of a job's end.
    #[schema(required = false, format = DateTime)]
    completion_time: Option<String>,
    /// Of a job's end: `JobSucceeded`, `JobFailed` or another text.
    #[schema(required = false)]
    job_result: Option<String>,
}
