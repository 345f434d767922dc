//! The API's description and the page that shows it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::Value;
use utoipa::OpenApi;
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
        let mut document = serde_json::to_value(&document).unwrap_or_default();
        leave_out_null(&mut document);
        serde_json::to_vec(&document).unwrap_or_default().into()
    });
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}

/// A parameter may be left out, but no query and no header can say null.
fn leave_out_null(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let operations = paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    let parameters = operations
        .filter_map(|operation| operation.get_mut("parameters")?.as_array_mut())
        .flat_map(|parameters| parameters.iter_mut());
    for kind in parameters.filter_map(|parameter| parameter.pointer_mut("/schema/type")) {
        if let Value::Array(kinds) = kind {
            kinds.retain(|kind| kind != "null");
            *kind = kinds.pop().unwrap_or_default();
        }
    }
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
