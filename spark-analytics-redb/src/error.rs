//! Errors within a transaction.

use spark_analytics_core::Error;

pub(crate) const BACKEND: &str = "redb";

/// An error to which the action of the store has yet to be added.
#[derive(Debug)]
pub(crate) enum Fault {
    Engine(redb::Error),
    Damaged { what: String, reason: String },
}

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    pub(crate) fn damaged(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { what: what.into(), reason: reason.to_string() }
    }

    /// Whether redb refuses all calls after it until the file is reopened.
    pub(crate) const fn puts_out_of_use(&self) -> bool {
        matches!(self, Self::Engine(redb::Error::Io(_) | redb::Error::PreviousIo))
    }

    /// The error for callers.
    pub(crate) fn during(self, action: &'static str) -> Error {
        match self {
            Self::Engine(redb::Error::PreviousIo) => Error::engine(
                BACKEND,
                action,
                "its file failed in another call: check the disk; the next call reopens it",
            ),
            Self::Engine(source @ redb::Error::ValueTooLarge(_)) => Error::refused(BACKEND, source),
            Self::Engine(source) => Error::engine(BACKEND, action, source),
            Self::Damaged { what, reason } => Error::damaged(BACKEND, what, reason),
        }
    }
}

macro_rules! from_engine {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Engine(error.into())
            }
        }
    )*};
}

from_engine!(
    CommitError,
    CompactionError,
    DatabaseError,
    SetDurabilityError,
    StorageError,
    TableError,
    TransactionError
);
