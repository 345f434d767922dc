//! The limits of the wire format.

/// The longest text of one field, in bytes.
pub const MAX_STRING_BYTES: usize = 1024;
/// The longest event, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// How many levels of lists and objects an event may have, itself included. Lists of events that are given out have a few
/// more, and parsers read 127.
pub const MAX_EVENT_DEPTH: usize = 100;
/// The longest duration of a task, in ms: a leap year.
pub const MAX_DURATION_MS: i64 = 366 * 86_400_000;
