//! Cursors: where a page ended, as text that needs no escaping in a query and that only this server reads. It is
//! hardly longer than the texts in it, because it has to fit into the head of a request.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use spark_analytics_core::{
    AttemptKey, EventCursor, EventType, JobCursor, JobKey, JobOrder, Timestamp,
};

use crate::problem::Problem;

/// Separates the parts of a cursor: no text of an event or a log contains it.
const SEPARATOR: &str = "\0";

/// A position in a list, sent to clients as text.
pub(crate) trait Cursor: Sized {
    fn encode(&self) -> String;

    /// Reads what [`encode`](Self::encode) wrote; any other text is a 400.
    fn decode(text: &str) -> Result<Self, Problem>;
}

/// A place in a list of jobs, with the order of the list.
#[derive(Clone, Debug)]
pub(crate) struct ListedJob {
    pub(crate) order: JobOrder,
    pub(crate) place: JobCursor,
}

/// The name of the order, which the order that existed first leaves out; its first column; the job.
impl Cursor for ListedJob {
    fn encode(&self) -> String {
        let JobKey { app_id, attempt_id, job_id } = &self.place.key;
        let (rank, job_id) = (self.place.rank(self.order).to_string(), job_id.to_string());
        match self.order {
            JobOrder::Oldest => join(&[&rank, app_id, attempt_id, &job_id]),
            order => join(&[order.name(), &rank, app_id, attempt_id, &job_id]),
        }
    }

    fn decode(text: &str) -> Result<Self, Problem> {
        let (order, [rank, app_id, attempt_id, job_id]) = match split(text) {
            Ok(parts) => (JobOrder::Oldest, parts),
            Err(_) => {
                let [order, rank, app_id, attempt_id, job_id] = split(text)?;
                let order = order.parse().ok().filter(|order| *order != JobOrder::Oldest);
                (order.ok_or_else(unknown)?, [rank, app_id, attempt_id, job_id])
            }
        };
        let key = JobKey { app_id, attempt_id, job_id: number(&job_id)? };
        let rank = number(&rank)?;
        // Of the two, the order looks at one.
        let place = JobCursor { end: Timestamp::from_micros(rank), key, duration_us: rank };
        Ok(Self { order, place })
    }
}

impl Cursor for EventCursor {
    fn encode(&self) -> String {
        let (micros, code) = (self.timestamp.as_micros(), self.event_type.code());
        join(&[&micros.to_string(), &code.to_string(), &self.task])
    }

    fn decode(text: &str) -> Result<Self, Problem> {
        let [timestamp, code, task] = split(text)?;
        let event_type = EventType::from_code(number(&code)?).ok_or_else(unknown)?;
        Ok(Self { timestamp: Timestamp::from_micros(number(&timestamp)?), event_type, task })
    }
}

/// The id of rejected input.
impl Cursor for i64 {
    fn encode(&self) -> String {
        join(&[&self.to_string()])
    }

    fn decode(text: &str) -> Result<Self, Problem> {
        let [id] = split(text)?;
        number(&id)
    }
}

/// An application and its attempt.
impl Cursor for AttemptKey {
    fn encode(&self) -> String {
        join(&[&self.app_id, &self.attempt_id])
    }

    fn decode(text: &str) -> Result<Self, Problem> {
        split(text).map(|[app_id, attempt_id]| Self { app_id, attempt_id })
    }
}

/// A stage and its attempt.
impl Cursor for (i64, i64) {
    fn encode(&self) -> String {
        join(&[&self.0.to_string(), &self.1.to_string()])
    }

    fn decode(text: &str) -> Result<Self, Problem> {
        let [stage_id, attempt_id] = split(text)?;
        Ok((number(&stage_id)?, number(&attempt_id)?))
    }
}

fn join(parts: &[&str]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(parts.join(SEPARATOR))
}

fn split<const N: usize>(text: &str) -> Result<[String; N], Problem> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| unknown())?;
    let text = String::from_utf8(bytes).map_err(|_| unknown())?;
    let parts: Vec<String> = text.split(SEPARATOR).map(str::to_owned).collect();
    parts.try_into().map_err(|_| unknown())
}

fn number<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::bad_request("`cursor` must be the `next` of the previous page")
}
