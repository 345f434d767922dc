//! Reading a request: its parameters, its cursor, its body.

use std::sync::Arc;

use axum::http::HeaderName;

pub(crate) mod body;
pub(crate) mod cursor;
pub(crate) mod encoding;
pub(crate) mod json_names;
pub(crate) mod page;
pub(crate) mod params;

/// The header that carries the id of a request, in both directions.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of a request's token, attached to the response for the access log.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Arc<str>);
