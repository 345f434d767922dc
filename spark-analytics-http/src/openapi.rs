//! The OpenAPI document: its head, the tokens that routes require, and its JSON.

use axum::body::Bytes;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};

/// The name of the security scheme by which tokens are sent.
const TOKEN: &str = "token";

/// The head of the document; the router adds the routes.
pub(crate) fn head() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(info(
        title = "Spark Analytics API",
        description = "Ingests Apache Spark listener events and reports figures of jobs, days and users. \
                       docs/http.md of the sources describes the routes in prose."
    ))]
    struct Head;
    Head::openapi()
}

/// Marks every operation described so far as requiring a token of this role.
pub(crate) fn require_token(document: &mut utoipa::openapi::OpenApi, role: &str) {
    for item in document.paths.paths.values_mut() {
        let methods =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in methods.into_iter().flatten() {
            operation.security = Some(vec![SecurityRequirement::new(TOKEN, [role])]);
            for (status, description) in [
                ("401", "The token is missing or unknown".to_owned()),
                (
                    "403",
                    format!(
                        "The token's role is lower than `{role}`, or a page of another origin sent the request"
                    ),
                ),
                ("429", "The token exceeded its rate limit; see `Retry-After`".to_owned()),
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

/// The document as JSON, with the scheme of tokens if any route requires one.
pub(crate) fn to_json(mut document: utoipa::openapi::OpenApi, with_tokens: bool) -> Bytes {
    if with_tokens {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(TOKEN, scheme);
    }
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    remove_null_types(&mut document);
    serde_json::to_vec(&document).unwrap_or_default().into()
}

/// Optional parameters are described as nullable, yet no query or header can carry a null.
fn remove_null_types(document: &mut Value) {
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
