//! Query parameters, with errors that name them.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use spark_analytics_core::Day;

use crate::problem::Problem;

/// The query of a request, read as `T`; anything that `T` does not know is a 400.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(params) = Query::try_from_uri(&parts.uri)?;
        Ok(Self(params))
    }
}

/// A day that a parameter names.
pub(crate) fn day(name: &str, text: &str) -> Result<Day, Problem> {
    let wrong = |error| Problem::bad_request(format!("`{name}`: `{}` {error}", short(text)));
    text.parse().map_err(wrong)
}

/// A job's number.
pub(crate) fn job_id(text: &str) -> Result<i64, Problem> {
    integer("job_id", text, 0, i64::MAX)
}

/// How many to list: the parameter if it is given, from 1 to `most`.
pub(crate) fn limit(text: Option<&str>, default: usize, most: usize) -> Result<usize, Problem> {
    text.map_or(Ok(default), |text| integer("limit", text, 1, most))
}

fn integer<T>(name: &str, text: &str, least: T, most: T) -> Result<T, Problem>
where
    T: FromStr + PartialOrd + Display,
{
    text.parse().ok().filter(|number| (&least..=&most).contains(&number)).ok_or_else(|| {
        let text = short(text);
        let detail = format!("`{name}` must be an integer from {least} to {most}, not `{text}`");
        Problem::bad_request(detail)
    })
}

/// An error quotes input, but not a page of it.
pub(crate) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
