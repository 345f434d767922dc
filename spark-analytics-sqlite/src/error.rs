//! SQLite's errors as the store's.

use spark_analytics_core::Error;

/// The name of this store in errors.
pub(crate) const SQLITE: &str = "SQLite";

/// What the driver says, while it was to do something.
pub(crate) fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match result_code(&error) {
        Some(BUSY) => Error::unavailable(
            SQLITE,
            "another process has been writing to the database for longer than the busy timeout: \
             send again, or set a longer one",
        ),
        _ if matches!(error, sqlx::Error::PoolTimedOut) => Error::unavailable(
            SQLITE,
            "no connection came free in time: send again, or give the pool more of them",
        ),
        _ => Error::engine(SQLITE, action, error),
    }
}

/// SQLite's result code when another process holds a lock.
pub(crate) const BUSY: u32 = 5;

/// SQLite's primary result code, the low byte of what it answers.
pub(crate) fn result_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
