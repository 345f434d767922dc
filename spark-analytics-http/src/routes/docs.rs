//! The OpenAPI document and the page that shows it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use crate::problem::Problem;
use crate::state::App;

/// The OpenAPI description of this API.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "server",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object))
)]
pub(crate) async fn openapi(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], app.document.clone()).into_response()
}

/// A page to read about this API and to try it out.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "server",
    responses((status = 308, description = "Redirects to the page, at `/docs/`"))
)]
pub(crate) async fn ui() -> Redirect {
    // Relative, like all links below: the router may be mounted under a path.
    Redirect::permanent("docs/")
}

/// The files of the page.
pub(crate) fn ui_files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/docs/", get(|| async { file("index.html") })).route(
        "/docs/{*file}",
        get(|path: Result<Path<String>, PathRejection>| async { Ok::<_, Problem>(file(&path?.0)) }),
    )
}

/// Headers that restrict the page to scripts of this server and forbid framing by other sites. Swagger UI sets inline
/// styles, and embeds its images in them.
const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

fn file(path: &str) -> Response {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("../api/v1/openapi.json")));
    match utoipa_swagger_ui::serve(path, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => {
            let bytes = Bytes::from(file.bytes.into_owned());
            let is_page = file.content_type.starts_with("text/html");
            let mut response = ([(header::CONTENT_TYPE, file.content_type)], bytes).into_response();
            if is_page {
                for (name, value) in PAGE_HEADERS {
                    response.headers_mut().insert(name, HeaderValue::from_static(value));
                }
            }
            if file.gzpipped {
                let gzip = HeaderValue::from_static("gzip");
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
