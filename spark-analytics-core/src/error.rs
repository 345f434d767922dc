//! Errors beyond invalid input.

use std::sync::Arc;

/// Why a call failed. Nothing of the call's batch was applied, with the exceptions of
/// [`Error::Engine`] and [`Error::Unavailable`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too many events are already waiting to be committed; retry shortly.
    #[error("{waiting} events are waiting to be stored (limit: {limit}); retry shortly")]
    Busy {
        /// Events waiting, this call's included.
        waiting: usize,
        /// The limit.
        limit: usize,
    },
    /// The storage engine failed. The batch is whole or absent; sending it again is always safe.
    #[error("the {backend} store failed to {action}: {reason}")]
    Engine {
        /// The backend's name.
        backend: &'static str,
        /// The operation that failed.
        action: &'static str,
        /// The error of the engine.
        reason: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Another process holds the store, its server is unreachable, or no connection became free in time.
    /// Retry later. Nothing was applied, unless the connection was lost during a commit: then the batch is
    /// whole or absent, and retrying is safe as well.
    #[error("the {backend} store cannot be used now: {reason}")]
    Unavailable {
        /// The backend's name.
        backend: &'static str,
        /// The reason, and what to do.
        reason: String,
    },
    /// Stored data cannot be read; the message names it.
    #[error("the {backend} store holds a damaged {what}: {reason}")]
    Damaged {
        /// The backend's name.
        backend: &'static str,
        /// Which row.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no store that can be used at the given URL or path.
    #[error("{reason}")]
    Location {
        /// What is wrong with the location.
        cause: LocationCause,
        /// The location, what is wrong with it and what to do.
        reason: String,
    },
    /// The store was written by another version or created with another rule, and cannot be opened with these.
    #[error("{reason}")]
    Incompatible {
        /// What differs.
        cause: IncompatibleCause,
        /// The store, what differs and what to do.
        reason: String,
    },
}

/// What is wrong with the location of a store, see [`Error::Location`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocationCause {
    /// The URL or path is malformed, or names another kind of store.
    Invalid,
    /// The file, folder, database or server does not exist.
    NotFound,
    /// A store was to be created, and there is a file already.
    AlreadyExists,
    /// The file cannot be read and written, or the server refuses the login.
    PermissionDenied,
    /// The file holds something else.
    NotAStore,
    /// The program was built without this kind of store.
    NotBuiltIn,
}

/// Why a store cannot be opened as it is, see [`Error::Incompatible`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IncompatibleCause {
    /// Its schema is newer than this version, or another.
    Schema,
    /// It was created with the other [`Dedup`](crate::Dedup) rule.
    Dedup,
    /// The engine's file format is one that this version does not read.
    Engine,
}

impl Error {
    /// A location that cannot be used; `reason` names it and says what to do.
    pub fn location(cause: LocationCause, reason: impl Into<String>) -> Self {
        Self::Location { cause, reason: reason.into() }
    }

    /// A store that cannot be opened as it is; `reason` names it and says what to do.
    pub fn incompatible(cause: IncompatibleCause, reason: impl Into<String>) -> Self {
        Self::Incompatible { cause, reason: reason.into() }
    }

    /// An engine's failure while it was to do `action`.
    pub fn engine(
        backend: &'static str,
        action: &'static str,
        reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Engine { backend, action, reason: Arc::from(reason.into()) }
    }

    /// A store that another holds now.
    pub fn unavailable(backend: &'static str, reason: impl Into<String>) -> Self {
        Self::Unavailable { backend, reason: reason.into() }
    }

    /// Whether the same call may succeed later although nothing else is changed: the store is busy, held by another
    /// process, or out of reach.
    ///
    /// ```
    /// use spark_analytics_core::Error;
    ///
    /// assert!(Error::Busy { waiting: 3, limit: 2 }.is_retryable());
    /// assert!(!Error::damaged("redb", "job 7", "it ends early").is_retryable());
    /// ```
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable { .. })
    }

    /// A stored row that cannot be read.
    pub fn damaged(backend: &'static str, what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { backend, what: what.into(), reason: reason.to_string() }
    }
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn what_an_engine_says_is_said_once() {
        let error = Error::engine("redb", "commit", "the disk is full");
        assert_eq!(error.to_string(), "the redb store failed to commit: the disk is full");
        assert!(error.source().is_none());
    }
}
