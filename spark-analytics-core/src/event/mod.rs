//! The wire format of single events, and its validation.

mod field;
pub(crate) mod invalid;
pub(crate) mod limits;
pub(crate) mod splitter;
mod time;

use std::borrow::Cow;
use std::sync::Arc;

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::event::field::{Fields, Scalar};
use crate::event::invalid::{FieldProblem, InvalidEvent};
use crate::event::limits::{MAX_DURATION_MS, MAX_EVENT_BYTES, MAX_STRING_BYTES};
use crate::event::time::time;
use crate::figures::tasks::TaskOutcome;
use crate::identity::{Dedup, EventId, EventType, JobKey};
use crate::time::Timestamp;

/// Where the JSON of an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From a producer: all rules hold.
    New,
    /// From a store, possibly of an earlier version, which had fewer.
    Stored,
}

/// A listener event of a job: valid by construction, with the JSON it was received as.
///
/// [`Event::from_json`] and serde read the wire format; fields unknown to this library are
/// kept in [`raw`](Self::raw). The typed constructors build the same events from a program's values.
///
/// ```
/// use spark_analytics_core::{Event, EventType};
///
/// let event = Event::from_json(
///     r#"{"event":"SparkListenerJobStart","job_id":101,
///         "timestamp":"2024-03-30T10:12:45Z","user":"ada@example.com"}"#,
/// )?;
/// assert_eq!(event.event_type(), EventType::JobStart);
/// assert_eq!(event.job().job_id, 101);
/// # Ok::<(), spark_analytics_core::InvalidEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    job: JobKey,
    timestamp: Timestamp,
    content: EventContent,
    /// Shared: events are copied before they are stored, in case one of them is refused.
    raw: Arc<str>,
}

/// The typed fields of an event beyond its identity, without the raw text.
///
/// If two events have the same identity, the greater content wins. The order is the derived one: user,
/// then for a task's end task id, duration and outcome (failed before successful), for a job's end
/// completion time and result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventContent {
    /// The user in the event.
    pub user: String,
    /// The fields that the event's type adds.
    pub detail: EventDetail,
}

/// The fields that an event's type adds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventDetail {
    /// A job's start adds nothing.
    JobStart,
    /// The end of a task.
    TaskEnd {
        /// The task's id, never empty.
        task_id: String,
        /// How long the task took, in ms, 0 to [`MAX_DURATION_MS`].
        duration_ms: i64,
        /// Whether the task succeeded.
        successful: bool,
    },
    /// The end of a job.
    JobEnd {
        /// The completion time in the event; kept, but not used by any figure.
        completion_time: Timestamp,
        /// The result as Spark names it, see [`JobResult`](crate::JobResult).
        job_result: String,
    },
}

impl Event {
    /// Reads one event from its JSON.
    ///
    /// # Errors
    /// [`InvalidEvent`] names the field and what is wrong with it.
    pub fn from_json(json: &str) -> Result<Self, InvalidEvent> {
        let json = json.trim_matches([' ', '\t', '\r', '\n']);
        Self::parse(json, Origin::New).map_err(|error| error.or_of_event_log(json.as_bytes()))
    }

    /// Reads an event from the JSON that a store holds of it, for authors of stores.
    ///
    /// Earlier versions accepted unknown fields that parsers of JSON refuse, such as half of a surrogate pair, and times that
    /// do not exist. Of such an event the known fields are read, and its JSON is written from them, so that whatever is
    /// given out can be read.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_stored(json: &str) -> Result<Self, InvalidEvent> {
        Self::parse(json, Origin::New).or_else(|error| {
            let mut event = Self::parse(json, Origin::Stored).map_err(|_| error)?;
            event.raw = wire(&event.job, event.timestamp, &event.content).into();
            Ok(event)
        })
    }

    fn parse(json: &str, origin: Origin) -> Result<Self, InvalidEvent> {
        if json.len() > MAX_EVENT_BYTES {
            return Err(InvalidEvent::TooLarge { bytes: json.len() });
        }
        // serde would accept a list as the fields in order, and quote other values in full.
        if !json.is_empty() && !json.starts_with('{') {
            let message = format!("not a JSON object: `{}`", short(json));
            return Err(InvalidEvent::NotJson { message });
        }
        let fields = Fields::read(json, origin)?;
        let event_type = event_type(&fields.event)?;
        let job = JobKey {
            job_id: integer("job_id", &fields.job_id, i64::MAX)?,
            app_id: optional_text("app_id", &fields.app_id)?,
            attempt_id: optional_text("attempt_id", &fields.attempt_id)?,
        };
        let timestamp = time("timestamp", &fields.timestamp, origin)?;
        let user = text("user", fields.user)?;
        let detail = match event_type {
            EventType::JobStart => EventDetail::JobStart,
            EventType::TaskEnd => EventDetail::TaskEnd {
                task_id: text("task_id", fields.task_id)?,
                duration_ms: integer("duration_ms", &fields.duration_ms, MAX_DURATION_MS)?,
                successful: boolean("successful", &fields.successful)?,
            },
            EventType::JobEnd => EventDetail::JobEnd {
                completion_time: time("completion_time", &fields.completion_time, origin)?,
                job_result: text("job_result", fields.job_result)?,
            },
        };
        let event =
            Self { job, timestamp, content: EventContent { user, detail }, raw: json.into() };
        event.check()?;
        Ok(event)
    }

    /// Reads one event from the bytes of its JSON.
    ///
    /// # Errors
    /// [`InvalidEvent::NotJson`] or [`InvalidEvent::OfEventLog`] if they are not UTF-8, else as
    /// [`from_json`](Self::from_json). Bytes beyond the size limit are reported as [`InvalidEvent::TooLarge`], unless
    /// they are of an event log, whatever they contain.
    pub fn from_bytes(json: &[u8]) -> Result<Self, InvalidEvent> {
        let bytes = json.trim_ascii().len();
        if bytes > MAX_EVENT_BYTES {
            return Err(InvalidEvent::TooLarge { bytes }.or_of_event_log(json));
        }
        let text = std::str::from_utf8(json).map_err(|error| InvalidEvent::NotJson {
            message: format!("not valid UTF-8: invalid byte at offset {}", error.valid_up_to()),
        });
        text.map_err(|error| error.or_of_event_log(json)).and_then(Self::from_json)
    }

    /// The start of a job.
    ///
    /// # Errors
    /// [`InvalidEvent`], with the same limits as the wire format.
    ///
    /// ```
    /// use spark_analytics_core::{Event, JobKey};
    ///
    /// let start = Event::job_start(JobKey::new(101), "2024-03-30T10:12:45Z".parse().unwrap(), "ada")?;
    /// assert_eq!(start, Event::from_json(start.raw())?);
    /// # Ok::<(), spark_analytics_core::InvalidEvent>(())
    /// ```
    pub fn job_start(
        job: impl Into<JobKey>,
        timestamp: Timestamp,
        user: impl Into<String>,
    ) -> Result<Self, InvalidEvent> {
        Self::build(job.into(), timestamp, user.into(), EventDetail::JobStart)
    }

    /// The end of a task that took `duration_ms` ms.
    ///
    /// # Errors
    /// See [`job_start`](Self::job_start).
    pub fn task_end(
        job: impl Into<JobKey>,
        timestamp: Timestamp,
        user: impl Into<String>,
        task_id: impl Into<String>,
        duration_ms: i64,
        successful: bool,
    ) -> Result<Self, InvalidEvent> {
        let detail = EventDetail::TaskEnd { task_id: task_id.into(), duration_ms, successful };
        Self::build(job.into(), timestamp, user.into(), detail)
    }

    /// The end of a job, with its result as Spark names it: `JobSucceeded` or `JobFailed`.
    ///
    /// # Errors
    /// See [`job_start`](Self::job_start).
    pub fn job_end(
        job: impl Into<JobKey>,
        timestamp: Timestamp,
        user: impl Into<String>,
        completion_time: Timestamp,
        job_result: impl Into<String>,
    ) -> Result<Self, InvalidEvent> {
        let detail = EventDetail::JobEnd { completion_time, job_result: job_result.into() };
        Self::build(job.into(), timestamp, user.into(), detail)
    }

    /// The job that the event belongs to.
    pub const fn job(&self) -> &JobKey {
        &self.job
    }

    /// When it happened.
    pub const fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.content.user
    }

    /// The event's type.
    pub const fn event_type(&self) -> EventType {
        match self.content.detail {
            EventDetail::JobStart => EventType::JobStart,
            EventDetail::TaskEnd { .. } => EventType::TaskEnd,
            EventDetail::JobEnd { .. } => EventType::JobEnd,
        }
    }

    /// The typed fields beyond the identity; in a conflict the greater content wins.
    pub const fn content(&self) -> &EventContent {
        &self.content
    }

    /// The JSON it was received as, or that its constructor wrote: one object, at most
    /// [`MAX_EVENT_BYTES`] long.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The identity of the event within its job.
    pub fn id(&self, dedup: Dedup) -> EventId<'_> {
        let task = match (&self.content.detail, dedup) {
            (EventDetail::TaskEnd { task_id, .. }, Dedup::WithTask) => task_id,
            _ => "",
        };
        EventId { timestamp: self.timestamp, event_type: self.event_type(), task }
    }

    fn build(
        job: JobKey,
        timestamp: Timestamp,
        user: String,
        detail: EventDetail,
    ) -> Result<Self, InvalidEvent> {
        let content = EventContent { user, detail };
        let raw = wire(&job, timestamp, &content).into();
        let event = Self { job, timestamp, content, raw };
        event.check()?;
        Ok(event)
    }

    /// The limits that hold for parsed and constructed events alike.
    fn check(&self) -> Result<(), InvalidEvent> {
        check_text("app_id", &self.job.app_id)?;
        check_text("attempt_id", &self.job.attempt_id)?;
        check_range("job_id", self.job.job_id, i64::MAX)?;
        check_time("timestamp", self.timestamp)?;
        check_text("user", &self.content.user)?;
        match &self.content.detail {
            EventDetail::JobStart => {}
            EventDetail::TaskEnd { task_id, duration_ms, .. } => {
                if task_id.is_empty() {
                    return Err(InvalidEvent::field("task_id", FieldProblem::Empty));
                }
                check_text("task_id", task_id)?;
                check_range("duration_ms", *duration_ms, MAX_DURATION_MS)?;
            }
            EventDetail::JobEnd { completion_time, job_result } => {
                check_time("completion_time", *completion_time)?;
                check_text("job_result", job_result)?;
            }
        }
        Ok(())
    }
}

impl EventDetail {
    /// The outcome of a task's end, and its duration in ms.
    pub(crate) const fn task(&self) -> Option<(TaskOutcome, i64)> {
        match self {
            Self::TaskEnd { duration_ms, successful: true, .. } => {
                Some((TaskOutcome::Succeeded, *duration_ms))
            }
            Self::TaskEnd { duration_ms, .. } => Some((TaskOutcome::Failed, *duration_ms)),
            _ => None,
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.raw).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_json(raw.get()).map_err(serde::de::Error::custom)
    }
}

fn wire(job: &JobKey, timestamp: Timestamp, content: &EventContent) -> String {
    let mut fields = serde_json::Map::new();
    let mut put = |name: &str, value: serde_json::Value| fields.insert(name.to_owned(), value);
    let event_type = match &content.detail {
        EventDetail::JobStart => EventType::JobStart,
        EventDetail::TaskEnd { task_id, duration_ms, successful } => {
            put("task_id", task_id.as_str().into());
            put("duration_ms", (*duration_ms).into());
            put("successful", (*successful).into());
            EventType::TaskEnd
        }
        EventDetail::JobEnd { completion_time, job_result } => {
            put("completion_time", completion_time.to_string().into());
            put("job_result", job_result.as_str().into());
            EventType::JobEnd
        }
    };
    put("event", event_type.name().into());
    put("job_id", job.job_id.into());
    if !job.app_id.is_empty() {
        put("app_id", job.app_id.as_str().into());
    }
    if !job.attempt_id.is_empty() {
        put("attempt_id", job.attempt_id.as_str().into());
    }
    put("timestamp", timestamp.to_string().into());
    put("user", content.user.as_str().into());
    serde_json::Value::Object(fields).to_string()
}

fn event_type(value: &Scalar<'_>) -> Result<EventType, InvalidEvent> {
    let Scalar::Text(name) = value else {
        return Err(value.not_a("event", "a text"));
    };
    EventType::ALL
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| InvalidEvent::field("event", FieldProblem::UnknownType(short(name))))
}

fn text(field: &'static str, value: Scalar<'_>) -> Result<String, InvalidEvent> {
    match value {
        Scalar::Text(text) => Ok(text.into_owned()),
        other => Err(other.not_a(field, "a text")),
    }
}

fn optional_text(field: &'static str, value: &Scalar<'_>) -> Result<String, InvalidEvent> {
    match value {
        Scalar::Missing | Scalar::Null => Ok(String::new()),
        Scalar::Text(text) => Ok(text.as_ref().to_owned()),
        other => Err(other.not_a(field, "a text")),
    }
}

fn integer(field: &'static str, value: &Scalar<'_>, max: i64) -> Result<i64, InvalidEvent> {
    match value {
        Scalar::Integer(n) => Ok(*n),
        Scalar::TooBig => Err(InvalidEvent::field(field, FieldProblem::OutOfRange { max })),
        other => Err(other.not_a(field, "an integer")),
    }
}

fn boolean(field: &'static str, value: &Scalar<'_>) -> Result<bool, InvalidEvent> {
    match value {
        Scalar::Bool(b) => Ok(*b),
        other => Err(other.not_a(field, "true or false")),
    }
}

fn check_text(field: &'static str, text: &str) -> Result<(), InvalidEvent> {
    if text.len() > MAX_STRING_BYTES {
        return Err(InvalidEvent::field(field, FieldProblem::TooLong { bytes: text.len() }));
    }
    if text.contains('\0') {
        return Err(InvalidEvent::field(field, FieldProblem::Nul));
    }
    Ok(())
}

fn check_range(field: &'static str, value: i64, max: i64) -> Result<(), InvalidEvent> {
    if (0..=max).contains(&value) {
        Ok(())
    } else {
        Err(InvalidEvent::field(field, FieldProblem::OutOfRange { max }))
    }
}

fn check_time(field: &'static str, time: Timestamp) -> Result<(), InvalidEvent> {
    if (Timestamp::from_micros(0)..Timestamp::END).contains(&time) {
        Ok(())
    } else {
        Err(InvalidEvent::field(field, FieldProblem::OutsideTime))
    }
}

/// Shortens input that is quoted in errors.
fn short(text: &str) -> String {
    let cut: Cow<'_, str> = match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    };
    cut.into_owned()
}
