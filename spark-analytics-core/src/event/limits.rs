//! The limits of the wire format.

/// The longest text of one field, in bytes.
pub const MAX_STRING_BYTES: usize = 1024;
/// The longest event, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// The longest duration of a task, in ms: a leap year.
pub const MAX_DURATION_MS: i64 = 366 * 86_400_000;
