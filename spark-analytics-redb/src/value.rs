//! Values as bytes, and back.

use serde::Serialize;
use serde::de::DeserializeOwned;
use spark_analytics_core::log::{LogRun, LogSource};

use crate::error::{Fault, Result};

pub(crate) const NOT_A_KEY: &str = "this store does not write such keys";

pub(crate) fn to_postcard<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(unwritable)
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(unwritable)
}

pub(crate) fn from_json<T: DeserializeOwned>(
    value: &[u8],
    what: impl FnOnce() -> String,
) -> Result<T> {
    serde_json::from_slice(value).map_err(|e| Fault::damaged(what(), e))
}

pub(crate) fn from_postcard<T: DeserializeOwned>(
    value: &[u8],
    what: impl FnOnce() -> String,
) -> Result<T> {
    match postcard::take_from_bytes(value) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Fault::damaged(what(), format!("{} bytes too many", rest.len()))),
        Err(error) => Err(Fault::damaged(what(), error)),
    }
}

/// The source of a log as it is stored: its size and time in postcard, and since schema 4 the run that it reports as JSON,
/// if that is known.
pub(crate) fn encode_source(source: &LogSource) -> Result<Vec<u8>> {
    let mut value = to_postcard(&(source.size, source.modified))?;
    if let Some(run) = &source.run {
        value.extend(to_json(run)?);
    }
    Ok(value)
}

/// Reads what [`encode_source`] wrote.
pub(crate) fn decode_source(location: &str, value: &[u8]) -> Result<LogSource> {
    let what = || format!("source of the log {location}");
    let ((size, modified), run) =
        postcard::take_from_bytes(value).map_err(|error| Fault::damaged(what(), error))?;
    let source = LogSource::new(location, size, modified);
    match run {
        [] => Ok(source),
        run => Ok(source.with_run(from_json::<LogRun>(run, what)?)),
    }
}

/// Encoding cannot fail for any of the stored types, but serde's signatures allow for it.
pub(crate) fn unwritable(error: impl ToString) -> Fault {
    Fault::damaged("value about to be written", error)
}

pub(crate) fn check_counts(counts: [i64; 3], what: impl FnOnce() -> String) -> Result<()> {
    match counts.into_iter().find(|count| *count < 0) {
        Some(count) => Err(Fault::damaged(what(), format!("invalid count {count}"))),
        None => Ok(()),
    }
}
