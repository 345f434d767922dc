//! Converts PostgreSQL's errors to the store's, and tells which of them a retry may cure.

use spark_analytics_core::Error;

/// The name of this store in errors.
pub(crate) const POSTGRES: &str = "PostgreSQL";

/// The message of the server or the driver, without the line number of the server's source code that the driver adds.
pub(crate) fn message(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(of_server) => {
            format!("{} (SQLSTATE {})", of_server.message(), of_server.code().unwrap_or_default())
        }
        None => error.to_string(),
    }
}

/// The error of a failed action, from the driver's error.
pub(crate) fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match (Kind::of(&error), message(&error)) {
        (Kind::Conflict, error) => Error::unavailable(
            POSTGRES,
            format!("other writers conflicted with the attempt to {action} ({error}): retry"),
        ),
        (Kind::Held, _) => {
            Error::unavailable(POSTGRES, "another process has held a lock for too long: retry")
        }
        (Kind::Lost, error) => Error::unavailable(
            POSTGRES,
            format!(
                "the connection was lost during the attempt to {action} ({error}): retry, which is safe \
                 whether or not the write was committed"
            ),
        ),
        (Kind::Busy, error) => Error::unavailable(
            POSTGRES,
            format!(
                "the server could not be reached, or no connection became free, in time ({error}): \
                 retry; if the server is running, allow more connections (`--postgres-connections`, or \
                 `PostgresOptions::connections`)"
            ),
        ),
        (Kind::Content, error) => Error::refused(POSTGRES, error),
        (Kind::Other, error) => Error::engine(POSTGRES, action, error),
    }
}

/// Kinds of errors that differ in what to do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Writers blocked each other, and PostgreSQL aborted this one.
    Conflict,
    /// A lock was not acquired in time.
    Held,
    /// The server cannot be reached, or the connection was lost.
    Lost,
    /// All connections are in use.
    Busy,
    /// The server cannot hold a value, now or later.
    Content,
    /// Anything else.
    Other,
}

impl Kind {
    /// By [PostgreSQL's error codes](https://www.postgresql.org/docs/current/errcodes-appendix.html).
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => return Self::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                return Self::Lost;
            }
            _ => {}
        }
        let code = error.as_database_error().and_then(|error| error.code());
        match code.as_deref().unwrap_or_default() {
            "40001" | "40P01" => Self::Conflict,
            "55P03" => Self::Held,
            "53300" => Self::Busy,
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Self::Lost,
            code if code.starts_with("08") => Self::Lost,
            // Characters that its encoding lacks, numbers out of range, texts or index entries that are too long.
            "23514" | "54000" => Self::Content,
            code if code.starts_with("22") => Self::Content,
            _ => Self::Other,
        }
    }
}
