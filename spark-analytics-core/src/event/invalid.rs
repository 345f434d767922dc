//! Reasons for which events are rejected.

use crate::event::limits::{MAX_EVENT_BYTES, MAX_STRING_BYTES};
use crate::identity::EventType;

/// Why an event was rejected: which field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEvent {
    /// The text is not a single JSON object, or contains a number or string that is not valid JSON;
    /// the message says where.
    #[error("the event cannot be read: {message}")]
    NotJson {
        /// The JSON parser's message, with line and column.
        message: String,
    },
    /// The event is longer than [`MAX_EVENT_BYTES`].
    #[error("the event has {bytes} bytes, more than the limit of {MAX_EVENT_BYTES}")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is a line of an event log that Spark wrote, which is imported as a whole.
    #[error(
        "this is a line of an event log that Spark wrote, not an event: import the log with \
         `spark-analytics import`"
    )]
    OfEventLog,
    /// The event is older than the day before which events were pruned, or its application was removed, see
    /// [`Receipt::TooOld`](crate::Receipt::TooOld).
    #[error(
        "the event is older than the day before which events were pruned, or its application was removed; figures \
         stay as they are"
    )]
    TooOld,
    /// A field is missing or wrong.
    #[error("field `{field}` {problem}")]
    Field {
        /// The field's name on the wire.
        field: &'static str,
        /// What is wrong with it.
        problem: FieldProblem,
    },
}

/// What is wrong with a field; its text completes "field `x` …".
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// It is missing or null.
    #[error("is missing")]
    Missing,
    /// It occurs twice in the object.
    #[error("is given twice")]
    Twice,
    /// It has the wrong JSON type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// The expected type.
        expected: &'static str,
        /// The JSON type that was found.
        found: &'static str,
    },
    /// The type is not one that figures are computed from.
    #[error("has the unknown event type `{0}`; known types are {known}", known = known_types())]
    UnknownType(String),
    /// A number below 0 or above its maximum.
    #[error("must be between 0 and {max}")]
    OutOfRange {
        /// The greatest accepted value.
        max: i64,
    },
    /// A text that is not an RFC 3339 time.
    #[error("must be an RFC 3339 time such as 2024-03-30T10:12:45Z, not `{0}`")]
    NotATime(String),
    /// A time before 1970 or after 2262.
    #[error("must be a time from 1970 to 2262")]
    OutsideTime,
    /// An empty text where the field must not be empty.
    #[error("must not be empty")]
    Empty,
    /// A text longer than [`MAX_STRING_BYTES`].
    #[error("has {bytes} bytes, more than the limit of {MAX_STRING_BYTES}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A text with the character U+0000, which not every store can hold.
    #[error("must not contain the character U+0000")]
    Nul,
}

impl InvalidEvent {
    /// This error of a text, or [`OfEventLog`](Self::OfEventLog) if the text, or its beginning, is a line of an event
    /// log.
    pub(crate) fn or_of_event_log(self, text: &[u8]) -> Self {
        if is_of_event_log(text) { Self::OfEventLog } else { self }
    }

    pub(crate) const fn field(field: &'static str, problem: FieldProblem) -> Self {
        Self::Field { field, problem }
    }
}

/// Whether a text begins as Spark begins each line of an event log: `{"Event":"`.
fn is_of_event_log(text: &[u8]) -> bool {
    let tokens: [&[u8]; 4] = [b"{", b"\"Event\"", b":", b"\""];
    let mut rest = Some(text);
    for token in tokens {
        rest = rest.and_then(|rest| rest.trim_ascii_start().strip_prefix(token));
    }
    rest.is_some()
}

fn known_types() -> String {
    EventType::ALL.map(EventType::name).join(", ")
}
