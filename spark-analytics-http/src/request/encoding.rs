//! How a body is written: its media type and its compression, as its headers say.

use axum::http::{HeaderMap, StatusCode, header};

use crate::problem::Problem;

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    /// One JSON value per line.
    Lines,
}

/// The compression of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// The media type in `Content-Type`; JSON without one.
pub(crate) fn media(headers: &HeaderMap) -> Result<Media, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Media::Json) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let is = |name: &str| essence.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    if is("application/json") {
        Ok(Media::Json)
    } else if is("application/x-ndjson") || is("application/ndjson") || is("application/jsonl") {
        Ok(Media::Lines)
    } else {
        Err(unsupported(
            "Content-Type",
            value.as_bytes(),
            "application/json or, for a batch, application/x-ndjson",
        ))
    }
}

/// The compression in `Content-Encoding`; none without one.
pub(crate) fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Encoding::Identity) };
    let is = |name: &str| value.as_bytes().eq_ignore_ascii_case(name.as_bytes());
    match values.next() {
        None if is("identity") => Ok(Encoding::Identity),
        None if is("gzip") || is("x-gzip") => Ok(Encoding::Gzip),
        None if is("zstd") => Ok(Encoding::Zstd),
        _ => Err(unsupported(
            "Content-Encoding",
            value.as_bytes(),
            "either gzip or zstd, and only for a batch",
        )),
    }
}

fn unsupported(header: &str, value: &[u8], instead: &str) -> Problem {
    let value = String::from_utf8_lossy(&value[..value.len().min(100)]);
    let detail = format!("{header} `{value}` is not supported; use {instead}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}
