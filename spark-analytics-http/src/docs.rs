//! The API's description and the page that shows it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};
use utoipa_swagger_ui::Config;

use crate::app::{App, api};
use crate::problem::Problem;
use crate::tokens::Role;

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
pub(crate) async fn openapi(State(app): State<App>) -> Response {
    let document = app.document.get_or_init(|| {
        let mut document = api(app.options.access.as_ref()).into_openapi();
        if app.options.access.is_some() {
            let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
            let components = document.components.get_or_insert_default();
            components.add_security_scheme(TOKEN, scheme);
        }
        let mut document = serde_json::to_value(&document).unwrap_or_default();
        leave_out_null(&mut document);
        serde_json::to_vec(&document).unwrap_or_default().into()
    });
    ([(header::CONTENT_TYPE, "application/json")], document.clone()).into_response()
}

/// The name of the scheme by which tokens are sent.
const TOKEN: &str = "token";

/// Says of all that is described so far that it asks for a token of this role.
pub(crate) fn needs_token(document: &mut utoipa::openapi::OpenApi, role: Role) {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.security = Some(vec![SecurityRequirement::new(TOKEN, [role.name()])]);
            for (status, description) in [
                ("401", "No token, or one that is not known".to_owned()),
                (
                    "403",
                    format!("A token whose role is less than `{role}`, or a page of another site"),
                ),
                ("429", "More requests than the token may make; see `Retry-After`".to_owned()),
            ] {
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new()
                    .description(description)
                    .content("application/problem+json", problem);
                operation.responses.responses.insert(status.into(), response.build().into());
            }
        }
    }
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

/// What a browser may do with a page: the scripts of this server alone, and no frame of another site around it.
/// Swagger UI writes styles into its elements, and has its pictures in its styles.
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
