//! Limits in the form that databases accept.

/// The limit of a list as a signed number; larger ones mean no limit.
pub fn rows_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
