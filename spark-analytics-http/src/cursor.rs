//! Cursors: where a page ended, as a text that fits a query unescaped and that only this server reads.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use spark_analytics_core::{EventCursor, EventType, JobCursor, JobKey, Timestamp};

use crate::problem::Problem;

pub(crate) fn of_job(cursor: &JobCursor) -> String {
    let JobKey { app_id, attempt_id, job_id } = &cursor.key;
    encode(&(cursor.end, app_id, attempt_id, job_id))
}

pub(crate) fn to_job(text: &str) -> Result<JobCursor, Problem> {
    let (end, app_id, attempt_id, job_id) = decode::<(Timestamp, String, String, i64)>(text)?;
    Ok(JobCursor { end, key: JobKey { app_id, attempt_id, job_id } })
}

pub(crate) fn of_event(cursor: &EventCursor) -> String {
    encode(&(cursor.timestamp, cursor.event_type.code(), &cursor.task))
}

pub(crate) fn to_event(text: &str) -> Result<EventCursor, Problem> {
    let (timestamp, code, task) = decode::<(Timestamp, u8, String)>(text)?;
    let event_type = EventType::from_code(code).ok_or_else(unknown)?;
    Ok(EventCursor { timestamp, event_type, task })
}

pub(crate) fn of_id(id: i64) -> String {
    encode(&(id,))
}

pub(crate) fn to_id(text: &str) -> Result<i64, Problem> {
    decode::<(i64,)>(text).map(|(id,)| id)
}

pub(crate) fn of_attempt(app_id: &str, attempt_id: &str) -> String {
    encode(&(app_id, attempt_id))
}

pub(crate) fn to_attempt(text: &str) -> Result<(String, String), Problem> {
    decode(text)
}

pub(crate) fn of_stage(stage: (i64, i64)) -> String {
    encode(&stage)
}

pub(crate) fn to_stage(text: &str) -> Result<(i64, i64), Problem> {
    decode(text)
}

/// The first `limit` of `rows`, of which one more was asked for, and the cursor if there is more.
pub(crate) fn page<T>(
    rows: &mut Vec<T>,
    limit: usize,
    cursor: impl Fn(&T) -> String,
) -> Option<String> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(cursor)
}

fn encode(parts: &impl Serialize) -> String {
    // Numbers and texts always are JSON.
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(parts).unwrap_or_default())
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| unknown())?;
    serde_json::from_slice(&json).map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::bad_request("`cursor` must be what the page before gave as `next`")
}
