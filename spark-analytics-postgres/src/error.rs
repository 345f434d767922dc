//! What went wrong, and whether the same may go well a moment later.

use spark_analytics_core::Error;

/// The name of this store in errors.
pub(crate) const POSTGRES: &str = "PostgreSQL";

/// What went wrong, in the server's or the driver's words. The driver would name a line of the server's source.
pub(crate) fn told(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(of_server) => {
            format!("{} (SQLSTATE {})", of_server.message(), of_server.code().unwrap_or_default())
        }
        None => error.to_string(),
    }
}

/// The error of a store that was to do something.
pub(crate) fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match (Kind::of(&error), told(&error)) {
        (Kind::Conflict, error) => Error::unavailable(
            POSTGRES,
            format!("other writers were in the way while it was to {action} ({error}): send again"),
        ),
        (Kind::Held, _) => Error::unavailable(
            POSTGRES,
            "another process has held what is to be written for too long: send again",
        ),
        (Kind::Lost, error) => Error::unavailable(
            POSTGRES,
            format!(
                "the connection was lost while it was to {action} ({error}): send again, which is \
                 safe whether or not it had been stored"
            ),
        ),
        (Kind::Busy, error) => Error::unavailable(
            POSTGRES,
            format!(
                "the server could not be reached, or no connection came free, in time ({error}): send \
                 again, and if it is there, give the pool more connections"
            ),
        ),
        (Kind::Other, error) => Error::engine(POSTGRES, action, error),
    }
}

/// Kinds of errors that differ in what to do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Writers held each other up; one of them had to give way.
    Conflict,
    /// A lock was not given in time.
    Held,
    /// The server is not there, or went away.
    Lost,
    /// All connections are in use.
    Busy,
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
            _ => Self::Other,
        }
    }
}
