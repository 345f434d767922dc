//! Query parameters, with errors that name them.

use std::fmt::Display;
use std::str::FromStr;
use std::time::SystemTime;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use spark_analytics_core::{Day, JobFilter, Timestamp};

use crate::problem::Problem;

/// The query of a request as `T`; parameters that `T` does not have are a 400.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(params) = Query::try_from_uri(&parts.uri)?;
        Ok(Self(params))
    }
}

/// The day in a parameter.
pub(crate) fn day(name: &str, text: &str) -> Result<Day, Problem> {
    let wrong = |error| Problem::bad_request(format!("`{name}`: `{}` {error}", short(text)));
    text.parse().map_err(wrong)
}

/// The day in a parameter in which `today`, `yesterday` and `7d` are days, too.
pub(crate) fn day_or_word(name: &str, text: &str) -> Result<Day, Problem> {
    let today = Timestamp::from(SystemTime::now()).day();
    let wrong = |error| Problem::bad_request(format!("`{name}`: `{}` {error}", short(text)));
    Day::parse_as_of(today, text).map_err(wrong)
}

/// The filter with the result that a parameter means.
pub(crate) fn result(filter: JobFilter, word: &str) -> Result<JobFilter, Problem> {
    let wrong = |error| Problem::bad_request(format!("`result`: `{}` {error}", short(word)));
    filter.result_word(word).map_err(wrong)
}

/// The id of a job.
pub(crate) fn job_id(text: &str) -> Result<i64, Problem> {
    integer("job_id", text, 0, i64::MAX)
}

/// How many rows to list: from 1 to `max`, `default` without the parameter.
pub(crate) fn limit(text: Option<&str>, default: usize, max: usize) -> Result<usize, Problem> {
    text.map_or(Ok(default), |text| integer("limit", text, 1, max))
}

fn integer<T>(name: &str, text: &str, min: T, max: T) -> Result<T, Problem>
where
    T: FromStr + PartialOrd + Display,
{
    text.parse().ok().filter(|number| (&min..=&max).contains(&number)).ok_or_else(|| {
        let text = short(text);
        let detail = format!("`{name}` must be an integer from {min} to {max}, not `{text}`");
        Problem::bad_request(detail)
    })
}

/// The beginning of a text, to quote it in an error.
pub(crate) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
