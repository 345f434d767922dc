//! Limits as databases take them.

/// The limit of a list as a signed number; one beyond it is no limit.
pub fn rows_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
