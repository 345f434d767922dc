//! SQLite's errors as the store's.

use spark_analytics_core::Error;

/// The name of this store in errors.
pub(crate) const SQLITE: &str = "SQLite";

/// The error of a failed action, from the driver's error.
pub(crate) fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match result_code(&error) {
        Some(BUSY) => Error::unavailable(
            SQLITE,
            "another process has been writing to the database for longer than the busy timeout: \
             retry, or set a longer timeout",
        ),
        _ if matches!(error, sqlx::Error::PoolTimedOut) => Error::unavailable(
            SQLITE,
            "no connection became free in time: retry, or give the pool more connections",
        ),
        Some(TOO_BIG) => Error::refused(SQLITE, error),
        _ => Error::engine(SQLITE, action, error),
    }
}

/// SQLite's result code when a value is longer than a row may be.
const TOO_BIG: u32 = 18;

/// SQLite's result code when another process holds a lock.
pub(crate) const BUSY: u32 = 5;

/// SQLite's primary result code: the low byte of the extended one.
pub(crate) fn result_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
