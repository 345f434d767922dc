//! What can be wrong with an event.

use crate::event::limits::{MAX_EVENT_BYTES, MAX_STRING_BYTES};
use crate::identity::EventType;

/// Why an event was not taken: which field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEvent {
    /// The text is not one JSON object, or one with a number or text that JSON cannot tell; the
    /// message says where.
    #[error("the event cannot be read: {message}")]
    NotJson {
        /// What the JSON parser says, with line and column.
        message: String,
    },
    /// The event is longer than [`MAX_EVENT_BYTES`].
    #[error("the event has {bytes} bytes, more than the {MAX_EVENT_BYTES} that are taken")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The event is older than the day before which events were pruned, see
    /// [`Receipt::TooOld`](crate::Receipt::TooOld).
    #[error(
        "the event is older than the day before which events were pruned; its job's figures stay as they are"
    )]
    TooOld,
    /// A field is missing or wrong.
    #[error("field `{field}` {problem}")]
    Field {
        /// The field's name on the wire.
        field: &'static str,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a field; its text completes "field `x` …".
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is not there, or null.
    #[error("is missing")]
    Missing,
    /// It stands twice in the object.
    #[error("is given twice")]
    Twice,
    /// It is of another JSON type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// What it has to be.
        expected: &'static str,
        /// The JSON type that was found.
        found: &'static str,
    },
    /// The event's type is none that figures are made of.
    #[error("names an unknown event type `{0}`; known are {known}", known = known_types())]
    UnknownType(String),
    /// A number below 0 or above its maximum.
    #[error("must be between 0 and {max}")]
    OutOfRange {
        /// The greatest value taken.
        max: i64,
    },
    /// A text that is no RFC 3339 time.
    #[error("must be an RFC 3339 time such as 2024-03-30T10:12:45Z, not `{0}`")]
    NotATime(String),
    /// A time before 1970 or after 2262.
    #[error("must be a time from 1970 to 2262")]
    OutsideTime,
    /// An empty text where one is needed.
    #[error("must not be empty")]
    Empty,
    /// A text longer than [`MAX_STRING_BYTES`].
    #[error("has {bytes} bytes, more than the {MAX_STRING_BYTES} that are taken")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A text with the character U+0000, which not every store can hold.
    #[error("must not contain the character U+0000")]
    Nul,
}

impl InvalidEvent {
    pub(crate) const fn field(field: &'static str, problem: Problem) -> Self {
        Self::Field { field, problem }
    }
}

fn known_types() -> String {
    EventType::ALL.map(EventType::name).join(", ")
}
