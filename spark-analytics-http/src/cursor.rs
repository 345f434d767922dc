//! Cursors: where a page ended, as a text that fits a query unescaped and that only this server reads. It is hardly
//! longer than the texts in it, which have a request's head to fit into.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use spark_analytics_core::{EventCursor, EventType, JobCursor, JobKey, Timestamp};

use crate::problem::Problem;

/// Between the parts of a cursor: no text of an event or a log has it.
const BETWEEN: &str = "\0";

pub(crate) fn of_job(cursor: &JobCursor) -> String {
    let JobKey { app_id, attempt_id, job_id } = &cursor.key;
    encode(&[&cursor.end.as_micros().to_string(), app_id, attempt_id, &job_id.to_string()])
}

pub(crate) fn to_job(text: &str) -> Result<JobCursor, Problem> {
    let [end, app_id, attempt_id, job_id] = decode(text)?;
    let key = JobKey { app_id, attempt_id, job_id: number(&job_id)? };
    Ok(JobCursor { end: Timestamp::from_micros(number(&end)?), key })
}

pub(crate) fn of_event(cursor: &EventCursor) -> String {
    let (micros, code) = (cursor.timestamp.as_micros(), cursor.event_type.code());
    encode(&[&micros.to_string(), &code.to_string(), &cursor.task])
}

pub(crate) fn to_event(text: &str) -> Result<EventCursor, Problem> {
    let [timestamp, code, task] = decode(text)?;
    let event_type = EventType::from_code(number(&code)?).ok_or_else(unknown)?;
    Ok(EventCursor { timestamp: Timestamp::from_micros(number(&timestamp)?), event_type, task })
}

pub(crate) fn of_id(id: i64) -> String {
    encode(&[&id.to_string()])
}

pub(crate) fn to_id(text: &str) -> Result<i64, Problem> {
    let [id] = decode(text)?;
    number(&id)
}

pub(crate) fn of_attempt(app_id: &str, attempt_id: &str) -> String {
    encode(&[app_id, attempt_id])
}

pub(crate) fn to_attempt(text: &str) -> Result<(String, String), Problem> {
    decode(text).map(|[app_id, attempt_id]| (app_id, attempt_id))
}

pub(crate) fn of_stage((stage_id, attempt_id): (i64, i64)) -> String {
    encode(&[&stage_id.to_string(), &attempt_id.to_string()])
}

pub(crate) fn to_stage(text: &str) -> Result<(i64, i64), Problem> {
    let [stage_id, attempt_id] = decode(text)?;
    Ok((number(&stage_id)?, number(&attempt_id)?))
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

fn encode(parts: &[&str]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(parts.join(BETWEEN))
}

fn decode<const N: usize>(text: &str) -> Result<[String; N], Problem> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| unknown())?;
    let text = String::from_utf8(bytes).map_err(|_| unknown())?;
    let parts: Vec<String> = text.split(BETWEEN).map(str::to_owned).collect();
    parts.try_into().map_err(|_| unknown())
}

fn number<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::bad_request("`cursor` must be what the page before gave as `next`")
}
